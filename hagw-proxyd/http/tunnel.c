/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An upgraded connection: bytes both ways, each direction ending by itself. Runs in the worker's thread. */

#include "hagw-proxyd/http/exchange.h"

typedef enum Moved {
        MOVED_NOTHING,
        MOVED_SOME,
        MOVED_END,  /* this direction is through */
        MOVED_BROKEN,
} Moved;

/* One direction, once. What waits for the other side stays unread. */
static Moved move(BufferPool *pool, Transport *from, Buffer **buffer, Transport *to, uint64_t *count) {
        struct iovec iov;

        if (transport_pending(to))
                return MOVED_NOTHING;
        if (to->shut)
                return MOVED_END;
        if (buffer_used(*buffer) == 0) {
                Buffer *b = *buffer ?: buffer_get(pool, 0);
                ssize_t n;

                if (!b)
                        return MOVED_BROKEN;
                b->begin = b->end = 0;
                n = transport_read(from, b->data, FLOW_MOVE_MAX);
                if (n <= 0) {
                        *buffer = buffer_put(pool, b);
                        if (n == -EAGAIN)
                                return MOVED_NOTHING;
                        if (n < 0)
                                return MOVED_BROKEN;
                        transport_shutdown(to);
                        return MOVED_END;
                }
                b->end = (size_t) n;
                *buffer = b;
        }
        iov = (struct iovec) { buffer_at(*buffer), MIN(buffer_used(*buffer), (size_t) FLOW_MOVE_MAX) };
        if (transport_write(to, &iov, 1) < 0)
                return MOVED_BROKEN;
        *count += iov.iov_len;
        (*buffer)->begin += iov.iov_len;
        if (buffer_used(*buffer) == 0)
                *buffer = buffer_put(pool, *buffer);
        return MOVED_SOME;
}

/* Begins anew with each event. */
static void wait_more(Exchange *x) {
        Worker *w = x->conn->worker;
        uint64_t now = w->loop.now_usec;

        loop_arm(&w->loop, &x->conn->timer,
                 conn_quiet_usec(x->conn, now, now + x->upstream->idle_usec));
}

void tunnel_drain(Exchange *x) {
        wait_more(x);
}

void tunnel_run(Exchange *x) {
        Conn *c = x->conn;
        Link *k = x->client.link;
        Worker *w = c->worker;

        wait_more(x);
        while (!loop_turn_is_over(&w->loop)) {
                Moved up = move(&w->pool, &c->transport, &c->in, &k->transport, &x->up.n);
                Moved down = move(&w->pool, &k->transport, &k->in, &c->transport, &x->down.n);

                if (up == MOVED_BROKEN || down == MOVED_BROKEN) {
                        exchange_abort(x, "broken off");
                        return;
                }
                if (up == MOVED_END && down == MOVED_END) {
                        x->close = true;
                        exchange_finish(x);
                        return;
                }
                if (up != MOVED_SOME && down != MOVED_SOME)
                        return;
                exchange_used(x);
        }
        loop_again(&w->loop, &c->again);
}
