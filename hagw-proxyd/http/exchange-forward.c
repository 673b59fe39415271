/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way to the upstream and back: the request goes out, body streaming behind it, while the answer comes
 * in. Runs in the worker's thread. */

#include <stdio.h>

#include "hagw-proxyd/http/exchange.h"

static const char malformed[] = "its answer's chunks are malformed";

/* A waiting connection may have been closed by the other side just now. Safe to send again: RFC 9110
 * section 9.2.2. What is not gets a connection that nobody is about to close. */
static bool may_retry(const Exchange *x) {
        return !x->retried && !x->interim && x->conn->head_held && x->request.body == BODY_NONE &&
               method_is_idempotent(x->request.method) && !(x->request.flags & REQUEST_WEBSOCKET);
}

static void touch(Exchange *x) {
        Worker *w = x->conn->worker;

        exchange_used(x);
        loop_arm(&w->loop, &x->conn->timer, w->loop.now_usec + x->upstream->idle_usec);
}

static void on_link(Exchange *x);

/* May end it, at once or later. */
static void get_link(Exchange *x, UpstreamWish wish) {
        int r;

        exchange_set_state(x, EXCHANGE_LINK);
        r = upstream_acquire(x->upstream, &x->client, wish);
        if (r == 1)
                on_link(x);
        else if (r < 0)
                exchange_fail_link(x, "out of memory");
}

/* What webd wants to know beyond what every service is told. */
static int tell_webd(Exchange *x) {
        const Slice wall = exchange_name_wall(x);
        Conn *c = x->conn;
        int r;

        r = header_list_add(&x->request.headers, "X-Hagw-Host", slice_from(c->name));
        if (r < 0)
                return r;
        if (arrival_is_relayed(c->arrival)) {
                r = header_list_add(&x->request.headers, "X-Hagw-Relay", SLICE("1"));
                if (r < 0)
                        return r;
        }
        if (wall.n > 0) {
                r = header_list_add(&x->request.headers, "X-Hagw-Wall", wall);
                if (r < 0)
                        return r;
        }
        return header_list_add(&x->request.headers, "X-Hagw-Lan",
                               c->inside && !x->foreign ? SLICE("1") : SLICE("0"));
}

static bool sees_cookie(const Exchange *x) {
        return x->internal || (x->conn->route && route_has_own_login(x->conn->route));
}

void exchange_forward(Exchange *x, Upstream *u) {
        Conn *c = x->conn;
        ForwardContext context = {
                .address = slice_from(c->address_text),
                .forwarded = c->snapshot->forwarded,
                .sees_cookie = sees_cookie(x),
                .scratch = x->forward_scratch,
        };

        if (!x->internal && c->route) {
                context.host = slice_from(c->route->host.host_field);
                context.outer = exchange_tell_outer(x);
        }
        if (c->probe && c->probe->kind == PROBE_BARE)
                context.address = context.outer = (Slice) {};
        if (c->probe && c->probe->kind == PROBE_OWN_NAME)
                context.host = route_own_name(c->route);
        x->upstream = u;
        u->n_clients++;
        if (forward_request(&x->request, &context) < 0 ||
            (x->internal && tell_webd(x) < 0)) {
                exchange_answer(x, PAGE_TOO_LARGE, NULL);
                return;
        }
        touch(x);
        get_link(x, may_retry(x) ? UPSTREAM_ANY : UPSTREAM_YOUNG);
}

/* The connection ended before an answer came. */
static void on_link_broken(Exchange *x, const char *why) {
        Link *k = x->client.link;
        bool again = k->n_requests > 1 && buffer_used(k->in) == 0 && may_retry(x);

        link_close(k);
        if (!again) {
                exchange_fail(x, PAGE_BAD_GATEWAY, why);
                return;
        }
        x->retried = true;
        counter_add(&x->conn->worker->counters.retries, 1);
        get_link(x, UPSTREAM_FRESH);
}

/* The head's bytes are not needed any more: the buffer is free for the body, or for others. */
static void drop_head(Exchange *x) {
        Conn *c = x->conn;

        c->head_held = false;
        if (buffer_used(c->in) == 0)
                c->in = buffer_put(&c->worker->pool, c->in);
}

static void on_link(Exchange *x) {
        Conn *c = x->conn;
        Worker *w = c->worker;
        Link *k = x->client.link;
        FlowResult r;
        size_t n;

        k->n_requests++;
        x->client.fault = LINK_FAULT_NONE;
        if (c->probe)
                c->probe->result.connected = true;
        if (h1_write_request(&x->request, w->scratch, sizeof(w->scratch) - FLOW_MOVE_MAX - 64, &n) < 0) {
                exchange_answer(x, PAGE_TOO_LARGE, NULL);
                return;
        }
        exchange_set_state(x, EXCHANGE_HEAD);
        x->response_scan = (H1Scan) {};
        r = flow_move(&x->up, c->in, &k->transport, w->scratch, n);
        if (r == FLOW_BAD) {
                x->close = true;
                exchange_answer(x, PAGE_BAD_REQUEST, "malformed chunk");
                return;
        }
        if (r == FLOW_BROKEN) {
                on_link_broken(x, "the connection broke");
                return;
        }
        if (x->request.body != BODY_NONE)
                drop_head(x);
        if (!x->up.done || transport_may_read(&k->transport))
                exchange_pump(x);
}

/* 1: something moved; 0: nothing; -1: the exchange has ended. */
static int pump_up(Exchange *x) {
        Conn *c = x->conn;
        FlowResult r;

        if (x->up.done || x->up.broken || transport_pending(&x->client.link->transport))
                return 0;
        if (buffer_used(c->in) == 0) {
                ssize_t n = conn_fill(c);

                if (n == -EAGAIN)
                        return 0;
                if (n <= 0) {
                        exchange_abort(x, "gone");
                        return -1;
                }
        }
        r = flow_move(&x->up, c->in, &x->client.link->transport, c->worker->scratch, 0);
        if (r == FLOW_BAD) {
                /* Neither side can know where the next message begins. */
                x->close = true;
                if (x->state == EXCHANGE_HEAD)
                        exchange_answer(x, PAGE_BAD_REQUEST, "malformed chunk");
                else
                        exchange_abort(x, "malformed chunk");
                return -1;
        }
        if (r == FLOW_BROKEN)
                x->up.broken = true; /* an early answer may be on its way */
        if (buffer_used(c->in) == 0)
                c->in = buffer_put(&c->worker->pool, c->in);
        return 1;
}

static ssize_t fill_link(Exchange *x) {
        Link *k = x->client.link;
        Buffer *b = k->in;
        ssize_t n;

        if (!b)
                b = k->in = buffer_get(&x->conn->worker->pool, 0);
        if (!b)
                return -ENOMEM;
        if (buffer_used(b) == 0)
                b->begin = b->end = 0;
        if (buffer_room(b) == 0)
                buffer_compact(b);
        if (buffer_room(b) == 0) {
                Buffer *larger = buffer_get(&x->conn->worker->pool, b->size * 2);

                if (!larger)
                        return -ENOMEM;
                buffer_append(larger, buffer_at(b), buffer_used(b));
                buffer_put(&x->conn->worker->pool, b);
                b = k->in = larger;
        }
        n = transport_read(&k->transport, b->data + b->end, MIN(buffer_room(b), (size_t) FLOW_MOVE_MAX));
        if (n > 0)
                b->end += (size_t) n;
        else if (buffer_used(b) == 0)
                k->in = buffer_put(&x->conn->worker->pool, b);
        return n;
}

static void note_answer(Exchange *x, InnerLogin inner) {
        Worker *w = x->conn->worker;

        x->status = x->response.status;
        x->upstream_usec = w->loop.now_usec - x->begin_usec;
        if (x->conn->probe) {
                x->conn->probe->result.answered = true;
                x->conn->probe->result.status = x->status;
        }
        if (!x->stats || x->internal)
                return;
        atomic_store_explicit(&x->stats->workers[w->index].ok_usec, w->loop.now_usec, memory_order_relaxed);
        exchange_hear_inner(x, inner);
        if (!x->conn->probe && status_is_good(x->status))
                atomic_store_explicit(&x->stats->workers[w->index].good_usec, w->loop.now_usec,
                                      memory_order_relaxed);
}

/* Writes the answer's head, and what of its body is there. 1, or -1 where it ended. */
static int send_head(Exchange *x) {
        Conn *c = x->conn;
        Worker *w = c->worker;
        Link *k = x->client.link;
        bool interim = x->response.flags & RESPONSE_INTERIM;
        InnerLogin inner;
        ForwardAnswer answer = { .sees_cookie = sees_cookie(x),
                                 .own = x->internal,
                                 .ret_inner = &inner,
                                 .http1 = true,
                                 .head = x->request.method == METHOD_HEAD,
                                 .ancestors = x->internal ? (Slice) {} : c->route->ancestors,
                                 .date = http_date(&w->date, time(NULL)) };
        BodyKind kind;
        FlowResult r;
        size_t n;

        if (!interim) {
                /* Without the rest of the request's body the next request cannot be found. */
                x->close = x->close || (x->request.flags & REQUEST_CLOSE) || w->stage >= WORKER_PARTING ||
                           x->up.broken || (!x->up.done && x->response.status >= 300);
        }
        answer.close = x->close;
        if (forward_response(&x->response, &answer, &kind) < 0 ||
            (!interim && exchange_say_inner(x, &x->response.headers) < 0) ||
            h1_write_response(&x->response, w->scratch, sizeof(w->scratch) - FLOW_MOVE_MAX - 64, &n) < 0) {
                link_close(k);
                exchange_fail(x, PAGE_BAD_GATEWAY, "its answer's head is too large");
                return -1;
        }
        k->in->begin += x->response.head_size;
        x->response_scan = (H1Scan) {};
        if (interim || (x->response.flags & RESPONSE_UPGRADED))
                flow_init(&x->down, BODY_NONE, 0, H1_LENIENT, BODY_NONE);
        else
                flow_init(&x->down, x->response.body, x->response.body_size, H1_LENIENT, kind);
        r = flow_move(&x->down, k->in, &c->transport, w->scratch, n);
        if (r == FLOW_BROKEN) {
                exchange_abort(x, "gone");
                return -1;
        }
        if (r == FLOW_BAD) { /* nothing of it was sent */
                link_close(k);
                exchange_fail(x, PAGE_BAD_GATEWAY, malformed);
                return -1;
        }
        x->interim = x->interim || interim;
        x->link_spent = x->link_spent || (x->response.flags & RESPONSE_CLOSE);
        if (!interim) {
                note_answer(x, inner);
                exchange_set_state(x, x->response.flags & RESPONSE_UPGRADED ? EXCHANGE_TUNNEL :
                                                                              EXCHANGE_BODY);
                drop_head(x);
        }
        if (x->state == EXCHANGE_TUNNEL)
                counter_add(&w->counters.tunnels, 1);
        return 1;
}

static int pump_head(Exchange *x) {
        Conn *c = x->conn;
        Link *k = x->client.link;
        H1Limits limits = { c->snapshot->head_size, c->snapshot->header_count };
        H1Asked asked = { x->request.method == METHOD_HEAD, x->request.flags & REQUEST_WEBSOCKET };
        H1Verdict v = H1_MORE;

        if (transport_pending(&c->transport))
                return 0;
        if (buffer_used(k->in) > 0)
                v = h1_read_response(&x->response_scan, buffer_at(k->in), buffer_used(k->in), &limits, asked,
                                     &x->response);
        if (v == H1_MORE) {
                ssize_t n = fill_link(x);

                if (n == -EAGAIN)
                        return 0;
                if (n > 0)
                        return 1;
                on_link_broken(x, x->up.broken || n < 0 ? "it broke the connection off" :
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

static int pump_body(Exchange *x) {
        Conn *c = x->conn;
        Link *k = x->client.link;
        FlowResult r;

        if (x->down.done || transport_pending(&c->transport))
                return 0;
        if (buffer_used(k->in) == 0) {
                ssize_t n = fill_link(x);

                if (n == -EAGAIN)
                        return 0;
                /* An error is no end, nor is TLS that ends without close_notify (RFC 9112 section 9.8). */
                if (n < 0) {
                        exchange_break(x, "answer cut short",
                                       "it broke the connection off within an answer");
                        return -1;
                }
                r = n > 0 ? FLOW_MOVED : flow_end(&x->down, &c->transport);
                if (r == FLOW_BAD) {
                        exchange_break(x, "answer cut short", "it closed the connection within an answer");
                        return -1;
                }
        } else
                r = FLOW_MOVED;
        if (r == FLOW_MOVED)
                r = flow_move(&x->down, k->in, &c->transport, c->worker->scratch, 0);
        if (buffer_used(k->in) == 0)
                k->in = buffer_put(&c->worker->pool, k->in);
        if (r == FLOW_BAD) {
                exchange_break(x, "malformed answer", malformed);
                return -1;
        }
        if (r == FLOW_BROKEN) {
                exchange_abort(x, "gone");
                return -1;
        }
        return r == FLOW_BLOCKED ? 0 : 1;
}

/* The answer is through. */
static int pump_end(Exchange *x) {
        Link *k = x->client.link;

        if (!x->down.done || (!x->up.done && !x->up.broken && !x->close))
                return 0;
        x->close = x->close || !x->up.done;
        if (x->up.done && !x->link_spent && !x->down.body.odd && !transport_pending(&k->transport) &&
            buffer_used(k->in) == 0 && k->transport.error == 0)
                link_park(k);
        exchange_finish(x);
        return -1;
}

static int pump_once(Exchange *x) {
        int up, down = 0, end;

        up = pump_up(x);
        if (up < 0)
                return -1;
        if (x->state == EXCHANGE_HEAD)
                down = pump_head(x);
        else if (x->state == EXCHANGE_BODY)
                down = pump_body(x);
        if (down < 0)
                return -1;
        if (x->state == EXCHANGE_BODY) {
                end = pump_end(x);
                if (end < 0)
                        return -1;
        }
        return up || down;
}

void exchange_pump(Exchange *x) {
        Conn *c = x->conn;

        touch(x);
        (void) conn_is_one_of_many(c);
        while (!loop_turn_is_over(&c->worker->loop)) {
                int r;

                if (x->state == EXCHANGE_TUNNEL) {
                        tunnel_run(x);
                        return;
                }
                r = pump_once(x);
                if (r < 0)
                        return;
                if (r == 0)
                        return;
        }
        loop_again(&c->worker->loop, &c->again);
}

void exchange_run(Exchange *x) {
        Conn *c = x->conn;
        Link *k = x->client.link;
        int r;

        if (x->state == EXCHANGE_TUNNEL || x->state >= EXCHANGE_HEAD) {
                r = transport_flush(&k->transport);
                if (r < 0 && r != -EAGAIN)
                        x->up.broken = true;
                r = transport_flush(&c->transport);
                if (r < 0 && r != -EAGAIN) {
                        exchange_abort(x, "gone");
                        return;
                }
        }
        /* A visitor who has gone is not worth the upstream's work; an endless answer would never end. */
        if (c->transport.hung_up && x->up.done && x->state != EXCHANGE_TUNNEL) {
                exchange_abort(x, "gone");
                return;
        }
        if (x->state >= EXCHANGE_HEAD)
                exchange_pump(x);
}

void exchange_on_timeout(Exchange *x) {
        if (x->state == EXCHANGE_LINK || x->state == EXCHANGE_HEAD) {
                if (x->client.link)
                        link_close(x->client.link);
                exchange_fail(x, PAGE_GATEWAY_TIMEOUT, "it did not answer in time");
        } else {
                x->broken = x->state == EXCHANGE_BODY;
                exchange_abort(x, x->conn->old ? "stopped" : "timeout");
        }
}

static void client_on_link(LinkClient *l) {
        on_link(CONTAINER_OF(l, Exchange, client));
}

static void client_on_failed(LinkClient *l, const char *why) {
        exchange_fail_link(CONTAINER_OF(l, Exchange, client), why);
}

static void client_on_event(LinkClient *l) {
        exchange_run(CONTAINER_OF(l, Exchange, client));
}

static ProxyPair client_pair(LinkClient *l) {
        const Conn *c = CONTAINER_OF(l, Exchange, client)->conn;
        ProxyPair pair = conn_pair(c);

        if (c->arrival == ARRIVAL_PROBE)
                pair.source = (IpAddress) { .family = AF_UNSPEC }; /* nobody visits */
        return pair;
}

const LinkClientOps exchange_link_ops = {
        .pair = client_pair,
        .on_link = client_on_link,
        .on_failed = client_on_failed,
        .on_event = client_on_event,
};
