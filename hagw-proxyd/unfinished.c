/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lists in the order in which they began, by network. Runs in the worker's thread. */

#include "crowd.h"
#include "worker.h"

typedef struct UnfinishedList UnfinishedList;

void unfinished_add(Conn *c, UnfinishedKind kind) {
        Unfinished *u = &c->worker->unfinished;
        UnfinishedList *l = &u->networks[crowd_hash(&c->address) % UNFINISHED_NETWORKS].lists[kind];

        if (c->unfinished == l)
                return;
        unfinished_remove(c);
        c->unfinished = l;
        c->unfinished_since = u->n_ever++;
        c->unfinished_next = NULL;
        c->unfinished_previous = l->newest;
        *(l->newest ? &l->newest->unfinished_next : &l->oldest) = c;
        l->newest = c;
        l->since = l->oldest->unfinished_since;
        l->n++;
        u->n++;
}

void unfinished_remove(Conn *c) {
        UnfinishedList *l = c->unfinished;

        if (!l)
                return;
        c->unfinished = NULL;
        *(c->unfinished_previous ? &c->unfinished_previous->unfinished_next : &l->oldest) =
                c->unfinished_next;
        *(c->unfinished_next ? &c->unfinished_next->unfinished_previous : &l->newest) =
                c->unfinished_previous;
        l->since = l->oldest ? l->oldest->unfinished_since : 0;
        l->n--;
        c->worker->unfinished.n--;
}

/* Whoever of the two has begun earlier. */
static const UnfinishedList *older(const UnfinishedList *a, const UnfinishedList *b) {
        return !b->oldest || (a->oldest && a->since < b->since) ? a : b;
}

/* Of the network that has most; among equals, of the one whose oldest is older. */
static bool evict(Worker *w, bool half) {
        const UnfinishedList *best = NULL;
        unsigned most = 0;

        for (size_t i = 0; i < UNFINISHED_NETWORKS; i++) {
                const UnfinishedList *lists = w->unfinished.networks[i].lists;
                const UnfinishedList *l = &lists[UNFINISHED_HALF];
                unsigned n = l->n;

                if (!half) {
                        n += lists[UNFINISHED_NOTHING].n;
                        l = older(l, &lists[UNFINISHED_NOTHING]);
                }
                if (n > most || (n > 0 && n == most && l->since < best->since)) {
                        most = n;
                        best = l;
                }
        }
        if (!best)
                return false;
        counter_add(&w->counters.evicted, 1);
        conn_close(best->oldest);
        return true;
}

bool unfinished_evict(Worker *w) {
        return evict(w, /* half= */ false);
}

bool unfinished_evict_half(Worker *w) {
        return evict(w, /* half= */ true);
}
