/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "libhagw/pure/cidr.h"

/* A name of the house's own network (.local, RFC 6762), asked of those who speak mDNS on this machine:
 * systemd-resolved, else Avahi. Main thread only. */

#define MDNS_ADDRESSES_MAX 16U
#define MDNS_STEP_USEC (3 * USEC_PER_SEC) /* for each: mDNS answers at once, or nobody has the name */
#define MDNS_TTL 60U /* seconds; nobody tells the name's own */

typedef struct Mdns Mdns;

/* Runs exactly once, from the loop, and may free the question. n: 0 where nobody knows the name. */
typedef void (*MdnsHandler)(const IpAddress *addresses, size_t n, void *userdata);

bool mdns_is_local(const char *name);
int mdns_new(Mdns **ret, sd_event *event, const char *name, MdnsHandler handler, void *userdata);
/* Cancels; the handler does not run any more. */
Mdns *mdns_free(Mdns *m);
