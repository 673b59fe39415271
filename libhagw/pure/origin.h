/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/slice.h"

/* Which page a request comes from, as far as its browser says: Origin (RFC 6454 section 7), Fetch Metadata
 * (Sec-Fetch-*), Referer. No page can write any of these fields; a page can only leave its Referer out.
 *
 *                                   Origin         Sec-Fetch-Site         Origin judged
 *   a program, an old browser       –              –                      ORIGIN_PROGRAM
 *   a typed address, a bookmark     –              none                   ORIGIN_OWN
 *   the host's own page             – or its own   same-origin, –, none   ORIGIN_OWN
 *   the same with no-referrer       null           same-origin            ORIGIN_OWN
 *   an app's WebSocket library      wss://HOST     –                      ORIGIN_OWN
 *   an extension with the right     *-extension:…  none, same-origin      ORIGIN_OWN
 *   a link, a form with GET         any            any                    ORIGIN_NAVIGATION (mode, dest)
 *   a frame in a page of the site   –              same-site              ORIGIN_FRAMED
 *   its picture, film, sound        –              same-site              ORIGIN_SHOWN
 *   all the rest, anything twice                                          ORIGIN_FOREIGN
 *
 * Browsers without Fetch Metadata say Origin with every WebSocket, POST and fetch() from elsewhere. Pure. */

typedef enum OriginField {
        ORIGIN_FIELD_ORIGIN,
        ORIGIN_FIELD_SITE, /* Sec-Fetch-Site, and so on */
        ORIGIN_FIELD_MODE,
        ORIGIN_FIELD_DEST,
        ORIGIN_FIELD_REFERER,
        _ORIGIN_FIELD_MAX,
} OriginField;

/* What a request's fields claim; all zero to begin with. The bytes are the caller's. */
typedef struct OriginClaim {
        Slice values[_ORIGIN_FIELD_MAX];
        unsigned seen; /* 1 << OriginField */
        bool twice;    /* a field came more than once */
} OriginClaim;

typedef enum Origin {
        ORIGIN_PROGRAM,    /* nothing is said */
        ORIGIN_OWN,        /* this host's page, or the person at the browser */
        ORIGIN_NAVIGATION, /* another page, which the window leaves: GET or HEAD */
        ORIGIN_FRAMED,     /* another page of the same site (RFC 6265bis), for a frame: GET or HEAD */
        ORIGIN_SHOWN,      /* the same, for a part of the page that it cannot read */
        ORIGIN_FOREIGN,
        _ORIGIN_MAX,
} Origin;

static inline _unused_ void origin_claim_add(OriginClaim *c, OriginField field, Slice value) {
        c->twice = c->twice || (c->seen & 1U << field);
        c->seen |= 1U << field;
        c->values[field] = value;
}

/* authority: the request's Host field, port and all. get: its method is GET or HEAD, and it is no upgrade.
 */
Origin origin_judge(const OriginClaim *c, Slice authority, bool get);

/* Is the page that the Referer names one of these hosts (normalized, NULL-ended), at whatever port? */
bool origin_is_listed(const OriginClaim *c, char *const *hosts);
static inline _unused_ bool origin_has_referer(const OriginClaim *c) {
        return c->seen & 1U << ORIGIN_FIELD_REFERER;
}

const char *origin_text(Origin o);
