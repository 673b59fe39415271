/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which certificates a configuration asks for. */

#include <stdio.h>

#include "hagw-acmed/plan.h"
#include "libhagw/pure/hostname.h"

typedef struct Plan {
        Want *items;
        size_t n, allocated;
} Plan;

void plan_free(Want *wants, size_t n) {
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < ELEMENTSOF(wants[i].names); k++)
                        free(wants[i].names[k]);
        free(wants);
}

static void plan_done(Plan *p) {
        plan_free(p->items, p->n);
}

/* True where a certificate that is already planned, and can be had, is good for the name, itself possibly a
 * wildcard. */
static bool plan_covers(const Plan *p, const char *name) {
        for (size_t i = 0; i < p->n; i++)
                for (char *const *q = p->items[i].names; p->items[i].way != PROOF_NONE && *q; q++)
                        if (streq(*q, name) || (name[0] != '*' && hostname_matches(name, *q)))
                                return true;
        return false;
}

/* What stands in our zones' CAA records about us at the name. */
static void plan_caa(Want *w, const Config *config, const ConfHost *host) {
        const ConfZone *zone = config_find_zone(config, startswith(w->names[0], "*.") ?: w->names[0]);

        if (w->way != PROOF_DNS || !zone)
                return;
        w->caa_shared = host && host->upstream_kind == CONF_UPSTREAM_TENANT && config->tenants.zone &&
                        streq(zone->name, config->tenants.zone);
        if (w->caa_shared || conf_zone_has_ours(zone))
                w->caa_usec = conf_zone_caa_usec(zone);
}

/* host: that the certificate is for; NULL: it is for a zone. */
static int plan_add(Plan *p, const Config *config, const char *name, const ConfHost *host, ProofWay way) {
        const bool wildcard_too = !host;
        Want *w;

        /* A zone inside another zone has a wildcard of its own, which the outer one's does not cover. */
        if (!wildcard_too && plan_covers(p, name))
                return 0;
        if (!GREEDY_REALLOC(p->items, p->allocated, p->n + 1))
                return -ENOMEM;
        w = &p->items[p->n++];
        *w = (Want) { .way = way, .names = { strdup(name) } };
        if (!w->names[0])
                return -ENOMEM;
        plan_caa(w, config, host);
        if (wildcard_too && asprintf(&w->names[1], "*.%s", name) < 0) {
                w->names[1] = NULL;
                return -ENOMEM;
        }
        return 0;
}

unsigned proof_way_port(ProofWay way) {
        return way == PROOF_DNS ? 53 : way == PROOF_HTTP ? 80 : 0;
}

const ConfZone *plan_relay_zone(const Config *config) {
        for (size_t i = 0; i < config->n_zones; i++)
                if (config->zones[i].via == CONF_VIA_RELAY)
                        return &config->zones[i];
        return NULL;
}

static bool has_direct_zone(const Config *config) {
        for (size_t i = 0; i < config->n_zones; i++)
                if (config->zones[i].via == CONF_VIA_DIRECT)
                        return true;
        return false;
}

static ProofWay plan_way(const Config *config, const char *name) {
        const ConfZone *ours = plan_relay_zone(config), *zone;
        const char *plain = startswith(name, "*.");

        zone = config_find_zone(config, plain ?: name);
        if (zone && zone->via == CONF_VIA_DIRECT)
                return PROOF_DNS;
        if (zone && ours && hostname_in_zone(zone->name, ours->name))
                return PROOF_RELAY;
        if (zone || (ours && !has_direct_zone(config)))
                return PROOF_ALIAS;
        return plain ? PROOF_NONE : PROOF_HTTP;
}

static int plan_add_hosts(Plan *p, const Config *config, bool wildcards) {
        int r;

        for (size_t i = 0; i < config->n_hosts; i++) {
                const char *name = config->hosts[i].name;

                /* The TLS of a tcp:// service is not opened here: the certificate is its own. And what comes
                 * for a name of the relay's was opened there. */
                if (wildcards != !!startswith(name, "*.") ||
                    config->hosts[i].upstream_kind == CONF_UPSTREAM_TCP ||
                    config_is_the_relays(config, startswith(name, "*.") ?: name))
                        continue;
                r = plan_add(p, config, name, &config->hosts[i], plan_way(config, name));
                if (r < 0)
                        return r;
        }
        return 0;
}

int plan_make(const Config *config, Want **ret, size_t *ret_n) {
        _cleanup_(plan_done) Plan p = {};
        int r;

        for (size_t i = 0; i < config->n_zones; i++) {
                r = plan_add(&p, config, config->zones[i].name, /* host= */ NULL,
                             plan_way(config, config->zones[i].name));
                if (r < 0)
                        return r;
        }
        /* Wildcards first, so that the hosts below them need none of their own. */
        r = plan_add_hosts(&p, config, true);
        if (r >= 0)
                r = plan_add_hosts(&p, config, false);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p.items);
        *ret_n = p.n;
        p.n = 0;
        return 0;
}
