/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way back from the upstream: interim answers, the answer's head, its body. Runs in the worker's
 * thread. */

#include "hagw-proxyd/http/exchange.h"

static const char malformed[] = "its answer's chunks are malformed",
                  no_memory[] = "there was no memory to compress its answer";

static void note_answer(Exchange *x) {
        x->status = x->response.status;
        x->upstream_usec = x->worker->loop.now_usec - x->begin_usec;
        if (x->visit->probe) {
                x->visit->probe->result.answered = true;
                x->visit->probe->result.status = x->status;
        }
}

/* What it says of the service. Before the visitor has it: who has got an answer finds it counted. */
static void note_service(Exchange *x, InnerLogin inner) {
        Worker *w = x->worker;

        if (!x->stats || x->internal)
                return;
        atomic_store_explicit(&x->stats->workers[w->index].ok_usec, w->loop.now_usec, memory_order_relaxed);
        exchange_hear_inner(x, inner);
        if (!x->visit->probe && status_is_good(x->response.status))
                atomic_store_explicit(&x->stats->workers[w->index].good_usec, w->loop.now_usec,
                                      memory_order_relaxed);
}

/* What of the answer's body may go out, in *ret. 1: so may its end. -ENOMEM. */
static int show_answer(Exchange *x, Slice *ret) {
        if (x->pack)
                return pack_fill(x->pack, &x->answer, ret);
        *ret = x->answer.ready;
        return flow_is_done(&x->answer);
}

static void take_answer(Exchange *x, size_t n) {
        if (x->pack)
                pack_take(x->pack, n);
        else
                flow_take(&x->answer, n);
        x->down.n += n;
}

/* How the answer's body comes; what is here of it, in *ret, may go out with its head. 1: so may its end. */
static int begin_answer(Exchange *x, BodyKind kind, Slice *ret) {
        bool bodiless = x->response.flags & (RESPONSE_INTERIM | RESPONSE_UPGRADED);
        int r;

        *ret = (Slice) {};
        flow_init(&x->answer, bodiless ? BODY_NONE : kind, x->response.body_size, H1_LENIENT);
        if (x->response.flags & RESPONSE_UPGRADED)
                return 0;
        r = flow_read(&x->answer, x->client.link->in);
        return r < 0 ? r : show_answer(x, ret);
}

/* May end it. */
static void on_pause(void *owner) {
        exchange_run(owner);
}

/* A tenant's house compresses by itself, or does not want it. What the visitor said stands in the request's
 * head, which is there as long as it might be sent again. */
static bool may_compress(const Exchange *x) {
        return !x->internal && x->route && x->route->host.compress && !x->spent &&
               x->upstream->kind != CONF_UPSTREAM_TENANT &&
               !(x->response.flags & (RESPONSE_INTERIM | RESPONSE_UPGRADED));
}

static void plan_answer(Exchange *x, CompressPlan *plan) {
        Worker *w = x->worker;

        compress_not(plan, COMPRESS_OFF);
        if (!may_compress(x))
                return;
        compress_judge(&x->request, &x->response, plan);
        if (plan->verdict != COMPRESS_YES || x->response.body == BODY_NONE)
                return;
        x->pack = pack_new(w, &w->exchanges->encoders, plan->coding, crowd_network(&x->visit->address),
                           on_pause, x);
        counter_add(x->pack ? &w->figures->compressed : &w->figures->compress_crowded, 1);
        if (!x->pack)
                compress_not(plan, COMPRESS_CROWDED);
}

static void note_head(Exchange *x) {
        bool upgraded = x->response.flags & RESPONSE_UPGRADED;

        note_answer(x);
        exchange_set_state(x, upgraded ? EXCHANGE_UPGRADE : EXCHANGE_BODY);
        exchange_drop_head(x);
        if (!upgraded)
                return;
        counter_add(&x->worker->figures->upgrades, 1);
        exchange_drop_headers(x);
        x->up = (ExchangeWay) { .n = x->up.n };
}

/* Writes the answer's head, and what of its body is there. 1, or -1 where it ended. */
static int send_head(Exchange *x) {
        Worker *w = x->worker;
        Link *k = x->client.link;
        bool interim = x->response.flags & RESPONSE_INTERIM;
        BodyKind kind, comes = x->response.body;
        CompressPlan plan;
        InnerLogin inner;
        ForwardAnswer answer = { .sees_cookie = exchange_sees_cookie(x),
                                 .own = x->internal,
                                 .ret_inner = &inner,
                                 .http1 = x->stream->ops->http1,
                                 .head = x->request.method == METHOD_HEAD,
                                 .ancestors = x->internal ? (Slice) {} : x->route->ancestors,
                                 .compress = &plan,
                                 .date = http_date(&w->exchanges->date, time(NULL)) };
        ssize_t n = -ENOBUFS;
        Slice data;
        int r = 0;

        if (!interim) {
                /* Without the rest of the request's body the next request cannot be found. */
                x->close = x->close || (x->request.flags & REQUEST_CLOSE) || w->stage >= WORKER_PARTING ||
                           x->up.broken || (!x->up.done && x->response.status >= 300);
        }
        answer.close = x->close;
        plan_answer(x, &plan);
        if (forward_response(&x->response, &answer, &kind) >= 0 &&
            (interim || exchange_say_inner(x, &x->response.headers) >= 0)) {
                k->in->begin += x->response.head_size;
                x->response_scan = (H1Scan) {};
                r = begin_answer(x, comes, &data);
                if (r >= 0 && !interim)
                        note_service(x, inner);
                if (r >= 0)
                        n = x->stream->ops->send(x->stream, &x->response, data,
                                                 /* last= */ r == 1 && !interim);
        }
        if (r < 0 || n == -ENOBUFS) { /* nothing of it was sent */
                link_close(k);
                exchange_fail(x, PAGE_BAD_GATEWAY,
                              r == -ENOMEM ? no_memory :
                              r < 0        ? malformed :
                                             "its answer's head is too large");
                return -1;
        }
        if (n < 0) {
                exchange_abort(x, "gone");
                return -1;
        }
        take_answer(x, (size_t) n);
        x->down.done = !interim && r == 1 && (size_t) n == data.n;
        x->interim = x->interim || interim;
        x->link_spent = x->link_spent || (x->response.flags & RESPONSE_CLOSE);
        if (!interim)
                note_head(x);
        return 1;
}

/* How much of the answer the visitor takes. 0: nothing; -1: the exchange has ended. */
static ssize_t read_room(Exchange *x) {
        ssize_t n = x->stream->ops->ready(x->stream);

        if (n >= 0)
                return n;
        exchange_abort(x, "gone");
        return -1;
}

/* To a visitor in HTTP/2 any 2xx says that the WebSocket is open (RFC 8441 section 5), and his browser has
 * no Sec-WebSocket-Accept to see otherwise: whatever page has asked would read what the service answers as
 * messages. */
static bool looks_upgraded(const Exchange *x) {
        const Response *r = &x->response;

        return x->request.flags & REQUEST_WEBSOCKET && !x->stream->ops->http1 &&
               !(r->flags & RESPONSE_UPGRADED) && r->status >= 200 && r->status < 300;
}

int exchange_pump_head(Exchange *x) {
        Link *k = x->client.link;
        H1Limits limits = { x->snapshot->head_size, x->snapshot->header_count };
        H1Asked asked = { x->request.method == METHOD_HEAD, x->request.flags & REQUEST_WEBSOCKET };
        H1Verdict v = H1_MORE;
        ssize_t room = read_room(x);

        if (room <= 0)
                return (int) room;
        if (buffer_used(k->in) > 0)
                v = h1_read_response(&x->response_scan, buffer_at(k->in), buffer_used(k->in), &limits, asked,
                                     &x->response);
        if (v == H1_MORE) {
                ssize_t n = link_fill(k, (size_t) room);

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
        if (looks_upgraded(x)) {
                link_close(k);
                x->verdict = "no WebSocket";
                exchange_answer(x, PAGE_BAD_REQUEST, "there is no WebSocket");
                return -1;
        }
        return send_head(x);
}

/* More of the answer's body. 1: something came, or its end; 0: nothing; -1: the exchange has ended. */
static int read_answer(Exchange *x, size_t most) {
        Link *k = x->client.link;
        ssize_t n = buffer_used(k->in) > 0 ? 1 : link_fill(k, most);

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
        Slice data;
        ssize_t n = 0, room;
        int r;

        room = x->down.done ? 0 : read_room(x);
        if (room <= 0)
                return (int) room;
        if (f->ready.n == 0 && !flow_is_done(f) && !(x->pack && pack_has_more(x->pack))) {
                r = read_answer(x, (size_t) room);
                if (r < 0 || (r == 0 && !(x->pack && pack_is_paused(x->pack))))
                        return r;
        }
        r = show_answer(x, &data);
        if (r < 0) {
                exchange_break(x, "out of memory", no_memory);
                return -1;
        }
        if (data.n > 0 || r == 1)
                n = x->stream->ops->send(x->stream, NULL, data, /* last= */ r == 1);
        if (n < 0) {
                exchange_abort(x, "gone");
                return -1;
        }
        take_answer(x, (size_t) n);
        x->down.done = r == 1 && (size_t) n == data.n;
        if (f->ready.n == 0 && buffer_used(k->in) == 0)
                k->in = buffer_put(&x->worker->pool, k->in);
        return 1;
}
