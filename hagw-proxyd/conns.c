/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All visitors of a worker on their way out. Runs in the worker's thread. */

#include "worker.h"

void conns_drain(Worker *w) {
        Conn *next;

        for (Conn *c = w->conns; c; c = next) {
                next = c->next;
                if (c->state != CONN_REQUEST && c->state != CONN_PASSAGE)
                        continue;
                c->old = true;
                w->n_old++;
                if (c->state == CONN_PASSAGE)
                        passage_drain(c->passage);
                else if (c->exchange->state == EXCHANGE_TUNNEL)
                        tunnel_drain(c->exchange);
        }
}

void conns_stop(Worker *w) {
        Conn *next;

        for (Conn *c = w->conns; c; c = next) {
                next = c->next;
                if (c->state == CONN_IDLE && buffer_used(c->in) == 0)
                        conn_linger(c);
                else if (c->state == CONN_PROXY || c->state == CONN_HELLO)
                        conn_close(c);
                else if (c->state == CONN_REQUEST && c->exchange->state == EXCHANGE_TUNNEL)
                        exchange_abort(c->exchange, "stopped");
                else if (c->state == CONN_PASSAGE)
                        passage_abort(c->passage, "stopped");
        }
}

void conns_done(Worker *w) {
        while (w->conns) {
                Conn *c = w->conns;
                if (c->state == CONN_REQUEST)
                        exchange_abort(c->exchange, "stopped");
                else if (c->state == CONN_PASSAGE)
                        passage_abort(c->passage, "stopped");
                else
                        conn_close(c);
        }
}
