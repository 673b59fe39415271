/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the connection asks of a request that is under way on it. Runs in the worker's thread. */

#include "hagw-proxyd/http/exchange.h"
#include "libhagw/pure/strv.h"

/* Which page asks: what the request itself said is gone, what was found then is known, but for hosts where
 * nothing hung on it (policy_judge()). */
static bool page_may_ask(const Exchange *x, const Route *route) {
        const ConfHost *then = &x->route->host, *now = &route->host;
        bool judged = x->internal || then->access.login != CONF_LOGIN_NONE ||
                      then->access.from == CONF_FROM_LAN;

        if (now->access.from == CONF_FROM_LAN && (!judged || x->foreign))
                return false;
        return !x->embedded || strv_contains_all(now->access.embedded_by, then->access.embedded_by);
}

/* By the rules of s, where the request was judged by its own. */
static bool may_stay(const Exchange *x, const Route *route, const Snapshot *s) {
        if (x->use && x->use->ended)
                return false;
        if (x->visit->kind != CONN_HTTPS)
                return true;
        /* A tcp:// service gets nothing that was opened here. */
        if (route->host.upstream_kind == CONF_UPSTREAM_TCP || !page_may_ask(x, route))
                return false;
        if (x->internal) /* hagw-webd was told who is inside */
                return !x->inside || visit_is_inside(x->visit, s);
        if (x->use || route->host.access.login == CONF_LOGIN_NONE)
                return true;
        return x->open_path && policy_prefix_is_open(x->open_path, route->host.access.open_paths);
}

/* On port 80 each request has a name of its own. */
static const Route *route_by(const Exchange *x, const Snapshot *s) {
        const Route *route;

        if (x->visit->kind != CONN_HTTP)
                return visit_route(x->visit, s);
        (void) admit_name(x->visit, s, x->name, &route);
        return route;
}

const char *exchange_review(const Exchange *x, const Snapshot *s) {
        const Route *route;

        /* What has not been judged yet will be, by what is in force then. */
        if (x->state <= EXCHANGE_SESSION)
                return NULL;
        route = route_by(x, s);
        if (route && may_stay(x, route, s))
                return NULL;
        return x->use && x->use->ended ? "session ended" : "not admitted any more";
}

void exchange_drain(Exchange *x) {
        x->old = true;
        if (x->state == EXCHANGE_UPGRADE)
                upgrade_wait(x);
}

bool exchange_is_busy(const Exchange *x, uint64_t young_usec, uint64_t request_usec) {
        return x->worker->loop.now_usec <
               x->begin_usec + (x->state == EXCHANGE_UPGRADE ? young_usec : request_usec);
}

static size_t size_of(const Buffer *b) {
        return b ? b->size : 0;
}

size_t exchange_held(const Exchange *x) {
        const Link *k = x->client.link;

        return size_of(x->head) +
               (x->pack ? pack_held(x->pack) : 0) +
               (k ? k->charged + size_of(k->in) + size_of(k->transport.in) + size_of(k->transport.out) : 0);
}

void exchange_drop_stranded(Exchange *x, IpAddress *known) {
        if (x->client.link)
                link_drop_stranded(x->client.link, known);
}

static int init(Worker *w) {
        w->exchanges = calloc(1, sizeof(*w->exchanges));
        if (!w->exchanges)
                return -ENOMEM;
        w->exchanges->worker = w;
        w->exchanges->encoders.pool = &w->pool;
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
                free(x->headers);
                free(x);
        }
        free(w->exchanges);
        w->exchanges = NULL;
}

const Room http_room = { .init = init, .free = free_room };
