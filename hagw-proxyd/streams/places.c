/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs in the worker's thread. */

#include "hagw-proxyd/streams/places.h"

static Worker *worker_of(const Streams *v) {
        return v->conn->worker;
}

static bool take(Streams *v) {
        return admit_request(worker_of(v), &v->conn->visit.address, &v->fresh->crowd);
}

static void append(Places *p, Streams *v) {
        v->waiting_next = NULL;
        v->waiting = p->end;
        *p->end = v;
        p->end = &v->waiting_next;
        p->n++;
}

static void remove_from(Places *p, Streams *v) {
        if (p->end == &v->waiting_next)
                p->end = v->waiting;
        *v->waiting = v->waiting_next;
        if (v->waiting_next)
                v->waiting_next->waiting = v->waiting;
        v->waiting = NULL;
        p->n--;
}

bool places_enter(Streams *v) {
        Worker *w = worker_of(v);
        Places *p = w->places;

        if (v->fresh->crowd.taken)
                return true;
        if (!v->first_of_all) {
                v->first_of_all = v->fresh;
                return true;
        }
        if (v->waiting)
                return false;
        if (take(v))
                return true;
        counter_add(&w->figures->http2_waited, 1);
        append(p, v);
        if (!p->timer.place)
                loop_arm(&w->loop, &p->timer, w->loop.now_usec + PLACES_LOOK_USEC);
        return false;
}

void places_stop_waiting(Streams *v) {
        if (v->waiting)
                remove_from(worker_of(v)->places, v);
}

void places_leave(H2Request *r) {
        Streams *v = r->streams;
        Places *p = worker_of(v)->places;

        if (v->first_of_all == r)
                v->first_of_all = NULL;
        if (!r->crowd.taken)
                return;
        crowd_leave(&r->crowd);
        if (p->first)
                loop_again(&worker_of(v)->loop, &p->again);
}

uint64_t places_due_usec(const Streams *v) {
        return v->waiting ? v->fresh->since_usec + v->conn->snapshot->head_usec : USEC_INFINITY;
}

/* Each once, those who came first before the others. */
static void on_again(Again *a) {
        Places *p = CONTAINER_OF(a, Places, again);
        Worker *w = p->worker;

        for (p->left = p->left ?: p->n; p->left > 0 && p->first; p->left--) {
                Streams *v = p->first;

                if (loop_turn_is_over(&w->loop)) {
                        loop_again(&w->loop, &p->again);
                        return;
                }
                loop_spend(&w->loop, PLACES_WORK_LOOK);
                remove_from(p, v);
                if (take(v))
                        loop_again(&w->loop, &v->conn->again);
                else
                        append(p, v);
        }
        p->left = 0;
}

static void on_timer(Timer *t) {
        Places *p = CONTAINER_OF(t, Places, timer);
        Worker *w = p->worker;

        if (!p->first)
                return;
        loop_again(&w->loop, &p->again);
        loop_arm(&w->loop, &p->timer, w->loop.now_usec + PLACES_LOOK_USEC);
}

int places_init(Worker *w) {
        Places *p = w->places = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->worker = w;
        p->end = &p->first;
        p->again.run = on_again;
        p->timer.fire = on_timer;
        return 0;
}
