/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way to the upstream: the request goes out, body streaming behind it, while the answer comes in
 * (exchange-back.c). Runs in the worker's thread. */

#include <stdio.h>

#include "hagw-proxyd/http/exchange.h"

/* A waiting connection may have been closed by the other side just now. Safe to send again: RFC 9110
 * section 9.2.2. What is not gets a connection that nobody is about to close. */
static bool may_retry(const Exchange *x) {
        return !x->retried && !x->interim && !x->spent && x->request.body == BODY_NONE &&
               method_is_idempotent(x->request.method) && !(x->request.flags & REQUEST_WEBSOCKET);
}

static void touch(Exchange *x) {
        Worker *w = x->worker;

        exchange_used(x);
        loop_arm(&w->loop, &x->timer, w->loop.now_usec + x->upstream->idle_usec);
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
        int r;

        r = header_list_add(&x->request.headers, "X-Hagw-Host", slice_from(x->name));
        if (r < 0)
                return r;
        if (arrival_is_relayed(x->visit->arrival)) {
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
                               x->inside && !x->foreign ? SLICE("1") : SLICE("0"));
}

bool exchange_sees_cookie(const Exchange *x) {
        return x->internal || (x->route && route_has_own_login(x->route));
}

void exchange_forward(Exchange *x, Upstream *u) {
        const ProbeMessage *probe = x->visit->probe;
        ForwardContext context = {
                .address = slice_from(x->visit->address_text),
                .forwarded = x->snapshot->forwarded,
                .sees_cookie = exchange_sees_cookie(x),
                .scratch = x->forward_scratch,
        };

        if (!x->internal && x->route) {
                context.host = slice_from(x->route->host.host_field);
                context.outer = exchange_tell_outer(x);
        }
        if (probe && probe->kind == PROBE_BARE)
                context.address = context.outer = (Slice) {};
        if (probe && probe->kind == PROBE_OWN_NAME)
                context.host = route_own_name(x->route);
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
void exchange_on_link_broken(Exchange *x, const char *why) {
        Link *k = x->client.link;
        bool again = k->n_requests > 1 && buffer_used(k->in) == 0 && may_retry(x);

        link_close(k);
        if (!again) {
                exchange_fail(x, PAGE_BAD_GATEWAY, why);
                return;
        }
        x->retried = true;
        counter_add(&x->worker->figures->retries, 1);
        get_link(x, UPSTREAM_FRESH);
}

typedef enum Moved {
        MOVED_NOTHING,
        MOVED_SOME,
        MOVED_BAD,    /* the visitor's framing is malformed */
        MOVED_GONE,   /* he is */
        MOVED_BROKEN, /* the service takes no more */
} Moved;

/* What is here of the request's body goes to the service, behind a prefix in scratch. */
static Moved move_up(Exchange *x, size_t prefix) {
        const StreamOps *ops = x->stream->ops;
        Slice data = {};
        int r = 1;
        ssize_t n;

        if (!x->up.done)
                r = ops->peek(x->stream, &data);
        if (r == -EBADMSG)
                return MOVED_BAD;
        if (r < 0)
                return MOVED_GONE;
        if (prefix == 0 && r == 0 && data.n == 0)
                return MOVED_NOTHING;
        n = flow_write(&x->client.link->transport, x->worker->scratch, prefix, x->up.kind, data,
                       /* last= */ r == 1 && !x->up.done);
        if (n < 0)
                return MOVED_BROKEN;
        if (n > 0)
                ops->consume(x->stream, (size_t) n);
        x->up.n += (size_t) n;
        x->up.done = r == 1 && (size_t) n == data.n;
        return MOVED_SOME;
}

static void on_link(Exchange *x) {
        Worker *w = x->worker;
        Link *k = x->client.link;
        size_t n;

        k->n_requests++;
        x->client.fault = LINK_FAULT_NONE;
        if (x->visit->probe)
                x->visit->probe->result.connected = true;
        if (h1_write_request(&x->request, w->scratch, sizeof(w->scratch) - FLOW_SPACE, &n) < 0) {
                exchange_answer(x, PAGE_TOO_LARGE, NULL);
                return;
        }
        exchange_set_state(x, EXCHANGE_HEAD);
        x->response_scan = (H1Scan) {};
        switch (move_up(x, n)) {
        case MOVED_BAD:
                x->close = true;
                exchange_answer(x, PAGE_BAD_REQUEST, "malformed chunk");
                return;
        case MOVED_GONE:
                exchange_abort(x, "gone");
                return;
        case MOVED_BROKEN:
                exchange_on_link_broken(x, "the connection broke");
                return;
        default:
                break;
        }
        if (x->request.body != BODY_NONE)
                exchange_drop_head(x);
        if (!x->up.done || transport_may_read(&k->transport))
                exchange_pump(x);
}

/* 1: something moved; 0: nothing; -1: the exchange has ended. */
static int pump_up(Exchange *x) {
        if (x->up.done || x->up.broken || transport_pending(&x->client.link->transport))
                return 0;
        switch (move_up(x, 0)) {
        case MOVED_NOTHING:
                return 0;
        case MOVED_BAD:
                /* Neither side can know where the next message begins. */
                x->close = true;
                if (x->state == EXCHANGE_HEAD)
                        exchange_answer(x, PAGE_BAD_REQUEST, "malformed chunk");
                else
                        exchange_abort(x, "malformed chunk");
                return -1;
        case MOVED_GONE:
                exchange_abort(x, "gone");
                return -1;
        case MOVED_BROKEN:
                x->up.broken = true; /* an early answer may be on its way */
                return 1;
        default:
                return 1;
        }
}

/* The answer is through. */
static int pump_end(Exchange *x) {
        Link *k = x->client.link;

        if (!x->down.done || (!x->up.done && !x->up.broken && !x->close))
                return 0;
        x->close = x->close || !x->up.done;
        if (x->up.done && !x->link_spent && !x->answer.body.odd && !transport_pending(&k->transport) &&
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
                down = exchange_pump_head(x);
        else if (x->state == EXCHANGE_BODY)
                down = exchange_pump_body(x);
        if (down < 0)
                return -1;
        if (x->state == EXCHANGE_BODY) {
                end = pump_end(x);
                if (end < 0)
                        return -1;
        }
        if (x->state == EXCHANGE_UPGRADE)
                upgrade_wait(x);
        return up || down;
}

/* As pump_once(). */
static int upgrade_once(Exchange *x) {
        int r = upgrade_pump(x);

        if (r == UPGRADE_OVER) {
                x->close = true;
                exchange_finish(x);
                return -1;
        }
        if (r < 0)
                exchange_abort(x, "broken off");
        return r;
}

void exchange_pump(Exchange *x) {
        if (x->state == EXCHANGE_UPGRADE)
                upgrade_wait(x);
        else
                touch(x);
        (void) visit_is_one_of_many(x->visit);
        while (!loop_turn_is_over(&x->worker->loop))
                if ((x->state == EXCHANGE_UPGRADE ? upgrade_once(x) : pump_once(x)) <= 0)
                        return;
        loop_again(&x->worker->loop, &x->again);
}

void exchange_run(Exchange *x) {
        int r;

        if (x->state >= EXCHANGE_HEAD) {
                r = transport_flush(&x->client.link->transport);
                if (r < 0 && r != -EAGAIN)
                        x->up.broken = true;
                if (x->stream->ops->ready(x->stream) < 0) {
                        exchange_abort(x, "gone");
                        return;
                }
        }
        /* A visitor who has gone is not worth the upstream's work; an endless answer would never end. */
        if (x->state != EXCHANGE_UPGRADE && x->up.done && x->stream->ops->is_left(x->stream)) {
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
                exchange_abort(x, x->old ? "stopped" : "timeout");
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
        const Visit *v = CONTAINER_OF(l, Exchange, client)->visit;
        ProxyPair pair = visit_pair(v);

        if (v->arrival == ARRIVAL_PROBE)
                pair.source = (IpAddress) { .family = AF_UNSPEC }; /* nobody visits */
        return pair;
}

const LinkClientOps exchange_link_ops = {
        .pair = client_pair,
        .on_link = client_on_link,
        .on_failed = client_on_failed,
        .on_event = client_on_event,
};
