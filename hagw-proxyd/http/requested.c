/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A connection while a request is under way on it. Runs in the worker's thread. */

#include "hagw-proxyd/http/exchange.h"
#include "libhagw/pure/strv.h"

/* Which page asks: what the request itself said is gone, what was found then is known, but for hosts where
 * nothing hung on it (policy_judge()). */
static bool page_may_ask(const Exchange *x, const Route *route) {
        const ConfHost *then = &x->conn->route->host, *now = &route->host;
        bool judged = x->internal || then->access.login != CONF_LOGIN_NONE ||
                      then->access.from == CONF_FROM_LAN;

        if (now->access.from == CONF_FROM_LAN && (!judged || x->foreign))
                return false;
        return !x->embedded || strv_contains_all(now->access.embedded_by, then->access.embedded_by);
}

/* By the rules of s, where the request was judged by its connection's. */
static bool may_stay(const Exchange *x, const Route *route, const Snapshot *s) {
        const Conn *c = x->conn;

        if (x->use && x->use->ended)
                return false;
        if (c->kind != CONN_HTTPS)
                return true;
        /* A tcp:// service gets nothing that was opened here. */
        if (route->host.upstream_kind == CONF_UPSTREAM_TCP || !page_may_ask(x, route))
                return false;
        if (x->internal) /* hagw-webd was told who is inside */
                return !c->inside || conn_is_inside(c, s);
        if (x->use || route->host.access.login == CONF_LOGIN_NONE)
                return true;
        return x->open_path && policy_prefix_is_open(x->open_path, route->host.access.open_paths);
}

static const char *review(Conn *c, const Snapshot *s) {
        const Exchange *x = c->exchange;
        const Route *route;

        /* What has not been judged yet will be, by what is in force then. */
        if (x->state <= EXCHANGE_SESSION)
                return NULL;
        route = review_route(c, s);
        if (route && may_stay(x, route, s))
                return NULL;
        return x->use && x->use->ended ? "session ended" : "not admitted any more";
}

static void serve(Conn *c) {
        exchange_run(c->exchange);
}

static void on_timer(Conn *c) {
        exchange_on_timeout(c->exchange);
}

static void cut(Conn *c, const char *why) {
        exchange_abort(c->exchange, why);
}

static void drain(Conn *c) {
        if (c->exchange->state == EXCHANGE_TUNNEL)
                tunnel_drain(c->exchange);
}

static bool is_busy(const Conn *c, uint64_t young_usec, uint64_t request_usec) {
        const Exchange *x = c->exchange;

        return c->worker->loop.now_usec <
               x->begin_usec + (x->state == EXCHANGE_TUNNEL ? young_usec : request_usec);
}

static size_t size_of(const Buffer *b) {
        return b ? b->size : 0;
}

static size_t held(const Conn *c) {
        const Link *k = c->exchange->client.link;

        return k ? size_of(k->in) + size_of(k->transport.in) + size_of(k->transport.out) : 0;
}

static void drop_stranded(Conn *c, IpAddress *known) {
        if (c->exchange->client.link)
                link_drop_stranded(c->exchange->client.link, known);
}

static const ConnServer server = {
        .serve = serve,
        .on_timer = on_timer,
        .cut = cut,
        .drain = drain,
        .review = review,
        .is_busy = is_busy,
        .held = held,
        .drop_stranded = drop_stranded,
};

static int init(Worker *w) {
        w->exchanges = calloc(1, sizeof(*w->exchanges));
        if (!w->exchanges)
                return -ENOMEM;
        w->exchanges->worker = w;
        w->visits->servers[CONN_REQUEST] = &server;
        sessions_init(w);
        return 0;
}

static void free_room(Worker *w) {
        if (!w->exchanges)
                return;
        session_cache_clear(&w->exchanges->sessions);
        session_uses_done(&w->exchanges->uses);
        while (w->exchanges->spare) {
                Exchange *x = w->exchanges->spare;

                w->exchanges->spare = x->next_free;
                free(x);
        }
        free(w->exchanges);
        w->exchanges = NULL;
}

const Room http_room = { .init = init, .free = free_room };
