/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the gateway's own pages stand on every host. Services' workers (Service Workers, W3C) see requests
 * for the whole host: Home Assistant's keeps each page whose address has neither "/api/" nor "/auth/" in it,
 * whatever the answer says of caching. So what must never be old stands below "/auth/". */

#define OWN_PREFIX "/.hagw/"
#define OWN_AUTH_PREFIX OWN_PREFIX "auth/"
#define OWN_LOGIN OWN_AUTH_PREFIX "login"
#define OWN_LOGOUT OWN_AUTH_PREFIX "logout"
#define OWN_DENIED OWN_AUTH_PREFIX "denied"
#define OWN_STATUS OWN_AUTH_PREFIX "status"
#define OWN_METRICS OWN_PREFIX "metrics" /* for programs: no browser's worker sees it */

/* Where they stood before: they lead on, for one release, so that a page that was opened before an update
 * still gets its form through. */
#define OWN_OLD_LOGIN OWN_PREFIX "login"
#define OWN_OLD_LOGOUT OWN_PREFIX "logout"
#define OWN_OLD_DENIED OWN_PREFIX "denied"
#define OWN_OLD_STATUS OWN_PREFIX "status" /* stays: short enough to be typed */
