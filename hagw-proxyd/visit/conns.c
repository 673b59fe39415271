/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where visitors come from, and all visitors of a worker on their way out. Runs in the worker's thread. */

#include <sys/socket.h>

#include "hagw-proxyd/crew/worker.h"
#include "libhagw/net/ownaddress.h"
#include "libhagw/pure/outside.h"

Visitor *visitor_done(Visitor *v) {
        v->fd = safe_close(v->fd);
        free(v->in);
        v->in = NULL;
        return NULL;
}

void conn_cut(Conn *c, const char *why) {
        if (c->state == CONN_REQUEST)
                exchange_abort(c->exchange, why);
        else if (c->state == CONN_PASSAGE)
                passage_abort(c->passage, why);
        else
                conn_close(c);
}

void conn_note_outside(Conn *c) {
        const Snapshot *s = c->snapshot;
        Worker *w = c->worker;
        ProxyPair pair;
        OutsideWay way;

        if (c->kind == CONN_PROBE || c->channel)
                return;
        pair = passage_pair(c);
        if (!outside_judge(&(OutsideRules) { .lan = s->routes->lan.items, .n_lan = s->routes->lan.n,
                                             .hops = &s->hops, .documentation = s->documentation,
                                             .own = { outside_own(&pair.destination, true) } },
                           &c->address))
                return;
        way = c->address.family == AF_INET ? OUTSIDE_IPV4_HTTPS : OUTSIDE_IPV6_HTTPS;
        way += c->kind == CONN_HTTP;
        counter_add(&w->counters.outside[way], 1);
        atomic_store_explicit(&w->counters.outside_usec[way], w->loop.now_usec, memory_order_relaxed);
}

void conns_came(Worker *w) {
        counter_add(&w->counters.connections, 1);
        w->conns_most = MAX(w->conns_most,
                            atomic_load_explicit(&w->counters.connections, memory_order_relaxed));
}

void conns_left(Worker *w) {
        uint64_t n;

        counter_sub(&w->counters.connections, 1);
        n = atomic_load_explicit(&w->counters.connections, memory_order_relaxed);
        if (w->conns_most < CONNS_CROWD || n > w->conns_most / 4)
                return;
        w->conns_most = n;
        worker_say(w, MESSAGE_CROWD_LEFT);
}

void conns_drop_stranded(Worker *w) {
        IpAddress known = { .family = AF_UNSPEC };
        Conn *next;

        for (Conn *c = w->conns; c; c = next) {
                next = c->next;
                if (is_stranded(c->transport.handle.fd, &known))
                        conn_cut(c, "its address here is gone");
                else if (c->state == CONN_REQUEST && c->exchange->client.link)
                        link_drop_stranded(c->exchange->client.link, &known);
        }
}

void conns_drain(Worker *w) {
        Conn *next;

        for (Conn *c = w->conns; c; c = next) {
                next = c->next;
                if (c->state != CONN_REQUEST && c->state != CONN_PASSAGE)
                        continue;
                c->old = true;
                counter_add(&w->counters.old, 1);
                if (c->state == CONN_PASSAGE)
                        passage_drain(c->passage);
                else if (c->exchange->state == EXCHANGE_TUNNEL)
                        tunnel_drain(c->exchange);
        }
}

/* For longer than that nobody is waited for who has so much, request_usec where it is a request. */
static bool is_busy(const Conn *c, uint64_t young_usec, uint64_t request_usec) {
        uint64_t now = c->worker->loop.now_usec;

        if (c->kind == CONN_PROBE)
                return false;
        switch (c->state) {
        case CONN_PROXY:
        case CONN_HELLO:
        case CONN_HANDSHAKE:
        case CONN_PASSAGE:
                return now < c->born_usec + young_usec;
        case CONN_IDLE:
                if (transport_pending(&c->transport))
                        return request_usec > 0;
                if (buffer_used(c->in) > 0)
                        return now < c->since_usec + young_usec;
                return !c->answered && now < c->born_usec + young_usec;
        case CONN_REQUEST:
                return now < c->exchange->begin_usec + (c->exchange->state == EXCHANGE_TUNNEL ? young_usec :
                                                                                               request_usec);
        case CONN_LINGER:
                return transport_pending(&c->transport) ? request_usec > 0 :
                                                          now < c->since_usec + CONN_LINGER_STOP_USEC;
        default:
                return false;
        }
}

size_t conns_busy(const Worker *w) {
        size_t n = 0;

        for (const Conn *c = w->conns; c; c = c->next)
                n += is_busy(c, STOP_YOUNG_USEC, STOP_PARTING_USEC);
        return n;
}

bool conns_part(Worker *w, size_t most) {
        Conn *next;

        for (Conn *c = w->conns; c; c = next) {
                next = c->next;
                if (c->state != CONN_IDLE || is_busy(c, STOP_YOUNG_USEC, STOP_PARTING_USEC))
                        continue;
                if (most-- == 0)
                        return false;
                conn_linger(c);
        }
        return true;
}

void conns_stop(Worker *w, uint64_t young_usec) {
        Conn *next;

        for (Conn *c = w->conns; c; c = next) {
                next = c->next;
                if (is_busy(c, young_usec, young_usec))
                        continue;
                if (c->state == CONN_IDLE)
                        conn_linger(c);
                else
                        conn_cut(c, "stopped");
        }
}

void conns_done(Worker *w) {
        while (w->conns)
                conn_cut(w->conns, "stopped");
}
