/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors of tenants: by the name that they ask for, to the tenant's home and on to a channel. Runs in the
 * worker's thread. */

#include "hagw-proxyd/far/far.h"
#include "hagw-proxyd/far/tenantpassage.h"
#include "hagw-proxyd/relay/relay.h"
#include "hagw-proxyd/visit/conn.h"
#include "hagw-proxyd/wire/pages.h"
#include "libhagw/log.h"

/* Exact names beat wildcards, whoever has them: in the tenants' zone only exact names are hosts of the relay
 * itself, and elsewhere its wildcards hide no domain of a tenant's. Between two wildcards it is the relay's.
 */
static const char *label_find(const Conn *c, char out[static HOSTNAME_LABEL_MAX + 1]) {
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
static bool passes_until_certified(const Conn *c, const char *label) {
        char buffer[HOSTNAME_LABEL_MAX + 1];

        return c->route->host.upstream_kind == CONF_UPSTREAM_TENANT && route_has_own_login(c->route) &&
               !snapshot_find_certificate(c->snapshot, c->visit.name) &&
               streq_ptr(tenants_label(c->worker, c->visit.name, buffer), label);
}

static void home_send(Conn *c, Worker *home) {
        /* Its own door may be closed for that reason. */
        if (admit_more(c->worker, home) != ADMISSION_GRANTED) {
                admission_count(c->worker, ADMISSION_FULL);
                conn_close(c);
        } else
                conn_hand_over(c, home);
}

/* His TLS is opened here: a host of the relay's own, or the house wishes it so. */
static bool is_opened(const Conn *c, const Tenant *t) {
        return c->route ||
               (tenant_info(t)->terminate && snapshot_find_certificate(c->snapshot, c->visit.name));
}

/* He hears why on a page, where it may last. */
static bool hears_why(const Conn *c, const Tenant *t, Refusal r) {
        return page_from_refusal(r) != _PAGE_INVALID && is_opened(c, t);
}

static Claim tenant_claims(const Conn *c, const Knock *k) {
        char buffer[HOSTNAME_LABEL_MAX + 1];

        return c->snapshot->routes->tenants_zone && *c->visit.name && label_find(c, buffer) ? CLAIM_MINE :
                                                                                            CLAIM_NONE;
}

/* Where the relay opens his TLS he goes on as to any host, by c->route, which may be another now. */
static bool tenant_enter(Conn *c, const Knock *k) {
        char buffer[HOSTNAME_LABEL_MAX + 1];
        const char *label = label_find(c, buffer);
        Worker *home = tenants_home(c->worker, label);
        Refusal refusal;
        Tenant *t;

        if (home != c->worker) {
                home_send(c, home);
                return true;
        }
        t = tenants_find(c->worker, label);
        if (!t) {
                log_debug("%s: a visitor of %s is refused: unknown tenant.", c->visit.address_text,
                          c->visit.name);
                conn_refuse(c);
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
                conn_refuse(c);
                return true;
        }
        if (!is_opened(c, t)) {
                passage_to_tenant(c, t);
                return true;
        }
        if (!c->route)
                c->route = c->snapshot->routes->opened;
        return false;
}

const Entrance tenant_entrance = { "tenant", KNOCK_HELLO, tenant_claims, tenant_enter };
