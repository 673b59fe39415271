/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names to hosts. Two hash tables with open addressing: exact names, and what stands behind a wildcard's
 * "*.". The names are the owner's, so nobody can choose them to collide. */

#include <stdio.h>

#include "hagw-proxyd/wire/route.h"
#include "libhagw/pure/strv.h"

static uint32_t hash_name(const char *s) {
        uint32_t h = 2166136261U; /* FNV-1a */

        for (; *s; s++)
                h = (h ^ (uint8_t) *s) * 16777619U;
        return h;
}

static const char *route_key(const Route *r) {
        return r->wildcard ? r->host.name + 2 : r->host.name;
}

static void index_add(uint32_t *index, size_t mask, const Route *r) {
        size_t i = hash_name(route_key(r)) & mask;

        while (index[i])
                i = (i + 1) & mask;
        index[i] = r->index + 1;
}

static const Route *index_find(const RouteTable *t, const uint32_t *index, const char *key) {
        for (size_t i = hash_name(key) & t->mask; index[i]; i = (i + 1) & t->mask) {
                const Route *r = &t->routes[index[i] - 1];

                if (streq(route_key(r), key))
                        return r;
        }
        return NULL;
}

/* The copy is the route's, whose members the caller reaches through a list of them. */
ANALYZER_WRONG("-Wanalyzer-malloc-leak")
static int copy_string(char **s) {
        if (!*s)
                return 0;
        *s = strdup(*s);
        return *s ? 0 : -ENOMEM;
}
ANALYZER_RIGHT

#define ROUTE_STRINGS 5
#define ROUTE_LISTS 4

static void route_members(ConfHost *h, char **strings[static ROUTE_STRINGS],
                          char ***lists[static ROUTE_LISTS]) {
        char **s[] = { &h->name, &h->upstream, &h->upstream_host, &h->tls.ca_file, &h->tls.server_name };
        char ***l[] = { &h->access.users, &h->access.groups, &h->access.open_paths,
                        &h->access.embedded_by };

        memcpy(strings, s, sizeof(s));
        memcpy(lists, l, sizeof(l));
}

static void route_done(Route *r) {
        char **strings[ROUTE_STRINGS], ***lists[ROUTE_LISTS];

        route_members(&r->host, strings, lists);
        for (size_t i = 0; i < ROUTE_STRINGS; i++)
                free(*strings[i]);
        for (size_t i = 0; i < ROUTE_LISTS; i++)
                strv_free(*lists[i]);
        free((char *) r->upstream_authority.p);
        free((char *) r->ancestors.p);
}

/* What a Host field for the upstream itself would say: probes of the upstream use it. */
static int make_authority(Route *r) {
        const ConfHost *h = &r->host;
        bool v6 = strchr(strempty(h->upstream_host), ':');
        char *s, port[sizeof(":65535")] = "";
        int n;

        /* Browsers leave the usual one out. */
        if (h->upstream_port != (h->upstream_kind == CONF_UPSTREAM_HTTPS ? 443 : 80))
                (void) snprintf(port, sizeof(port), ":%u", (unsigned) h->upstream_port);
        if (h->upstream_kind == CONF_UPSTREAM_UNIX)
                n = asprintf(&s, "localhost");
        else
                n = asprintf(&s, "%s%s%s%s", v6 ? "[" : "", strempty(h->upstream_host), v6 ? "]" : "", port);
        if (n < 0)
                return -ENOMEM;
        r->upstream_authority = (Slice) { s, (size_t) n };
        return 0;
}

/* CSP level 3, section 6.4.2.1. The port is a router's business. */
static int make_ancestors(Route *r) {
        char *const *hosts = r->host.access.embedded_by;
        char *text = NULL;
        size_t size = 0;
        FILE *f;

        if (!hosts || !hosts[0])
                return 0;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        (void) fputs("frame-ancestors 'self'", f);
        for (size_t i = 0; hosts[i]; i++)
                (void) fprintf(f, " https://%s:*", hosts[i]);
        if (fclose(f) != 0) {
                free(text);
                return -ENOMEM;
        }
        r->ancestors = (Slice) { text, size };
        return 0;
}

static int route_init(Route *r, unsigned index, const ConfHost *host) {
        char **strings[ROUTE_STRINGS], ***lists[ROUTE_LISTS];
        int q = 0;

        *r = (Route) { .index = index, .wildcard = startswith(host->name, "*."), .host = *host };
        r->host.file = NULL;
        route_members(&r->host, strings, lists);
        /* All of them, even after a failure: what is not copied would be the configuration's. */
        for (size_t i = 0; i < ROUTE_STRINGS; i++)
                if (copy_string(strings[i]) < 0)
                        q = -ENOMEM;
        for (size_t i = 0; i < ROUTE_LISTS; i++)
                if (*lists[i] && !(*lists[i] = strv_copy(*lists[i])))
                        q = -ENOMEM;
        if (q >= 0)
                q = make_authority(r);
        return q < 0 ? q : make_ancestors(r);
}

static int copy_cidrs(ConfCidrs *to, const ConfCidrs *from) {
        to->items = calloc(MAX(from->n, (size_t) 1), sizeof(Cidr));
        if (!to->items)
                return -ENOMEM;
        if (from->n > 0)
                memcpy(to->items, from->items, from->n * sizeof(Cidr));
        to->n = from->n;
        return 0;
}

/* What a relay adds: the last route is found by no name. */
static int add_tenants(RouteTable *t, const Config *config) {
        Route *route = &t->routes[t->n_routes];
        int r;

        if (!config->tenants.zone)
                return 0;
        r = route_init(route, (unsigned) t->n_routes++, config->tenants.opened);
        if (r < 0)
                return r;
        t->opened = route;
        t->tenants_zone = strdup(config->tenants.zone);
        t->tenants_name = strdup(config->tenants.name);
        return t->tenants_zone && t->tenants_name ? 0 : -ENOMEM;
}

int route_table_new(RouteTable **ret, const Config *config) {
        _cleanup_(route_table_unrefp) RouteTable *t = NULL;
        size_t slots = 8;
        int r;

        t = calloc(1, sizeof(RouteTable));
        if (!t)
                return -ENOMEM;
        t->n_refs = 1;
        while (slots < config->n_hosts * 2)
                slots *= 2;
        t->mask = slots - 1;
        t->exact = calloc(slots, sizeof(uint32_t));
        t->wild = calloc(slots, sizeof(uint32_t));
        t->routes = calloc(config->n_hosts + 1, sizeof(Route));
        if (!t->exact || !t->wild || !t->routes || copy_cidrs(&t->lan, &config->lan) < 0 ||
            copy_cidrs(&t->balancers, &config->proxy.proxy_protocol_from) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < config->n_hosts; i++) {
                Route *route = &t->routes[t->n_routes++];

                r = route_init(route, (unsigned) i, &config->hosts[i]);
                if (r < 0)
                        return r;
                index_add(route->wildcard ? t->wild : t->exact, t->mask, route);
        }
        r = add_tenants(t, config);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

RouteTable *route_table_ref(RouteTable *t) {
        (void) __atomic_add_fetch(&t->n_refs, 1, __ATOMIC_RELAXED);
        return t;
}

RouteTable *route_table_unref(RouteTable *t) {
        if (!t || __atomic_sub_fetch(&t->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        for (size_t i = 0; i < t->n_routes; i++)
                route_done(&t->routes[i]);
        free(t->routes);
        free(t->exact);
        free(t->wild);
        free(t->lan.items);
        free(t->balancers.items);
        free(t->tenants_zone);
        free(t->tenants_name);
        free(t);
        return NULL;
}

const Route *route_find(const RouteTable *t, const char *name) {
        const Route *r = index_find(t, t->exact, name);
        const char *dot;

        if (r)
                return r;
        dot = strchr(name, '.');
        return dot && dot > name ? index_find(t, t->wild, dot + 1) : NULL;
}

const Route *route_find_host(const RouteTable *t, const char *name) {
        const char *base = startswith(name, "*.");
        const Route *r = index_find(t, base ? t->wild : t->exact, base ?: name);

        return !r && t->opened && streq(t->opened->host.name, name) ? t->opened : r;
}
