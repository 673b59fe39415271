/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests as HTTP/1.1 brings them. Runs in the worker's thread. */

#include "hagw-proxyd/h1/requests.h"
#include "hagw-proxyd/http/exchange.h"

/* The head may be larger than a buffer from the pool. */
static int make_room(Conn *c) {
        Buffer *b = c->in, *larger;

        if (buffer_room(b) > 0)
                return 0;
        if (b->begin > 0) {
                buffer_compact(b);
                return 0;
        }
        larger = buffer_grow(&c->worker->pool, b,
                             b->size < BUFFER_SIZE ? 0 : MAX(b->size * 2, c->snapshot->head_size + 4096));
        if (!larger)
                return -ENOMEM;
        c->in = larger;
        return 0;
}

/* Looks for a whole head in c->in. */
static H1Verdict read_head(Conn *c, Exchange **ret) {
        H1Limits limits = { c->snapshot->head_size, c->snapshot->header_count };
        Exchange *x;
        H1Verdict v;

        x = exchange_new(c);
        if (!x)
                return H1_TOO_LARGE;
        v = h1_read_request(&c->scan, buffer_at(c->in), buffer_used(c->in), &limits, &x->request);
        if (v == H1_MORE)
                exchange_free(x);
        else
                *ret = x;
        return v;
}

static void serve_request(Conn *c, H1Verdict v, Exchange *x) {
        loop_spend(&c->worker->loop, LOOP_WORK_REQUEST);
        conn_set_state(c, CONN_REQUEST);
        c->exchange = x;
        c->scan = (H1Scan) {};
        c->since_usec = 0;
        if (v != H1_OK) {
                exchange_refuse(x, v);
                return;
        }
        c->in->begin += x->request.head_size;
        exchange_begin(x);
}

static void serve_idle(Conn *c) {
        bool parse = buffer_used(c->in) > 0;

        while (c->state == CONN_IDLE && !transport_pending(&c->transport)) {
                Exchange *x = NULL;
                H1Verdict v = H1_MORE;
                ssize_t n;

                /* Requests that lie here already want no reading, which would end with the turn. */
                if (loop_turn_is_over(&c->worker->loop)) {
                        loop_again(&c->worker->loop, &c->again);
                        return;
                }
                if (parse && conn_refresh(c) < 0) {
                        conn_linger(c);
                        return;
                }
                if (parse)
                        v = read_head(c, &x);
                if (v != H1_MORE && !x) { /* no memory */
                        conn_close(c);
                        return;
                }
                if (v != H1_MORE) {
                        serve_request(c, v, x);
                        parse = buffer_used(c->in) > 0;
                        continue;
                }
                if (c->in && make_room(c) < 0) {
                        conn_close(c);
                        return;
                }
                n = conn_fill(c);
                if (n == -EAGAIN) {
                        conn_wait(c);
                        return;
                }
                if (n <= 0) {
                        conn_close(c);
                        return;
                }
                parse = true;
        }
}

static void on_timer(Conn *c) {
        if (c->kind == CONN_HTTPS && buffer_used(c->in) > 0 && !transport_pending(&c->transport))
                exchange_refuse_timeout(c);
        else if (c->kind == CONN_HTTPS)
                conn_linger(c);
        else
                conn_close(c);
}

static const ConnServer idle_server = { .serve = serve_idle, .on_timer = on_timer };

static int init(Worker *w) {
        w->visits->servers[CONN_IDLE] = &idle_server;
        return 0;
}

const Room h1_room = { .init = init };
