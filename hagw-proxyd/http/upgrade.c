/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An upgraded connection: bytes both ways, each direction ending by itself. Runs in the worker's thread. */

#include "hagw-proxyd/http/exchange.h"

/* Begins anew with each event; the worker may stop, and then it goes on for as long as bytes pass. */
void upgrade_wait(Exchange *x) {
        Worker *w = x->worker;
        uint64_t now = w->loop.now_usec;

        loop_arm(&w->loop, &x->timer, worker_quiet_usec(w, x->old, now, now + x->upstream->idle_usec));
}

static int move_up(Exchange *x) {
        Transport *to = &x->client.link->transport;
        ssize_t n;
        Slice data;
        int r;

        if (x->up.done || transport_pending(to))
                return 0;
        r = x->stream->ops->peek(x->stream, &data);
        if (r < 0)
                return -1;
        if (data.n > 0) {
                n = flow_write(to, x->worker->scratch, 0, BODY_UNTIL_EOF, data, /* last= */ false);
                if (n < 0)
                        return -1;
                x->stream->ops->consume(x->stream, (size_t) n);
                x->up.n += (size_t) n;
                return 1;
        }
        if (r == 0)
                return 0;
        transport_shutdown(to);
        x->up.done = true;
        return 1;
}

static int move_down(Exchange *x) {
        const StreamOps *ops = x->stream->ops;
        Link *k = x->client.link;
        Slice data = {};
        ssize_t n, room;

        room = x->down.done ? 0 : ops->ready(x->stream);
        if (room <= 0)
                return (int) room;
        n = buffer_used(k->in) > 0 ? 1 : link_fill(k, (size_t) room);
        if (n == -EAGAIN)
                return 0;
        if (n < 0)
                return -1;
        if (n > 0)
                data = (Slice) { buffer_at(k->in), buffer_used(k->in) };
        x->down.done = n == 0;
        n = ops->send(x->stream, NULL, data, /* last= */ x->down.done);
        if (n < 0)
                return -1;
        if (n > 0)
                k->in->begin += (size_t) n;
        x->down.n += (size_t) n;
        if (buffer_used(k->in) == 0)
                k->in = buffer_put(&x->worker->pool, k->in);
        return 1;
}

int upgrade_pump(Exchange *x) {
        int up = move_up(x), down = up < 0 ? 0 : move_down(x);

        if (up < 0 || down < 0)
                return -1;
        if (x->up.done && x->down.done)
                return UPGRADE_OVER;
        if (up == 0 && down == 0)
                return 0;
        exchange_used(x);
        return 1;
}
