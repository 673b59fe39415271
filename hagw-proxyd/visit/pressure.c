/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs in the worker's thread, in a turn of its own: nobody is being served then, so that anybody may go. */

#include "hagw-proxyd/crew/crowd.h"
#include "hagw-proxyd/crew/worker.h"

#define WORK_LOOK 64U /* at one connection */

static size_t size_of(const Buffer *b) {
        return b ? b->size : 0;
}

static size_t held_by_transport(const Transport *t) {
        return size_of(t->in) + size_of(t->out);
}

static size_t held_by(const Conn *c) {
        const Link *k = c->state == CONN_REQUEST ? c->exchange->client.link : NULL;
        size_t n = size_of(c->in) + held_by_transport(&c->transport);

        return k ? n + size_of(k->in) + held_by_transport(&k->transport) : n;
}

static size_t place_of(const Conn *c) {
        return crowd_hash(&c->address) % PRESSURE_PLACES;
}

/* NULL: nobody holds anything. */
static Conn *find(Worker *w) {
        size_t held[PRESSURE_PLACES] = {}, most = 0;
        Conn *best = NULL;

        for (Conn *c = w->conns; c; c = c->next) {
                held[place_of(c)] += held_by(c);
                loop_spend(&w->loop, WORK_LOOK);
        }
        for (size_t i = 0; i < PRESSURE_PLACES; i++)
                most = MAX(most, held[i]);
        /* The list begins with the newest. */
        for (Conn *c = w->conns; c && most > 0; c = c->next)
                if (held[place_of(c)] == most && held_by(c) > 0 &&
                    (!best || c->timer.due_usec <= best->timer.due_usec))
                        best = c;
        return best;
}

static void on_again(Again *a) {
        Worker *w = CONTAINER_OF(a, Worker, full_again);
        size_t enough = w->pool.wanted_max - w->pool.wanted_max / PRESSURE_RELIEF;

        while (w->pool.used > enough) {
                Conn *c;

                if (loop_turn_is_over(&w->loop)) {
                        loop_again(&w->loop, a);
                        return;
                }
                c = find(w);
                if (!c)
                        return;
                counter_add(&w->counters.evicted, 1);
                conn_cut(c, "makes room");
        }
}

static void on_full(BufferPool *p) {
        Worker *w = CONTAINER_OF(p, Worker, pool);

        loop_again(&w->loop, &w->full_again);
}

void pressure_init(Worker *w) {
        w->pool.on_full = on_full;
        w->full_again.run = on_again;
}
