/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lists in the order in which they began, by network. Runs in the worker's thread. */

#include "hagw-proxyd/visit/conn.h"
#include "libhagw/crew/crowd.h"

void unfinished_add(Conn *c) {
        Unfinished *u = &c->worker->visits->unfinished;
        UnfinishedNetwork *n = &u->networks[crowd_hash(&c->visit.address) % UNFINISHED_NETWORKS];

        unfinished_remove(c);
        c->unfinished = n;
        c->unfinished_since = u->n_ever++;
        c->unfinished_next = NULL;
        c->unfinished_previous = n->newest;
        *(n->newest ? &n->newest->unfinished_next : &n->oldest) = c;
        n->newest = c;
        n->since = n->oldest->unfinished_since;
        n->n++;
        u->n++;
}

void unfinished_remove(Conn *c) {
        UnfinishedNetwork *n = c->unfinished;

        if (!n)
                return;
        c->unfinished = NULL;
        *(c->unfinished_previous ? &c->unfinished_previous->unfinished_next : &n->oldest) =
                c->unfinished_next;
        *(c->unfinished_next ? &c->unfinished_next->unfinished_previous : &n->newest) =
                c->unfinished_previous;
        n->since = n->oldest ? n->oldest->unfinished_since : 0;
        n->n--;
        c->worker->visits->unfinished.n--;
}

/* Among networks that have as many, of the one whose oldest is older. */
bool unfinished_evict(Worker *w) {
        const UnfinishedNetwork *best = &w->visits->unfinished.networks[0];

        if (w->visits->unfinished.n == 0)
                return false;
        for (size_t i = 1; i < UNFINISHED_NETWORKS; i++) {
                const UnfinishedNetwork *n = &w->visits->unfinished.networks[i];

                if (n->n > best->n || (n->n == best->n && n->since < best->since))
                        best = n;
        }
        counter_add(&w->figures->evicted, 1);
        conn_close(best->oldest);
        return true;
}
