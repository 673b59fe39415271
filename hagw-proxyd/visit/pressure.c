/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs in the worker's thread, in a turn of its own: nobody is being served then, so that anybody may go. */

#include "hagw-proxyd/visit/conn.h"
#include "hagw-proxyd/visit/pressure.h"
#include "libhagw/crew/crowd.h"
#include "libhagw/crew/passage.h"

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

static size_t passage_place_of(const Passage *p) {
        return crowd_hash(&p->visitor.address) % PRESSURE_PLACES;
}

/* Who goes: one of the two, or nobody. */
typedef struct Choice {
        Conn *conn;
        Passage *passage;
        uint64_t due_usec;
} Choice;

/* The lists begin with the newest. */
static Choice choose(Worker *w, const size_t *held, size_t most) {
        Choice best = { .due_usec = UINT64_MAX };

        for (Conn *c = w->visits->first; c; c = c->next)
                if (held[place_of(c)] == most && held_by(c) > 0 && due_usec(c) <= best.due_usec)
                        best = (Choice) { .conn = c, .due_usec = due_usec(c) };
        for (Passage *p = w->passages->first; p; p = p->next)
                if (held[passage_place_of(p)] == most && passage_held(p) > 0 &&
                    p->timer.due_usec <= best.due_usec)
                        best = (Choice) { .passage = p, .due_usec = p->timer.due_usec };
        return best;
}

/* Both NULL: nobody holds anything. */
static Choice find(Worker *w) {
        size_t held[PRESSURE_PLACES] = {}, most = 0;

        for (Conn *c = w->visits->first; c; c = c->next) {
                held[place_of(c)] += held_by(c);
                loop_spend(&w->loop, WORK_LOOK);
        }
        for (const Passage *p = w->passages->first; p; p = p->next) {
                held[passage_place_of(p)] += passage_held(p);
                loop_spend(&w->loop, WORK_LOOK);
        }
        for (size_t i = 0; i < PRESSURE_PLACES; i++)
                most = MAX(most, held[i]);
        return most > 0 ? choose(w, held, most) : (Choice) {};
}

static void on_again(Again *a) {
        Worker *w = CONTAINER_OF(a, Visits, full_again)->worker;
        size_t enough = w->pool.wanted_max - w->pool.wanted_max / PRESSURE_RELIEF;

        while (w->pool.used > enough) {
                Choice one;

                if (loop_turn_is_over(&w->loop)) {
                        loop_again(&w->loop, a);
                        return;
                }
                one = find(w);
                if (!one.conn && !one.passage)
                        return;
                counter_add(&w->figures->evicted, 1);
                if (one.conn)
                        conn_cut(one.conn, "makes room");
                else
                        passage_abort(one.passage, "makes room");
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
