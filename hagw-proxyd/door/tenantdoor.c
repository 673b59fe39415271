/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The relay's door. Runs in the worker's thread. */

#include "hagw-proxyd/door/hello.h"
#include "hagw-proxyd/door/tenantdoor.h"
#include "hagw-proxyd/door/tenantpassage.h"
#include "hagw-proxyd/relay/tenantdomains.h"
#include "hagw-proxyd/relay/tenantrefusal.h"
#include "libhagw/log.h"

/* Exact names beat wildcards, whoever has them: in the tenants' zone only exact names are hosts of the relay
 * itself, and elsewhere its wildcards hide no domain of a tenant's. Between two wildcards it is the relay's.
 */
static const char *find_label(Conn *c, char out[static HOSTNAME_LABEL_MAX + 1]) {
        const RouteTable *routes = c->snapshot->routes;
        const Route *host = c->route ? NULL : route_find(routes, c->visit.name);

        /* One that does not admit him: that there is a tenant behind is no way round. */
        if (host && !host->wildcard)
                return NULL;
        if (host && host->host.upstream_kind == CONF_UPSTREAM_TENANT)
                return hostname_in_zone(c->visit.name, routes->tenants_zone) ?
                               NULL :
                               tenant_domains_find_exact(c->worker, c->visit.name);
        if (c->route && c->route->host.upstream_kind == CONF_UPSTREAM_TENANT)
                return c->route->host.upstream_host;
        if (c->route && !c->route->wildcard)
                return NULL;
        if (c->route && !hostname_in_zone(c->visit.name, routes->tenants_zone))
                return tenant_domains_find_exact(c->worker, c->visit.name);
        return tenants_label(c->worker, c->visit.name, out);
}

/* A host of the relay's own for a name that is the tenant's anyway: until there is a certificate its
 * visitors pass unopened, as they did before it was added. Where the relay asks for a login that would be a
 * way round. */
static bool passes_until_certified(Conn *c, const char *label) {
        char buffer[HOSTNAME_LABEL_MAX + 1];

        return c->route->host.upstream_kind == CONF_UPSTREAM_TENANT && route_has_own_login(c->route) &&
               !snapshot_find_certificate(c->snapshot, c->visit.name) &&
               streq_ptr(tenants_label(c->worker, c->visit.name, buffer), label);
}

static void hand_over(Conn *c, Worker *home) {
        VisitorMessage *m;

        /* Its own door may be closed for that reason. */
        if (atomic_load_explicit(&home->counters.connections, memory_order_relaxed) >=
            c->snapshot->connections) {
                counter_add(&c->worker->counters.crowded, 1);
                conn_close(c);
                return;
        }
        m = visitor_message_new(c->worker);
        if (!m) {
                conn_close(c);
                return;
        }
        m->visitor = conn_leave(c);
        worker_send(home, &m->message);
}

/* He hears why on a page, where his TLS is opened here and it may last. */
static bool hears_why(const Conn *c, const Tenant *t, Refusal r) {
        return refusal_page(r) != _PAGE_INVALID &&
               (c->route || (t->info->terminate && snapshot_find_certificate(c->snapshot, c->visit.name)));
}

bool tenant_door(Conn *c) {
        const RouteTable *routes = c->snapshot->routes;
        char buffer[HOSTNAME_LABEL_MAX + 1];
        const char *label;
        Refusal refusal;
        Worker *home;
        Tenant *t;

        if (!routes->tenants_zone || !*c->visit.name)
                return false;
        label = find_label(c, buffer);
        if (!label)
                return false;
        home = tenants_home(c->worker, label);
        if (home != c->worker) {
                hand_over(c, home);
                return true;
        }
        t = tenants_find(c->worker, label);
        if (!t) {
                log_debug("%s: a visitor of %s is refused: unknown tenant.", c->visit.address_text,
                          c->visit.name);
                hello_refuse(c);
                return true;
        }
        if (c->route &&
            (c->route->host.upstream_kind != CONF_UPSTREAM_TENANT || passes_until_certified(c, label)))
                c->route = NULL; /* and not the wildcard that hides nobody */
        refusal = tenant_admit(c->worker, t);
        if (refusal != REFUSAL_NONE && !hears_why(c, t, refusal)) {
                log_debug("%s: a visitor of %s is refused: %s.", c->visit.address_text, c->visit.name,
                          refusal_text(refusal));
                tenant_refuse(c->worker, t, refusal);
                hello_refuse(c);
                return true;
        }
        if (!c->route && (!t->info->terminate || !snapshot_find_certificate(c->snapshot, c->visit.name))) {
                passage_to_tenant(c, t);
                return true;
        }
        if (!c->route)
                c->route = routes->opened;
        return false;
}
