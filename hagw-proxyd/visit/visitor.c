/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors as values. Runs in the worker's thread. */

#include "hagw-proxyd/visit/conn.h"

Visitor *visitor_done(Worker *w, Visitor *v) {
        visitor_let_go(v);
        if (arrival_is_relayed(v->arrival))
                counter_add(&w->figures->agent_visits_ended, 1);
        return NULL;
}

static void init_visitor(Message *m) {
        ((VisitorMessage *) m)->visitor.fd = -EBADF;
}

static void deliver_visitor(Message *m, Worker *w) {
        conn_new(w, &((VisitorMessage *) m)->visitor);
        counter_add(&w->counters.taken, 1);
        message_free(m);
}

static void free_visitor(Message *m) {
        visitor_let_go(&((VisitorMessage *) m)->visitor);
}

const MessageKind visitor_message = {
        .size = sizeof(VisitorMessage),
        .init = init_visitor,
        .deliver = deliver_visitor,
        .free = free_visitor,
};

VisitorMessage *visitor_message_new(Worker *w) {
        VisitorMessage *m = message_new(&visitor_message);

        if (m)
                counter_add(&w->counters.sent_on, 1);
        atomic_thread_fence(memory_order_release); /* before the visitor leaves */
        return m;
}

static uint64_t visitors_of(const Worker *w) {
        return atomic_load_explicit(&w->counters.connections, memory_order_relaxed);
}

/* The worker with clearly the fewest visitors, or this one. */
static Worker *choose_worker(Worker *w) {
        Worker *best = w;

        for (unsigned i = 0; i < w->n_crew; i++)
                if (visitors_of(w->crew[i]) + VISITOR_SLACK < visitors_of(w) &&
                    visitors_of(w->crew[i]) < visitors_of(best))
                        best = w->crew[i];
        return best;
}

/* The message has a place for him, or there was no memory and he stays. */
static void hand_over(Worker *w, Worker *to, Visitor *v) {
        VisitorMessage *m = to == w ? NULL : visitor_message_new(w);

        if (!m) {
                conn_new(w, v);
                return;
        }
        m->visitor = *v;
        worker_send(to, &m->message);
}

void visitor_enter(Worker *w, Visitor *v) {
        Worker *to = choose_worker(w);
        Admission a = admit_more(w, to);

        if (a == ADMISSION_GRANTED)
                a = admit_address(w, &v->address, &v->crowd);
        if (a != ADMISSION_GRANTED) {
                admission_count(w, a);
                visitor_let_go(v);
                return;
        }
        counter_add(&w->figures->accepted, 1);
        counter_add(&w->figures->agent_visits, 1);
        hand_over(w, to, v);
}

void visitor_place(Worker *w, Visitor *v) {
        hand_over(w, choose_worker(w), v);
}
