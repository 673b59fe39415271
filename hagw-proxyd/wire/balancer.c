/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which balancer was told of, and when. */

#include "hagw-proxyd/wire/balancer.h"

static uint64_t last_of(const BalancersTold *t, size_t i) {
        uint64_t last = 0;

        for (size_t h = 0; h < _BALANCER_HEADER_MAX; h++)
                last = MAX(last, t->items[i].last_usec[h]);
        return last;
}

static size_t find_place(BalancersTold *t, const IpAddress *address) {
        size_t oldest = 0;

        for (size_t i = 0; i < t->n; i++) {
                if (ip_equal(&t->items[i].address, address))
                        return i;
                if (last_of(t, i) < last_of(t, oldest))
                        oldest = i;
        }
        if (t->n < BALANCERS_TOLD_MAX)
                oldest = t->n++;
        memset(&t->items[oldest], 0, sizeof(t->items[oldest]));
        t->items[oldest].address = *address;
        return oldest;
}

bool balancer_is_due(BalancersTold *t, const IpAddress *address, BalancerHeader header, uint64_t now_usec) {
        uint64_t *last = &t->items[find_place(t, address)].last_usec[header];

        if (*last > 0 && now_usec < *last + BALANCER_TELL_USEC)
                return false;
        *last = now_usec;
        return true;
}
