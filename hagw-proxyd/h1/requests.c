/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests as HTTP/1.1 brings them. Runs in the worker's thread. */

#include "hagw-proxyd/h1/h1stream.h"
#include "hagw-proxyd/h1/requests.h"
#include "hagw-proxyd/http/exchange.h"

#define TARGET_KEPT 16U /* bytes of a request line whose middle is passed over */
#define TARGET_SKIPPED_MAX (2U * 1024 * 1024) /* of one; no browser sends more */

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

/* Of a request line that is too long the middle is passed over: what comes behind it tells who asks, and in
 * which language. Not at port 80, where nobody gets an answer to one. */
static bool skip_target(Conn *c) {
        Buffer *b = c->in;
        const size_t n = MIN(buffer_used(b), c->snapshot->head_size) - TARGET_KEPT;

        if (c->visit.kind == CONN_HTTP || c->skipped + n > TARGET_SKIPPED_MAX)
                return false;
        memmove(buffer_at(b) + n, buffer_at(b), TARGET_KEPT);
        b->begin += n;
        c->skipped += n;
        c->scan = (H1Scan) {};
        return true;
}

/* Looks for a whole head in c->in. */
static H1Verdict read_head(Conn *c, Exchange **ret) {
        H1Limits limits = { c->snapshot->head_size, c->snapshot->header_count };
        Exchange *x;
        H1Verdict v;

        x = exchange_new(&c->visit, c->snapshot, c->route, c->inside);
        if (!x)
                return H1_TOO_LARGE;
        do
                v = h1_read_request(&c->scan, buffer_at(c->in), buffer_used(c->in), &limits, &x->request);
        while (v == H1_TOO_LONG && skip_target(c));
        if (v != H1_MORE && c->skipped > 0)
                v = H1_TOO_LONG;
        if (v == H1_MORE)
                exchange_free(x);
        else
                *ret = x;
        return v;
}

/* The head goes with the exchange, what stands behind it stays: mostly nothing. NULL: no memory. */
static Buffer *split_head(Conn *c, size_t head_size) {
        Buffer *head = c->in, *rest = NULL;
        size_t n = buffer_used(head) - head_size;

        if (n > 0) {
                rest = buffer_get(&c->worker->pool, n <= BUFFER_SIZE_SMALL ? BUFFER_SIZE_SMALL : n);
                if (!rest)
                        return NULL;
                buffer_append(rest, buffer_at(head) + head_size, n);
                loop_spend(&c->worker->loop, n);
        }
        c->in = rest;
        return head;
}

/* As far as what is here tells. */
static void reader_here(const Conn *c, Reader *ret) {
        reader_of_bytes(c->in ? (Slice) { buffer_at(c->in), buffer_used(c->in) } : (Slice) {},
                        c->snapshot->language, ret);
}

static void refuse(Conn *c, Exchange *x, Stream *stream, H1Verdict v) {
        Reader reader;

        reader_here(c, &reader);
        exchange_refuse(x, stream, v, &reader);
}

static void serve_request(Conn *c, H1Verdict v, Exchange *x) {
        Buffer *head = v == H1_OK ? split_head(c, x->request.head_size) : NULL;
        H1 *s = v != H1_OK || head ? h1_new(c, x, v == H1_OK ? &x->request : NULL) : NULL;

        loop_spend(&c->worker->loop, LOOP_WORK_REQUEST);
        if (!s) {
                buffer_put(&c->worker->pool, head);
                exchange_free(x);
                conn_close(c);
                return;
        }
        conn_set_state(c, CONN_REQUEST);
        c->scan = (H1Scan) {};
        c->skipped = 0;
        c->since_usec = 0;
        if (v == H1_OK)
                exchange_begin(x, &s->stream, head);
        else
                refuse(c, x, &s->stream, v);
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

/* Who does not come to the end of a head. */
static void refuse_timeout(Conn *c) {
        Exchange *x = exchange_new(&c->visit, c->snapshot, c->route, c->inside);
        H1 *s = x ? h1_new(c, x, NULL) : NULL;
        Reader reader;

        if (!s) {
                if (x)
                        exchange_free(x);
                conn_close(c);
                return;
        }
        conn_set_state(c, CONN_REQUEST);
        reader_here(c, &reader);
        if (c->skipped > 0) /* what is wrong with it is known */
                exchange_refuse(x, &s->stream, H1_TOO_LONG, &reader);
        else
                exchange_refuse_timeout(x, &s->stream, &reader);
}

static void on_timer(Conn *c) {
        if (c->visit.kind == CONN_HTTPS && buffer_used(c->in) > 0 && !transport_pending(&c->transport))
                refuse_timeout(c);
        else if (c->visit.kind == CONN_HTTPS)
                conn_linger(c);
        else
                conn_close(c);
}

static const ConnServer idle_server = { .serve = serve_idle, .on_timer = on_timer, .part = conn_linger };

static int init(Worker *w) {
        w->h1 = calloc(1, sizeof(*w->h1));
        if (!w->h1)
                return -ENOMEM;
        w->visits->servers[CONN_IDLE] = &idle_server;
        w->visits->servers[CONN_REQUEST] = &h1_server;
        return 0;
}

static void free_room(Worker *w) {
        while (w->h1 && w->h1->spare) {
                H1 *s = w->h1->spare;

                w->h1->spare = s->next_free;
                free(s);
        }
        free(w->h1);
        w->h1 = NULL;
}

const Room h1_room = { .init = init, .free = free_room };
