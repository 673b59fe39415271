/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way back from the upstream: interim answers, the answer's head, its body. Runs in the worker's
 * thread. */

#include "hagw-proxyd/http/exchange.h"

static const char malformed[] = "its answer's chunks are malformed";

static void note_answer(Exchange *x, InnerLogin inner) {
        Worker *w = x->worker;

        x->status = x->response.status;
        x->upstream_usec = w->loop.now_usec - x->begin_usec;
        if (x->visit->probe) {
                x->visit->probe->result.answered = true;
                x->visit->probe->result.status = x->status;
        }
        if (!x->stats || x->internal)
                return;
        atomic_store_explicit(&x->stats->workers[w->index].ok_usec, w->loop.now_usec, memory_order_relaxed);
        exchange_hear_inner(x, inner);
        if (!x->visit->probe && status_is_good(x->status))
                atomic_store_explicit(&x->stats->workers[w->index].good_usec, w->loop.now_usec,
                                      memory_order_relaxed);
}

/* How the answer's body comes; what is here of it, in *ret, may go out with its head. 1: so may its end. */
static int begin_answer(Exchange *x, Slice *ret) {
        bool bodiless = x->response.flags & (RESPONSE_INTERIM | RESPONSE_UPGRADED);
        int r;

        *ret = (Slice) {};
        flow_init(&x->answer, bodiless ? BODY_NONE : x->response.body, x->response.body_size, H1_LENIENT);
        if (x->response.flags & RESPONSE_UPGRADED)
                return 0;
        r = flow_read(&x->answer, x->client.link->in);
        *ret = x->answer.ready;
        return r;
}

static void note_head(Exchange *x, InnerLogin inner) {
        bool upgraded = x->response.flags & RESPONSE_UPGRADED;

        note_answer(x, inner);
        exchange_set_state(x, upgraded ? EXCHANGE_TUNNEL : EXCHANGE_BODY);
        exchange_drop_head(x);
        if (!upgraded)
                return;
        counter_add(&x->worker->counters.tunnels, 1);
        x->up = (ExchangeWay) { .n = x->up.n };
}

/* Writes the answer's head, and what of its body is there. 1, or -1 where it ended. */
static int send_head(Exchange *x) {
        Worker *w = x->worker;
        Link *k = x->client.link;
        bool interim = x->response.flags & RESPONSE_INTERIM;
        InnerLogin inner;
        ForwardAnswer answer = { .sees_cookie = exchange_sees_cookie(x),
                                 .own = x->internal,
                                 .ret_inner = &inner,
                                 .http1 = x->stream->ops->http1,
                                 .head = x->request.method == METHOD_HEAD,
                                 .ancestors = x->internal ? (Slice) {} : x->route->ancestors,
                                 .date = http_date(&w->date, time(NULL)) };
        BodyKind kind;
        ssize_t n = -ENOBUFS;
        Slice data;
        int r = 0;

        if (!interim) {
                /* Without the rest of the request's body the next request cannot be found. */
                x->close = x->close || (x->request.flags & REQUEST_CLOSE) || w->stage >= WORKER_PARTING ||
                           x->up.broken || (!x->up.done && x->response.status >= 300);
        }
        answer.close = x->close;
        if (forward_response(&x->response, &answer, &kind) >= 0 &&
            (interim || exchange_say_inner(x, &x->response.headers) >= 0)) {
                k->in->begin += x->response.head_size;
                x->response_scan = (H1Scan) {};
                r = begin_answer(x, &data);
                if (r >= 0)
                        n = x->stream->ops->send(x->stream, &x->response, data,
                                                 /* last= */ r == 1 && !interim);
        }
        if (r < 0 || n == -ENOBUFS) { /* nothing of it was sent */
                link_close(k);
                exchange_fail(x, PAGE_BAD_GATEWAY, r < 0 ? malformed : "its answer's head is too large");
                return -1;
        }
        if (n < 0) {
                exchange_abort(x, "gone");
                return -1;
        }
        flow_take(&x->answer, (size_t) n);
        x->down.n += (size_t) n;
        x->down.done = !interim && r == 1 && x->answer.ready.n == 0;
        x->interim = x->interim || interim;
        x->link_spent = x->link_spent || (x->response.flags & RESPONSE_CLOSE);
        if (!interim)
                note_head(x, inner);
        return 1;
}

int exchange_pump_head(Exchange *x) {
        Link *k = x->client.link;
        H1Limits limits = { x->snapshot->head_size, x->snapshot->header_count };
        H1Asked asked = { x->request.method == METHOD_HEAD, x->request.flags & REQUEST_WEBSOCKET };
        H1Verdict v = H1_MORE;

        if (x->stream->ops->ready(x->stream) == 0)
                return 0;
        if (buffer_used(k->in) > 0)
                v = h1_read_response(&x->response_scan, buffer_at(k->in), buffer_used(k->in), &limits, asked,
                                     &x->response);
        if (v == H1_MORE) {
                ssize_t n = link_fill(x->client.link);

                if (n == -EAGAIN)
                        return 0;
                if (n > 0)
                        return 1;
                exchange_on_link_broken(x, x->up.broken || n < 0 ? "it broke the connection off" :
                                                          "it closed the connection without an answer");
                return -1;
        }
        if (v != H1_OK) {
                link_close(k);
                exchange_fail(x, PAGE_BAD_GATEWAY, h1_verdict_text(v));
                return -1;
        }
        return send_head(x);
}

/* More of the answer's body. 1: something came, or its end; 0: nothing; -1: the exchange has ended. */
static int read_answer(Exchange *x) {
        Link *k = x->client.link;
        ssize_t n = buffer_used(k->in) > 0 ? 1 : link_fill(x->client.link);

        if (n == -EAGAIN)
                return 0;
        /* An error is no end, nor is TLS that ends without close_notify (RFC 9112 section 9.8). */
        if (n < 0) {
                exchange_break(x, "answer cut short", "it broke the connection off within an answer");
                return -1;
        }
        if (n == 0 && !h1_body_eof(&x->answer.body)) {
                exchange_break(x, "answer cut short", "it closed the connection within an answer");
                return -1;
        }
        if (n > 0 && flow_read(&x->answer, k->in) < 0) {
                exchange_break(x, "malformed answer", malformed);
                return -1;
        }
        return 1;
}

int exchange_pump_body(Exchange *x) {
        Flow *f = &x->answer;
        Link *k = x->client.link;
        ssize_t n = 0;

        if (x->down.done || x->stream->ops->ready(x->stream) == 0)
                return 0;
        if (f->ready.n == 0 && !flow_is_done(f)) {
                int r = read_answer(x);

                if (r <= 0)
                        return r;
        }
        if (f->ready.n > 0 || flow_is_done(f))
                n = x->stream->ops->send(x->stream, NULL, f->ready, /* last= */ flow_is_done(f));
        if (n < 0) {
                exchange_abort(x, "gone");
                return -1;
        }
        flow_take(f, (size_t) n);
        x->down.n += (size_t) n;
        x->down.done = flow_is_done(f) && f->ready.n == 0;
        if (f->ready.n == 0 && buffer_used(k->in) == 0)
                k->in = buffer_put(&x->worker->pool, k->in);
        return 1;
}
