/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs in the worker's thread, in a turn of its own: nobody is being served then, so that anybody may go. */

#include "hagw-proxyd/crew/crowd.h"
#include "hagw-proxyd/visit/conn.h"
#include "hagw-proxyd/visit/pressure.h"

#define WORK_LOOK 64U /* at one connection */

static size_t size_of(const Buffer *b) {
        return b ? b->size : 0;
}

static size_t held_by(const Conn *c) {
        size_t n = size_of(c->in) + size_of(c->transport.in) + size_of(c->transport.out);

        return c->server->held ? n + c->server->held(c) : n;
}

static size_t place_of(const Conn *c) {
        return crowd_hash(&c->visit.address) % PRESSURE_PLACES;
}

static uint64_t due_usec(const Conn *c) {
        return c->server->due_usec ? c->server->due_usec(c) : c->timer.due_usec;
}

/* NULL: nobody holds anything. */
static Conn *find(Worker *w) {
        size_t held[PRESSURE_PLACES] = {}, most = 0;
        Conn *best = NULL;

        for (Conn *c = w->visits->first; c; c = c->next) {
                held[place_of(c)] += held_by(c);
                loop_spend(&w->loop, WORK_LOOK);
        }
        for (size_t i = 0; i < PRESSURE_PLACES; i++)
                most = MAX(most, held[i]);
        /* The list begins with the newest. */
        for (Conn *c = w->visits->first; c && most > 0; c = c->next)
                if (held[place_of(c)] == most && held_by(c) > 0 &&
                    (!best || due_usec(c) <= due_usec(best)))
                        best = c;
        return best;
}

static void on_again(Again *a) {
        Worker *w = CONTAINER_OF(a, Visits, full_again)->worker;
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

        loop_again(&w->loop, &w->visits->full_again);
}

void pressure_init(Worker *w) {
        w->pool.on_full = on_full;
        w->visits->full_again.run = on_again;
}
