/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"
#include "libhagw/pure/slice.h"

/* Which host a name leads to. An immutable snapshot with its own copies of everything, so that it outlives
 * the Config it was built from; the references are counted atomically and any thread may drop the last.
 * Lookup is O(1). Pure. */

typedef struct Route {
        unsigned index; /* position in routes, which is the configuration's order (by name) */
        bool wildcard;
        ConfHost host;  /* own copies; .file is NULL */
        Slice upstream_authority; /* host[:port] as a Host field would have it */
        Slice ancestors; /* a Content-Security-Policy for its answers: whose pages may show them in a
                            frame; or empty */
} Route;

typedef struct RouteTable {
        unsigned n_refs;
        Route *routes;
        size_t n_routes;
        ConfCidrs lan;
        char *tenants_zone, *tenants_name; /* of a relay; NULL: this is none */
        Route *opened; /* for tenants whose visitors' TLS the relay opens; behind the routes; or NULL */
        ConfCidrs balancers; /* proxy.proxy_protocol_from */
        /* private: */
        uint32_t *exact, *wild; /* open addressing: index + 1, 0: free */
        size_t mask;
} RouteTable;

int route_table_new(RouteTable **ret, const Config *config);
RouteTable *route_table_ref(RouteTable *t);
RouteTable *route_table_unref(RouteTable *t); /* returns NULL */
DEFINE_TRIVIAL_CLEANUP_FUNC(RouteTable *, route_table_unref)

/* name: normalized. An exact name wins over a wildcard, which stands for one label. NULL: unknown. */
const Route *route_find(const RouteTable *t, const char *name);

/* What a service writes in a Host field for itself. */
static inline Slice route_own_name(const Route *route) {
        return route->host.tls.server_name ? slice_from(route->host.tls.server_name) :
                                             route->upstream_authority;
}

/* By its name in the configuration, "*." and all. NULL: there is none. */
const Route *route_find_host(const RouteTable *t, const char *name);

/* A tenant's house that asks for its own logins: its login pages and cookie are not this gateway's. */
static inline bool route_has_own_login(const Route *route) {
        return route->host.upstream_kind == CONF_UPSTREAM_TENANT &&
               route->host.access.login == CONF_LOGIN_NONE;
}

/* May a visitor come at all (access.from), who is inside the house or not (inside.h)? False: close without a
 * byte. */
static inline bool route_admits(const Route *route, bool inside) {
        return route->host.access.from != CONF_FROM_LAN || inside;
}
