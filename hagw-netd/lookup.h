/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ares.h>
#include <systemd/sd-event.h>

#include "libhagw/pure/cidr.h"

/* One DNS lookup by c-ares, on the loop that it is given. A lookup owns its channel: it starts with the
 * resolv.conf and the hosts file of this moment and with a source port of its own, and nothing of it is left
 * when it is freed. */

#define LOOKUP_ADDRESSES_MAX 16U
#define LOOKUP_TRIES         2                  /* of each server */
#define LOOKUP_TRY_USEC      (2 * USEC_PER_SEC) /* the first wait; c-ares lengthens it */
#define LOOKUP_TRY_MAX_USEC  (5 * USEC_PER_SEC)  /* but not above this */
#define LOOKUP_USEC          (20 * USEC_PER_SEC) /* the whole lookup */

/* What became of it. */
typedef enum LookupStatus {
        LOOKUP_OK,
        LOOKUP_NO_SUCH_NAME, /* NXDOMAIN, or nothing of this type there */
        LOOKUP_FAILED,       /* nobody answered in time, or what came was no answer */
} LookupStatus;

typedef struct LookupResult {
        LookupStatus status;
        const char *reason; /* where not LOOKUP_OK: why, in a few words */

        /* lookup_addresses_new(): in order of preference (RFC 6724), and for how long they may be kept. */
        IpAddress addresses[LOOKUP_ADDRESSES_MAX];
        size_t n_addresses;
        bool partial; /* all are of one family, and about the other something went unanswered: c-ares asks no
                         more once it has one (pull request 551 there) */
        uint32_t ttl; /* seconds; 0 for those of the hosts file */

        /* lookup_records_new(): the answer, for the time of the callback. */
        const ares_dns_record_t *record;
} LookupResult;

typedef struct Lookup Lookup;

/* Runs exactly once, from the loop, never inside lookup_…_new(); it may free the lookup. */
typedef void (*LookupHandler)(Lookup *lookup, const LookupResult *result, void *userdata);

/* All addresses of a host name: hosts file, then DNS, with the search domains of the system. */
int lookup_addresses_new(Lookup **ret, sd_event *event, const char *name, LookupHandler handler,
                         void *userdata);

/* One question as it stands. server: "ADDRESS" or "ADDRESS:PORT" ("[ADDRESS]:PORT"), which is asked alone
 * and whose answer is handed on with whatever RCODE it has; NULL: the system's resolvers, from which only a
 * usable answer is taken. -EINVAL: no such server address. */
int lookup_records_new(Lookup **ret, sd_event *event, const char *name, ares_dns_rec_type_t type,
                       const char *server, LookupHandler handler, void *userdata);

bool lookup_has_family(const LookupResult *result, int family);

/* Cancels; the handler does not run any more. */
Lookup *lookup_free(Lookup *l);
DEFINE_TRIVIAL_CLEANUP_FUNC(Lookup *, lookup_free)
