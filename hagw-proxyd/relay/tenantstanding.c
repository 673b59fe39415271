/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A worker's part of it. Runs in its thread. */

#include "hagw-proxyd/relay/tenantinfo.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/relay/tenantstanding.h"
#include "libhagw/crew/worker.h"
#include "libhagw/pure/tenantstate.h"

static TenantState judge(const Worker *w, const Tenant *t) {
        /* What is not known yet is waited for. */
        if (!t)
                return w->tenants->open_usec == 0 ? TENANT_STATE_ATTACHED : TENANT_STATE_AWAY;
        if (t->info->suspended)
                return TENANT_STATE_SUSPENDED;
        if (t->info->exhausted)
                return TENANT_STATE_EXHAUSTED;
        if (tenant_is_expected(w, t))
                return TENANT_STATE_ATTACHED;
        if (tenant_info_is_open(t->info))
                return TENANT_STATE_AWAY;
        return t->info->code_waits ? TENANT_STATE_INVITED : TENANT_STATE_DETACHED;
}

/* As many as the configuration has hosts. */
static void deliver_standing(Message *m, Worker *w) {
        const Snapshot *s = w->snapshot;

        for (size_t i = 0; i < s->routes->n_routes; i++) {
                const ConfHost *h = &s->routes->routes[i].host;

                if (h->upstream_kind == CONF_UPSTREAM_TENANT && tenants_home(w, h->upstream_host) == w)
                        atomic_store_explicit(&s->hosts[i].stats->workers[w->index].tenant_state,
                                              (unsigned) judge(w, tenants_find(w, h->upstream_host)),
                                              memory_order_relaxed);
        }
        queue_push(w->main_queue, m);
}

const MessageKind standing_message = { .size = sizeof(StandingMessage), .deliver = deliver_standing };
