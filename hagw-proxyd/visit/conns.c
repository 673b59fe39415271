/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All visitors of a worker, on their way out too. Runs in the worker's thread. */

#include "hagw-proxyd/visit/conn.h"
#include "hagw-proxyd/visit/pressure.h"
#include "libhagw/net/ownaddress.h"

void conns_drop_stranded(Worker *w) {
        IpAddress known = { .family = AF_UNSPEC };
        Conn *next;

        for (Conn *c = w->visits->first; c; c = next) {
                next = c->next;
                if (is_stranded(c->transport.handle.fd, &known))
                        conn_cut(c, "its address here is gone");
                else if (c->server->drop_stranded)
                        c->server->drop_stranded(c, &known);
        }
}

void conns_drain(Worker *w) {
        Conn *next;

        for (Conn *c = w->visits->first; c; c = next) {
                next = c->next;
                if (!c->server->drain)
                        continue;
                c->old = true;
                counter_add(&w->counters.old, 1);
                c->server->drain(c);
        }
}

/* For longer than that nobody is waited for who has so much, request_usec where it is a request. */
static bool is_busy(const Conn *c, uint64_t young_usec, uint64_t request_usec) {
        uint64_t now = c->worker->loop.now_usec;

        if (c->visit.arrival == ARRIVAL_PROBE)
                return false;
        switch (c->state) {
        case CONN_PROXY:
        case CONN_HELLO:
        case CONN_HANDSHAKE:
                return now < c->born_usec + young_usec;
        case CONN_IDLE:
                if (transport_pending(&c->transport))
                        return request_usec > 0;
                if (buffer_used(c->in) > 0)
                        return now < c->since_usec + young_usec;
                return !c->answered && now < c->born_usec + young_usec;
        case CONN_LINGER:
                return transport_pending(&c->transport) ? request_usec > 0 :
                                                          now < c->since_usec + CONN_LINGER_STOP_USEC;
        default:
                return c->server->is_busy && c->server->is_busy(c, young_usec, request_usec);
        }
}

size_t conns_busy(const Worker *w) {
        size_t n = 0;

        for (const Conn *c = w->visits->first; c; c = c->next)
                n += is_busy(c, STOP_YOUNG_USEC, STOP_PARTING_USEC);
        return n;
}

bool conns_part(Worker *w, size_t most) {
        Conn *next;

        for (Conn *c = w->visits->first; c; c = next) {
                next = c->next;
                if (!c->server->part || is_busy(c, STOP_YOUNG_USEC, STOP_PARTING_USEC))
                        continue;
                if (most-- == 0)
                        return false;
                c->server->part(c);
        }
        return true;
}

void conns_stop(Worker *w, uint64_t young_usec) {
        Conn *next;

        for (Conn *c = w->visits->first; c; c = next) {
                next = c->next;
                if (is_busy(c, young_usec, young_usec))
                        continue;
                if (c->server->part)
                        c->server->part(c);
                else
                        conn_cut(c, "stopped");
        }
}

void conns_done(Worker *w) {
        while (w->visits->first)
                conn_cut(w->visits->first, "stopped");
}

static void on_young(Timer *t) {
        conns_stop(CONTAINER_OF(t, Visits, young)->worker, 0);
}

static int init(Worker *w) {
        Visits *v = w->visits = calloc(1, sizeof(*v));

        if (!v)
                return -ENOMEM;
        v->worker = w;
        v->young.fire = on_young;
        v->servers[CONN_LINGER] = &conn_linger_server;
        v->servers[CONN_CLOSED] = &conn_closed_server;
        pressure_init(w);
        review_init(w);
        return 0;
}

static void drain(Worker *w) {
        conns_drop_stranded(w);
        conns_drain(w);
}

static size_t part(Worker *w, size_t most) {
        bool all = conns_part(w, most);

        return conns_busy(w) + !all;
}

static void shut(Worker *w) {
        conns_stop(w, STOP_YOUNG_USEC);
        loop_arm(&w->loop, &w->visits->young, w->loop.now_usec + STOP_YOUNG_USEC);
}

static void leave(Worker *w) {
        loop_disarm(&w->loop, &w->visits->young);
        conns_stop(w, 0);
}

static void free_room(Worker *w) {
        free(w->visits);
        w->visits = NULL;
}

const Room visit_room = {
        .init = init,
        .snapshot = review_start,
        .visitor = visitor_enter,
        .stranded = conns_drop_stranded,
        .drain = drain,
        .part = part,
        .shut = shut,
        .leave = leave,
        .done = conns_done,
        .free = free_room,
};
