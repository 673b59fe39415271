/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A second look at those who are in. Runs in the worker's thread. */

#include "hagw-proxyd/visit/conn.h"

static bool is_opened_for_house(const Conn *c) {
        return c->route && c->route == c->snapshot->routes->opened;
}

/* The visitor's name belongs to this house. */
bool review_is_name_of(const Conn *c, const char *house) {
        const FarSide *far = c->worker->upstreams->far;
        char buffer[HOSTNAME_LABEL_MAX + 1];

        return far && streq_ptr(far->find(c->worker, c->visit.name, buffer), house);
}

bool review_leads_elsewhere(const Conn *c) {
        return is_opened_for_house(c) && c->upstream && !review_is_name_of(c, c->upstream->host);
}

/* The house's own wish, and the relay's readiness, to have visitors' TLS opened here. */
static const Route *route_of_house(const Conn *c, const Snapshot *s) {
        const FarSide *far = c->worker->upstreams->far;

        return far && s->routes->opened && !review_leads_elsewhere(c) &&
                               far->is_opened(c->worker, c->visit.name) ?
                       s->routes->opened :
                       NULL;
}

const Route *review_route(const Conn *c, const Snapshot *s) {
        const Route *route;

        if (!is_opened_for_house(c)) {
                (void) admit_name(&c->visit, s, c->visit.name, &route);
                return route;
        }
        route = route_of_house(c, s);
        return admit_route(&c->visit, s, route) == ADMISSION_GRANTED ? route : NULL;
}

static void look_at(Conn *c) {
        const char *why = c->server->review ? c->server->review(c, c->worker->snapshot) : NULL;

        if (!why)
                return;
        loop_spend(&c->worker->loop, LOOP_WORK_REQUEST);
        conn_cut(c, why);
}

static void run(Again *a) {
        Review *r = CONTAINER_OF(a, Review, again);
        Worker *w = CONTAINER_OF(r, Visits, review)->worker;

        if (!r->next && r->again_wanted) {
                r->again_wanted = false;
                r->next = w->visits->first;
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
        w->visits->review.again.run = run;
}

void review_start(Worker *w) {
        w->visits->review.again_wanted = true;
        loop_again(&w->loop, &w->visits->review.again);
}

void review_pass_over(Worker *w, const Conn *c) {
        if (w->visits->review.next == c)
                w->visits->review.next = c->next;
}
