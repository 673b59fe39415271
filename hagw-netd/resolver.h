/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-netd/lookup.h"

/* Host names for the daemons that have no resolver (.local ones by mDNS where this machine has that): one
 * lookup per name at a time, answers kept for their TTL, failures shortly. Where the resolvers are out, an
 * answer that is over is better than none (RFC 8767). */

#define RESOLVER_NAMES_MAX    256U /* kept */
#define RESOLVER_LOOKUPS_MAX  32U  /* at once */
#define RESOLVER_WAITERS_MAX  64U  /* for one name */
#define RESOLVER_TTL_MIN      5U   /* seconds */
#define RESOLVER_TTL_MAX      3600U
#define RESOLVER_NEGATIVE_TTL 5U /* "no such name" */
#define RESOLVER_FAILED_TTL   2U /* "nobody answered" */
#define RESOLVER_STALE_USEC   USEC_PER_DAY

typedef struct Resolver Resolver;

typedef struct ResolverAnswer {
        LookupStatus status;
        const char *reason; /* where not LOOKUP_OK */
        const IpAddress *addresses;
        size_t n;
        uint64_t ttl_usec; /* that is left */
} ResolverAnswer;

/* May run before resolver_ask() returns, and runs exactly once, when all goes at the latest. Must not free
 * the resolver. */
typedef void (*ResolverHandler)(const ResolverAnswer *answer, void *userdata);

typedef struct ResolverCounters {
        uint64_t asked, cached, failed, stale;
} ResolverCounters;

int resolver_new(Resolver **ret, sd_event *event);
Resolver *resolver_free(Resolver *r);
DEFINE_TRIVIAL_CLEANUP_FUNC(Resolver *, resolver_free)

/* name is normalized. -EBUSY: too much is going on; then the handler does not run. */
int resolver_ask(Resolver *r, const char *name, ResolverHandler handler, void *userdata);
ResolverCounters resolver_counters(const Resolver *r);
