/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A question to all workers. What they write is read when all have answered. */

#include "hagw-proxyd/main/manager.h"
#include "hagw-proxyd/main/standings.h"
#include "hagw-proxyd/relay/relay.h"

struct StandingsCall {
        StandingsHandler handler;
        void *userdata;
        unsigned n_open; /* workers that have not answered */
};

static bool leads_to_tenant(const Route *route) {
        return route->host.upstream_kind == CONF_UPSTREAM_TENANT;
}

static bool has_any(const Manager *m) {
        const RouteTable *routes = m->snapshot->routes;

        for (size_t i = 0; i < routes->n_routes; i++)
                if (leads_to_tenant(&routes->routes[i]) && &routes->routes[i] != routes->opened)
                        return true;
        return false;
}

static void answer(StandingsCall *call) {
        call->handler(call->userdata);
        free(call);
}

void standings_on_message(StandingMessage *m) {
        if (--m->call->n_open == 0)
                answer(m->call);
}

/* The call belongs to the messages that are under way; the last one that is answered frees it. */
ANALYZER_WRONG("-Wanalyzer-malloc-leak")
int standings_look(const Manager *m, StandingsHandler handler, void *userdata) {
        StandingsCall *call;

        if (!has_any(m)) {
                handler(userdata);
                return 0;
        }
        call = malloc(sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = (StandingsCall) { handler, userdata, 1 };
        for (unsigned i = 0; i < m->n_workers; i++) {
                StandingMessage *s = message_new(&standing_message);

                if (!s)
                        continue; /* as it was at the last look */
                s->call = call;
                call->n_open++;
                worker_send(m->workers[i], &s->message);
        }
        if (--call->n_open == 0)
                answer(call);
        return 0;
}
ANALYZER_RIGHT

TenantState standings_of(const Manager *m, const Route *route) {
        const HostStats *s = snapshot_host(m->snapshot, route)->stats;
        const Worker *home;

        if (!leads_to_tenant(route))
                return _TENANT_STATE_INVALID;
        home = tenants_home(m->workers[0], route->host.upstream_host);
        return (TenantState) atomic_load_explicit(&s->workers[home->index].tenant_state,
                                                  memory_order_relaxed);
}
