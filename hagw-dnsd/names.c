/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sorted arrays, searched by halves. */

#include "hagw-dnsd/names.h"
#include "libhagw/pure/hostname.h"

/* --- names --------------------------------------------------------------------------------------------- */

const char *names_child(const char *name, const char *zone) {
        const char *p;

        if (!hostname_in_zone(name, zone) || streq(name, zone))
                return NULL;
        for (p = name + strlen(name) - strlen(zone) - 1; p > name && p[-1] != '.'; p--)
                ;
        return p;
}

const char *names_base(const ConfHost *h) {
        return startswith(h->name, "*.") ?: h->name;
}

const char *names_above(const char *name) {
        const char *dot = strchr(name, '.');

        return dot ? dot + 1 : NULL;
}

unsigned names_labels(const char *name) {
        unsigned n = 1;

        for (; *name; name++)
                n += *name == '.';
        return n;
}

/* --- making -------------------------------------------------------------------------------------------- */

static int compare_zones(const void *a, const void *b) {
        return strcmp((*(const ConfZone *const *) a)->name, (*(const ConfZone *const *) b)->name);
}

static int compare_hosts(const void *a, const void *b) {
        return strcmp((*(const ConfHost *const *) a)->name, (*(const ConfHost *const *) b)->name);
}

static int compare_texts(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int compare_members(const void *a, const void *b) {
        const ZoneMember *x = a, *y = b;

        if (x->zone != y->zone)
                return x->zone < y->zone ? -1 : 1;
        if (!x->host != !y->host)
                return x->host ? -1 : 1;
        return strcmp(x->name, y->name);
}

static void names_sort(Names *n) {
        const Config *c = n->config;

        for (size_t i = 0; i < c->n_zones; i++)
                n->zones[i] = &c->zones[i];
        for (size_t i = 0; i < c->n_hosts; i++) {
                n->hosts[i] = &c->hosts[i];
                n->labels_max = MAX(n->labels_max, names_labels(c->hosts[i].name));
        }
        if (c->n_zones > 0)
                qsort(n->zones, c->n_zones, sizeof(n->zones[0]), compare_zones);
        if (c->n_hosts > 0)
                qsort(n->hosts, c->n_hosts, sizeof(n->hosts[0]), compare_hosts);
}

static int add_member(Names *n, size_t *allocated, ZoneMember member) {
        if (!GREEDY_REALLOC(n->members, *allocated, n->n_members + 1))
                return -ENOMEM;
        n->members[n->n_members++] = member;
        return 0;
}

/* Each zone of ours that the name lies below. */
static int add_to_zones_above(Names *n, size_t *allocated, const char *name) {
        int r = 0;

        for (const char *above = names_above(name); above && r >= 0; above = names_above(above)) {
                const ConfZone *zone = names_zone(n, above);

                if (zone)
                        r = add_member(n, allocated, (ZoneMember) { .zone = zone, .name = name });
        }
        return r;
}

static int names_make_members(Names *n) {
        const Config *c = n->config;
        size_t allocated = 0;
        int r = 0;

        for (size_t i = 0; i < c->n_hosts && r >= 0; i++) {
                const ConfHost *h = n->hosts[i];
                const ConfZone *zone = names_zone_of(n, names_base(h));

                if (zone)
                        r = add_member(n, &allocated, (ZoneMember) { zone, h->name, h });
        }
        for (size_t i = 0; i < c->n_zones && r >= 0; i++)
                r = add_to_zones_above(n, &allocated, c->zones[i].name);
        if (n->n_members > 0)
                qsort(n->members, n->n_members, sizeof(ZoneMember), compare_members);
        return r;
}

static void add_own(Names *n, const char *name) {
        const char *child = name ? names_child(name, n->config->tenants.zone) : NULL;

        if (child)
                n->own[n->n_own++] = child;
}

/* What is opened here for a tenant has its name here and is the tenant's as well. */
static bool host_is_own(const ConfHost *h) {
        return h->upstream_kind != CONF_UPSTREAM_TENANT;
}

static int names_make_own(Names *n) {
        const Config *c = n->config;

        if (!c->tenants.zone)
                return 0;
        n->own = calloc(1 + 2 * c->n_zones + c->n_hosts, sizeof(char *));
        if (!n->own)
                return -ENOMEM;
        add_own(n, c->tenants.name);
        for (size_t i = 0; i < c->n_zones; i++) {
                add_own(n, c->zones[i].name);
                add_own(n, c->zones[i].name_server);
        }
        for (size_t i = 0; i < c->n_hosts; i++)
                if (host_is_own(&c->hosts[i]))
                        add_own(n, names_base(&c->hosts[i]));
        if (n->n_own > 0)
                qsort(n->own, n->n_own, sizeof(char *), compare_texts);
        return 0;
}

int names_new(const Config *c, Names **ret) {
        _cleanup_(names_freep) Names *n = NULL;
        int r;

        if (c->n_zones > CONF_ZONES_MAX || c->n_hosts > CONF_HOSTS_MAX)
                return -E2BIG;
        n = calloc(1, sizeof(*n));
        if (!n)
                return -ENOMEM;
        n->config = c;
        names_sort(n);
        r = names_make_members(n);
        if (r >= 0)
                r = names_make_own(n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(n);
        return 0;
}

Names *names_free(Names *n) {
        if (!n)
                return NULL;
        free(n->members);
        free(n->own);
        free(n);
        return NULL;
}

/* --- looking ------------------------------------------------------------------------------------------- */

static int find_zone(const void *name, const void *zone) {
        return strcmp(name, (*(const ConfZone *const *) zone)->name);
}

const ConfZone *names_zone(const Names *n, const char *name) {
        const ConfZone *const *found =
                bsearch(name, n->zones, n->config->n_zones, sizeof(n->zones[0]), find_zone);

        return found ? *found : NULL;
}

static int find_host(const void *name, const void *host) {
        return strcmp(name, (*(const ConfHost *const *) host)->name);
}

const ConfHost *names_host(const Names *n, const char *name) {
        const ConfHost *const *found =
                bsearch(name, n->hosts, n->config->n_hosts, sizeof(n->hosts[0]), find_host);

        return found ? *found : NULL;
}

const ConfHost *names_pattern(const Names *n, const char *base) {
        const size_t length = strlen(base);
        char text[HOSTNAME_MAX + 1] = "*.";

        /* A name of the DNS may be longer, where it has octets that are no text. */
        if (length + 2 > HOSTNAME_MAX)
                return NULL;
        memcpy(text + 2, base, length + 1);
        return names_host(n, text);
}

const ConfZone *names_zone_of(const Names *n, const char *name) {
        for (; name; name = names_above(name)) {
                const ConfZone *zone = names_zone(n, name);

                if (zone)
                        return zone;
        }
        return NULL;
}

bool names_is_own(const Names *n, const char *label) {
        return n->n_own > 0 && bsearch(&label, n->own, n->n_own, sizeof(char *), compare_texts);
}

const ZoneMember *names_members(const Names *n, const ConfZone *zone, size_t *ret) {
        size_t low = 0, high = n->n_members, end;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;

                if (n->members[middle].zone < zone)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (end = low; end < n->n_members && n->members[end].zone == zone; end++)
                ;
        *ret = end - low;
        return n->members + low;
}
