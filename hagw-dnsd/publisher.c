/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Below tenants.zone a name is this machine's where the configuration has it, and else a tenant's. Outside
 * of it every name is this machine's. Pure. */

#include "hagw-dnsd/publisher.h"
#include "libhagw/pure/hostname.h"

#define LABEL "_acme-challenge."

/* The last label of `name` before `zone`, with the zone: "a.b.zone" gives "b.zone". NULL: it is the zone. */
static const char *child_of(const char *name, const char *zone) {
        const size_t n = strlen(name), m = strlen(zone);
        const char *p;

        if (n == m)
                return NULL;
        for (p = name + n - m - 1; p > name && p[-1] != '.'; p--)
                ;
        return p;
}

/* What is opened here for a tenant has its name here and is the tenant's as well. */
static bool host_is_own(const ConfHost *h) {
        return h->upstream_kind != CONF_UPSTREAM_TENANT;
}

/* The name itself, or the one that a wildcard stands below. */
static const char *host_base(const ConfHost *h) {
        return startswith(h->name, "*.") ?: h->name;
}

/* Is it, letter by letter, a name that this machine has certificates for? */
static bool name_is_configured(const Config *c, const char *name) {
        if (streq_ptr(c->tenants.name, name))
                return true;
        for (size_t i = 0; i < c->n_zones; i++)
                if (streq(c->zones[i].name, name))
                        return true;
        for (size_t i = 0; i < c->n_hosts; i++)
                if (streq(host_base(&c->hosts[i]), name))
                        return true;
        return false;
}

/* Does something of this machine's own lie at the label or below it? Then no tenant has it. */
static bool label_is_own(const Config *c, const char *label) {
        if (c->tenants.name && hostname_in_zone(c->tenants.name, label))
                return true;
        for (size_t i = 0; i < c->n_zones; i++)
                if (hostname_in_zone(c->zones[i].name, label) ||
                    hostname_in_zone(c->zones[i].name_server, label))
                        return true;
        for (size_t i = 0; i < c->n_hosts; i++)
                if (host_is_own(&c->hosts[i]) && hostname_in_zone(host_base(&c->hosts[i]), label))
                        return true;
        return false;
}

const char *publisher_tenants_name(const Config *c, const char *name) {
        const char *zone = c->tenants.zone, *label;

        label = zone && hostname_in_zone(name, zone) ? child_of(name, zone) : NULL;
        return label && !label_is_own(c, label) ? label : NULL;
}

bool publisher_may(const Config *c, Publisher p, const char *name) {
        const char *subject = startswith(name, LABEL), *zone = c->tenants.zone, *label;

        if (!subject)
                return false;
        label = zone && hostname_in_zone(subject, zone) ? child_of(subject, zone) : NULL;
        if (p == PUBLISHER_TENANTS)
                return label && !label_is_own(c, label);
        return !label || label_is_own(c, label) || name_is_configured(c, subject);
}
