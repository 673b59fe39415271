/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a visitor comes from, and to. Runs in the worker's thread. */

#include "hagw-proxyd/visit/conn.h"
#include "libhagw/pure/outside.h"

ProxyPair conn_pair(const Conn *c) {
        const Visitor v = {
                .fd = c->transport.handle.fd,
                .address = c->visit.address,
                .port = c->visit.port,
                .here = c->visit.here,
                .here_port = c->visit.here_port,
        };

        return visitor_pair(&v);
}

void conn_note_outside(Conn *c, OutsideKind kind) {
        static const OutsideWay ways[_OUTSIDE_KIND_MAX][2] = {
                [OUTSIDE_HTTPS] = { OUTSIDE_IPV4_HTTPS, OUTSIDE_IPV6_HTTPS },
                [OUTSIDE_HTTP] = { OUTSIDE_IPV4_HTTP, OUTSIDE_IPV6_HTTP },
                [OUTSIDE_RELAY] = { OUTSIDE_IPV4_RELAY, OUTSIDE_IPV6_RELAY },
        };
        const Snapshot *s = c->snapshot;
        Worker *w = c->worker;
        ProxyPair pair;
        OutsideWay way;

        if (c->noted || c->visit.arrival == ARRIVAL_PROBE || arrival_is_relayed(c->visit.arrival))
                return;
        c->noted = true;
        pair = conn_pair(c);
        if (!outside_judge(&(OutsideRules) { .lan = s->routes->lan.items, .n_lan = s->routes->lan.n,
                                             .hops = &s->hops, .documentation = s->documentation,
                                             .own = { outside_own(&pair.destination, true) } },
                           &c->visit.address))
                return;
        way = ways[kind][c->visit.address.family != AF_INET];
        counter_add(&w->figures->outside[way], 1);
        atomic_store_explicit(&w->figures->outside_usec[way], w->loop.now_usec, memory_order_relaxed);
}
