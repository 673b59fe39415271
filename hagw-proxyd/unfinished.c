/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A list in the order in which they began. Runs in the worker's thread. */

#include "worker.h"

void unfinished_add(Conn *c) {
        Unfinished *u = &c->worker->unfinished;

        if (c->is_unfinished)
                return;
        c->is_unfinished = true;
        c->unfinished_next = NULL;
        c->unfinished_previous = u->newest;
        *(u->newest ? &u->newest->unfinished_next : &u->oldest) = c;
        u->newest = c;
}

void unfinished_remove(Conn *c) {
        Unfinished *u = &c->worker->unfinished;

        if (!c->is_unfinished)
                return;
        c->is_unfinished = false;
        *(c->unfinished_previous ? &c->unfinished_previous->unfinished_next : &u->oldest) =
                c->unfinished_next;
        *(c->unfinished_next ? &c->unfinished_next->unfinished_previous : &u->newest) =
                c->unfinished_previous;
}

bool unfinished_evict(Worker *w) {
        if (!w->unfinished.oldest)
                return false;
        counter_add(&w->counters.evicted, 1);
        conn_close(w->unfinished.oldest);
        return true;
}
