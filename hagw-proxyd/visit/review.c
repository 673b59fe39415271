/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A second look at those who are in. Runs in the worker's thread. */

#include "hagw-proxyd/crew/worker.h"
#include "hagw-proxyd/visit/review.h"
#include "libhagw/pure/strv.h"

/* What is only the relay's word: that this is one of its visitors, and that it may open his TLS. */
static bool relay_is_believed(const Conn *c, const Snapshot *s) {
        return !c->channel || (s->relay && (!c->secret || s->relay->opened) &&
                               !relay_target_refuses(s->relay, s->routes, &c->address));
}

static bool is_opened_for_tenant(const Conn *c) {
        return c->route && c->route == c->snapshot->routes->opened;
}

/* The visitor's name is this tenant's. */
static bool is_name_of(const Conn *c, const char *tenant) {
        char buffer[HOSTNAME_LABEL_MAX + 1];

        return streq_ptr(tenants_label(c->worker, c->name, buffer), tenant);
}

bool review_leads_elsewhere(const Conn *c) {
        return is_opened_for_tenant(c) && c->upstream && !is_name_of(c, c->upstream->host);
}

/* The tenant's own wish, and the relay's readiness, to have visitors' TLS opened here. */
static const Route *route_of_tenant(const Conn *c, const Snapshot *s) {
        char buffer[HOSTNAME_LABEL_MAX + 1];
        const char *label = s->routes->opened && !review_leads_elsewhere(c) ?
                                    tenants_label(c->worker, c->name, buffer) :
                                    NULL;
        const Tenant *t = label ? tenants_find(c->worker, label) : NULL;

        return t && t->info->terminate ? s->routes->opened : NULL;
}

const Route *review_route(const Conn *c, const Snapshot *s) {
        const Route *route;

        if (!relay_is_believed(c, s))
                return NULL;
        route = is_opened_for_tenant(c) ? route_of_tenant(c, s) : route_find(s->routes, c->name);
        return route && (c->kind == CONN_PROBE || route_admits(route, conn_is_inside(c, s))) ? route : NULL;
}

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
static bool exchange_may_stay(const Exchange *x, const Route *route, const Snapshot *s) {
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

/* By a host of the relay's own that has come to stand in his way since. */
static bool is_walled_off(const Conn *c, const Snapshot *s) {
        const Route *r = route_find(s->routes, c->name);

        return r && (!r->wildcard || r->host.upstream_kind == CONF_UPSTREAM_TENANT) &&
               (!route_has_own_login(r) || !route_admits(r, conn_is_inside(c, s)));
}

static bool passage_may_stay(const Conn *c, const Snapshot *s) {
        const Route *route;

        if (!c->route) /* to a tenant's house */
                return s->routes->tenants_zone && c->passage->channel.tenant &&
                       is_name_of(c, c->passage->channel.tenant->info->name) && !is_walled_off(c, s);
        route = review_route(c, s);
        return route && route->host.upstream_kind == CONF_UPSTREAM_TCP;
}

static void cut(Conn *c, const char *why) {
        loop_spend(&c->worker->loop, LOOP_WORK_REQUEST);
        if (c->state == CONN_PASSAGE)
                passage_abort(c->passage, why);
        else
                exchange_abort(c->exchange, why);
}

static void look_at(Conn *c) {
        const Snapshot *s = c->worker->snapshot;
        const Route *route;
        const Exchange *x;

        if (c->state == CONN_PASSAGE) {
                if (!passage_may_stay(c, s))
                        cut(c, "not admitted any more");
                return;
        }
        /* What has not been judged yet will be, by what is in force then. */
        x = c->exchange;
        if (c->state != CONN_REQUEST || x->state <= EXCHANGE_SESSION)
                return;
        route = review_route(c, s);
        if (!route || !exchange_may_stay(x, route, s))
                cut(c, x->use && x->use->ended ? "session ended" : "not admitted any more");
}

static void run(Again *a) {
        Worker *w = CONTAINER_OF(a, Worker, review.again);
        Review *r = &w->review;

        if (!r->next && r->again_wanted) {
                r->again_wanted = false;
                r->next = w->conns;
        }
        for (unsigned i = 0; r->next && i < REVIEW_SLICE && !loop_turn_is_over(&w->loop); i++) {
                Conn *c = r->next;

                r->next = c->next;
                loop_spend(&w->loop, LOOP_WORK_LETTER);
                look_at(c);
        }
        if (r->next || r->again_wanted)
                loop_again(&w->loop, &r->again);
}

void review_init(Worker *w) {
        w->review.again.run = run;
}

void review_start(Worker *w) {
        w->review.again_wanted = true;
        loop_again(&w->loop, &w->review.again);
}

void review_pass_over(Worker *w, const Conn *c) {
        if (w->review.next == c)
                w->review.next = c->next;
}
