/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The daemon's figures: a row each. */

#include "hagw-netd/manager.h"

static double source_known(const AddressState *s, const AddressSourceCounters *c, uint64_t now) {
        return s->address.family != AF_UNSPEC;
}

static double source_failing(const AddressState *s, const AddressSourceCounters *c, uint64_t now) {
        return s->error != NULL;
}

static double source_age(const AddressState *s, const AddressSourceCounters *c, uint64_t now) {
        return now > s->confirmed_usec ? (double) (now - s->confirmed_usec) / USEC_PER_SEC : 0;
}

static double source_changes(const AddressState *s, const AddressSourceCounters *c, uint64_t now) {
        return (double) c->changes;
}

static double source_failures(const AddressState *s, const AddressSourceCounters *c, uint64_t now) {
        return (double) c->failures;
}

static const struct {
        const char *name, *help;
        bool counter;
        bool only_known; /* has no meaning before the first address was confirmed */
        double (*read)(const AddressState *s, const AddressSourceCounters *c, uint64_t now);
} source_metrics[] = {
        { "public_address_known", "1 where a public address of this family is known", false, false,
          source_known },
        { "public_address_failing", "1 where the newest try to learn the address failed", false, false,
          source_failing },
        { "public_address_age_seconds", "Time since the address was last confirmed", false, true,
          source_age },
        { "public_address_changes", "Changes of the address since the daemon started", true, false,
          source_changes },
        { "public_address_failures", "Failed tries to learn the address", true, false, source_failures },
};

static const struct {
        const char *name, *help;
        size_t offset; /* in ResolverCounters */
} resolver_metrics[] = {
        { "resolver_requests", "Host names asked for by other daemons", offsetof(ResolverCounters, asked) },
        { "resolver_cached", "Requests answered from the cache", offsetof(ResolverCounters, cached) },
        { "resolver_failures", "Lookups that nobody answered", offsetof(ResolverCounters, failed) },
        { "resolver_stale", "Failed lookups answered with an older address",
          offsetof(ResolverCounters, stale) },
};

static int append_source(sd_json_variant **metrics, const AddressSource *s, uint64_t now) {
        const char *labels[] = { "family", address_source_family(s) == AF_INET ? "ipv4" : "ipv6", NULL };
        AddressSourceCounters c = address_source_counters(s);
        AddressState state = address_source_state(s);
        int r;

        for (size_t i = 0; i < ELEMENTSOF(source_metrics); i++) {
                if (source_metrics[i].only_known && state.confirmed_usec == 0)
                        continue;
                r = metrics_append(metrics, source_metrics[i].name, source_metrics[i].counter,
                                   source_metrics[i].help, source_metrics[i].read(&state, &c, now), labels);
                if (r < 0)
                        return r;
        }
        return 0;
}

int manager_metrics(sd_json_variant **metrics, void *userdata) {
        const Manager *m = userdata;
        ResolverCounters c = resolver_counters(m->resolver);
        uint64_t now = 0;
        int r;

        (void) sd_event_now(m->event, CLOCK_REALTIME, &now);
        for (size_t i = 0; i < ELEMENTSOF(m->sources); i++) {
                r = append_source(metrics, m->sources[i], now);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ELEMENTSOF(resolver_metrics); i++) {
                const uint64_t *value = (const uint64_t *) ((const char *) &c + resolver_metrics[i].offset);

                r = metrics_append(metrics, resolver_metrics[i].name, /* counter= */ true,
                                   resolver_metrics[i].help, (double) *value, /* labels= */ NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}
