/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The cache of host names. A name's entry is idle (maybe with an answer) or asking, with those who wait.
 * Main thread only. */

#include <stdio.h>

#include "hagw-netd/mdns.h"
#include "hagw-netd/resolver.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/list.h"

typedef struct Waiter {
        ResolverHandler handler;
        void *userdata;
} Waiter;

typedef struct Entry {
        struct Entry *next, **place;
        Resolver *resolver;
        char name[HOSTNAME_MAX + 1];
        Lookup *lookup; /* one of these two, or it is idle */
        Mdns *mdns;
        Waiter waiters[RESOLVER_WAITERS_MAX];
        size_t n_waiters;
        LookupStatus status;
        char reason[96];
        IpAddress addresses[LOOKUP_ADDRESSES_MAX]; /* the last good ones */
        size_t n_addresses;
        uint64_t good_usec;    /* until when the last good ones are fresh; CLOCK_BOOTTIME */
        uint64_t expires_usec; /* of what status says */
        uint64_t used_usec;
} Entry;

struct Resolver {
        sd_event *event;
        Entry *entries;
        size_t n_entries, n_lookups;
        ResolverCounters counters;
};

static uint64_t now(const Resolver *r) {
        uint64_t usec = 0;

        (void) sd_event_now(r->event, CLOCK_BOOTTIME, &usec);
        return usec;
}

int resolver_new(Resolver **ret, sd_event *event) {
        Resolver *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;
        r->event = sd_event_ref(event);
        *ret = r;
        return 0;
}

static void entry_tell(const Entry *e, ResolverHandler handler, void *userdata) {
        uint64_t usec = now(e->resolver);

        handler(&(ResolverAnswer) { .status = e->status,
                                    .reason = e->reason,
                                    .addresses = e->addresses,
                                    .n = e->status == LOOKUP_OK ? e->n_addresses : 0,
                                    .ttl_usec = e->expires_usec > usec ? e->expires_usec - usec : 0 },
                userdata);
}

/* Those who come while the handlers run find the entry idle and answered. */
static void entry_tell_all(Entry *e) {
        size_t n = e->n_waiters;
        Waiter waiters[RESOLVER_WAITERS_MAX];

        memcpy(waiters, e->waiters, n * sizeof(*waiters));
        e->n_waiters = 0;
        for (size_t i = 0; i < n; i++)
                entry_tell(e, waiters[i].handler, waiters[i].userdata);
}

/* What is known of the family that the result is silent about is better than nothing: it may be the only one
 * that has a way out of this house. It gets no younger by that. */
static void entry_take_addresses(Entry *e, const LookupResult *result, uint64_t usec, uint32_t *ttl) {
        IpAddress old[LOOKUP_ADDRESSES_MAX];
        size_t n_old = usec < e->good_usec + RESOLVER_STALE_USEC ? e->n_addresses : 0;
        bool lacking = result->partial;

        memcpy(old, e->addresses, sizeof(old));
        memcpy(e->addresses, result->addresses, sizeof(e->addresses));
        e->n_addresses = result->n_addresses;
        for (size_t i = 0; i < n_old && e->n_addresses < LOOKUP_ADDRESSES_MAX; i++) {
                if (lookup_has_family(result, old[i].family))
                        continue;
                lacking = true;
                if (result->partial)
                        e->addresses[e->n_addresses++] = old[i];
        }
        *ttl = lacking ? RESOLVER_TTL_MIN : MIN(MAX(result->ttl, RESOLVER_TTL_MIN), RESOLVER_TTL_MAX);
        if (e->n_addresses == result->n_addresses)
                e->good_usec = usec + *ttl * USEC_PER_SEC;
}

static void entry_take(Entry *e, const LookupResult *result) {
        Resolver *r = e->resolver;
        uint64_t usec = now(r);
        uint32_t ttl = RESOLVER_NEGATIVE_TTL;

        e->status = result->status;
        (void) snprintf(e->reason, sizeof(e->reason), "%s", strempty(result->reason));
        switch (result->status) {
        case LOOKUP_OK:
                entry_take_addresses(e, result, usec, &ttl);
                break;
        case LOOKUP_NO_SUCH_NAME:
                e->n_addresses = 0;
                break;
        case LOOKUP_FAILED:
                r->counters.failed++;
                if (e->n_addresses > 0 && usec < e->good_usec + RESOLVER_STALE_USEC) {
                        e->status = LOOKUP_OK;
                        ttl = RESOLVER_TTL_MIN;
                        r->counters.stale++;
                } else
                        ttl = RESOLVER_FAILED_TTL;
        }
        e->expires_usec = usec + ttl * USEC_PER_SEC;
}

static void on_looked_up(Lookup *lookup, const LookupResult *result, void *userdata) {
        Entry *e = userdata;

        entry_take(e, result);
        e->lookup = lookup_free(lookup);
        e->resolver->n_lookups--;
        entry_tell_all(e);
}

static bool entry_is_idle(const Entry *e) {
        return !e->lookup && !e->mdns;
}

/* Who has no mDNS may still have .local in a name server or the hosts file. */
static void on_mdns(const IpAddress *addresses, size_t n, void *userdata) {
        LookupResult result = { .status = LOOKUP_OK, .n_addresses = n, .ttl = MDNS_TTL };
        Entry *e = userdata;

        if (n > 0)
                memcpy(result.addresses, addresses, n * sizeof(*addresses));
        e->mdns = mdns_free(e->mdns);
        if (n == 0 && lookup_addresses_new(&e->lookup, e->resolver->event, e->name, on_looked_up, e) >= 0)
                return;
        if (n == 0)
                result = (LookupResult) { .status = LOOKUP_FAILED, .reason = "out of memory" };
        entry_take(e, &result);
        e->resolver->n_lookups--;
        entry_tell_all(e);
}

static int entry_look_up(Entry *e) {
        return mdns_is_local(e->name) ?
                       mdns_new(&e->mdns, e->resolver->event, e->name, on_mdns, e) :
                       lookup_addresses_new(&e->lookup, e->resolver->event, e->name, on_looked_up, e);
}

static void entry_free(Entry *e) {
        lookup_free(e->lookup);
        mdns_free(e->mdns);
        free(e);
}

/* Makes room: the idle entry that was not used for the longest time goes. */
static void drop_oldest(Resolver *r) {
        Entry *oldest = NULL;

        for (Entry *e = r->entries; e; e = e->next)
                if (entry_is_idle(e) && (!oldest || e->used_usec < oldest->used_usec))
                        oldest = e;
        if (!oldest)
                return;
        LIST_REMOVE(oldest);
        entry_free(oldest);
        r->n_entries--;
}

static Entry *entry_get(Resolver *r, const char *name) {
        Entry *e = r->entries;

        while (e && !streq(e->name, name))
                e = e->next;
        if (e)
                return e;
        if (r->n_entries >= RESOLVER_NAMES_MAX)
                drop_oldest(r);
        e = calloc(1, sizeof(*e));
        if (!e)
                return NULL;
        (void) snprintf(e->name, sizeof(e->name), "%s", name);
        e->resolver = r;
        LIST_ADD(&r->entries, e);
        r->n_entries++;
        return e;
}

int resolver_ask(Resolver *r, const char *name, ResolverHandler handler, void *userdata) {
        Entry *e;
        int k;

        r->counters.asked++;
        e = entry_get(r, name);
        if (!e)
                return -ENOMEM;
        e->used_usec = now(r);
        if (entry_is_idle(e) && e->expires_usec > e->used_usec) {
                r->counters.cached++;
                entry_tell(e, handler, userdata);
                return 0;
        }
        if (e->n_waiters == RESOLVER_WAITERS_MAX)
                return -EBUSY;
        if (entry_is_idle(e)) {
                if (r->n_lookups >= RESOLVER_LOOKUPS_MAX)
                        return -EBUSY;
                k = entry_look_up(e);
                if (k < 0)
                        return k;
                r->n_lookups++;
        }
        e->waiters[e->n_waiters++] = (Waiter) { handler, userdata };
        return 0;
}

ResolverCounters resolver_counters(const Resolver *r) {
        return r->counters;
}

Resolver *resolver_free(Resolver *r) {
        if (!r)
                return NULL;
        while (r->entries) {
                Entry *e = r->entries;

                LIST_REMOVE(e);
                if (e->n_waiters > 0)
                        entry_take(e, &(LookupResult) { .status = LOOKUP_FAILED,
                                                        .reason = "the daemon is stopping" });
                entry_tell_all(e);
                entry_free(e);
        }
        sd_event_unref(r->event);
        free(r);
        return NULL;
}
