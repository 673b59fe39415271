/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What gateways in a row tell each other (outer.h). Runs in the worker's thread. */

#include "hagw-proxyd/http/exchange.h"

/* Who has opened the visitor's TLS on his way here, and is believed where his word is shown to this
 * gateway's owner: the relay that it is attached to, and who is inside. What a balancer brings, and what
 * comes through a relay unopened, are the visitor's own words. */
static OuterKind judge_sender(const Exchange *x) {
        const Visit *v = x->visit;

        if (arrival_is_relayed(v->arrival))
                return v->secret ? OUTER_RELAY : _OUTER_KIND_INVALID;
        return x->inside && v->here.family == AF_UNSPEC ? OUTER_GATEWAY : _OUTER_KIND_INVALID;
}

void exchange_hear_outer(Exchange *x) {
        HostCounters *c;
        OuterKind sender;

        x->outer = outer_read(&x->request.headers);
        x->fronted = x->outer.told;
        if (!x->stats)
                return;
        c = &x->stats->workers[x->worker->index];
        sender = x->outer.told ? judge_sender(x) : _OUTER_KIND_INVALID;
        if (sender >= 0) {
                atomic_store_explicit(&c->outer_usec[sender][x->outer.asks], x->worker->loop.now_usec,
                                      memory_order_relaxed);
                return;
        }
        x->outer.told = false; /* its depth is good for this answer alone */
        if (!x->inside && !x->visit->probe)
                atomic_store_explicit(&c->bare_usec, x->worker->loop.now_usec, memory_order_relaxed);
}

static bool asks_here(const Route *route) {
        return route->host.access.login != CONF_LOGIN_NONE;
}

Slice exchange_tell_outer(Exchange *x) {
        const Route *route = x->route;
        size_t n = outer_write(&x->outer, asks_here(route),
                               /* aside= */ route_has_own_login(route), x->outer_text);

        return (Slice) { x->outer_text, n };
}

int exchange_say_inner(const Exchange *x, HeaderList *l) {
        return x->fronted ? header_list_add(l, INNER_FIELD, outer_answer(asks_here(x->route))) : 0;
}

void exchange_hear_inner(Exchange *x, InnerLogin said) {
        if (said >= 0)
                host_stats_note_inner(x->stats, x->worker->index, x->name, said, x->worker->loop.now_usec);
}

/* Of the one in front. A tenant's house has most often a login of its own, and is not asked before there is
 * a visitor. */
static Slice name_first(const Exchange *x) {
        const bool tenant = x->route->host.upstream_kind == CONF_UPSTREAM_TENANT;
        const InnerLogin inner = x->stats ? host_stats_inner_of(x->stats, x->name) : _INNER_LOGIN_INVALID;

        if (inner > INNER_LOGIN_NONE)
                return tenant ? SLICE("relay") : SLICE("first");
        return tenant && inner < 0 ? SLICE("front") : (Slice) {};
}

/* The inner one's word comes first: who is there has passed the others. */
Slice exchange_name_wall(const Exchange *x) {
        if (!asks_here(x->route))
                return (Slice) {};
        if (x->outer.told && x->outer.asks)
                return arrival_is_relayed(x->visit->arrival) ? SLICE("house") : SLICE("second");
        return name_first(x);
}
