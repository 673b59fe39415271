/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the configuration and the addresses to zones, their serials, and the line that says what is served.
 */

#include <stdio.h>
#include <time.h>

#include "hagw-dnsd/clock.h"
#include "hagw-dnsd/manager.h"
#include "libhagw/bind.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"

typedef struct ZoneNames {
        const char *hosts[CONF_HOSTS_MAX], *children[CONF_ZONES_MAX];
        size_t n_hosts, n_children;
} ZoneNames;

/* A pattern "*.x" lies where x lies. */
static const char *host_place(const char *name) {
        return startswith(name, "*.") ?: name;
}

static void collect_names(const Config *c, const ConfZone *zone, ZoneNames *ret) {
        ret->n_hosts = ret->n_children = 0;
        for (size_t i = 0; i < c->n_hosts; i++)
                if (config_find_zone(c, host_place(c->hosts[i].name)) == zone)
                        ret->hosts[ret->n_hosts++] = c->hosts[i].name;
        for (size_t i = 0; i < c->n_zones; i++)
                if (&c->zones[i] != zone && hostname_in_zone(c->zones[i].name, zone->name))
                        ret->children[ret->n_children++] = c->zones[i].name;
}

static int make_zone(const Manager *m, const Config *c, const ConfZone *zone, Zone **ret) {
        _cleanup_free_ ZoneNames *names = malloc(sizeof(*names));
        int r;

        if (!names)
                return -ENOMEM;
        collect_names(c, zone, names);
        r = caa_check(zone);
        if (r >= 0)
                r = zone_new(&(ZoneDescription) {
                             .name = zone->name,
                             .name_server = zone->name_server,
                             .contact = zone->contact,
                             .caa_hash = caa_hash(c, zone),
                             .caa_ttl_sec = (uint32_t) (conf_zone_caa_usec(zone) / USEC_PER_SEC),
                             .ttl_sec = (uint32_t) (zone->ttl_usec / USEC_PER_SEC),
                             .any = zone->answer == CONF_ANSWER_ANY,
                             .hosts = names->hosts,
                             .n_hosts = names->n_hosts,
                             .children = names->children,
                             .n_children = names->n_children,
                             .ipv4 = m->ipv4,
                             .ipv6 = m->ipv6,
                             .serves_name_server = config_find_zone(c, zone->name_server) != NULL,
                             /* Routers send IPv4 on to another port; over IPv6 nobody does. */
                             .unasked = { c->dns.ipv4_port == 0, c->dns.ipv6_port != BIND_PORT },
                     },
                     ret);
        if (r < 0)
                return log_error_errno(r, "Could not make the zone %s: %m", zone->name);
        return 0;
}

/* --- serials ------------------------------------------------------------------------------------------- */

/* Seconds of the clock, or one more than before where that is later (RFC 1982): so a serial grows over
 * restarts without any state, and follows the content while we run. */
static uint32_t serial_after(uint32_t old) {
        const uint32_t now = (uint32_t) time(NULL);

        return old == 0 || (int32_t) (now - old) > 0 ? now : old + 1;
}

static Zone *find_same(Zone *const *zones, size_t n, const Zone *z) {
        for (size_t i = 0; i < n; i++)
                if (zones[i]->name_size == z->name_size &&
                    memcmp(zones[i]->name, z->name, z->name_size) == 0)
                        return zones[i];
        return NULL;
}

static void give_serial(Manager *m, Zone *z) {
        const Zone *old = find_same(m->source.zones, m->source.n_zones, z);

        zone_set_serial(z, !old                   ? serial_after(0)
                           : old->hash == z->hash ? old->serial
                                                  : serial_after(old->serial));
        if (old)
                *z->seen = *old->seen;
        else
                z->seen->since_sec = clock_now().monotonic_sec;
}

uint32_t manager_bump_serial(Manager *m, const uint8_t *name, size_t size) {
        const Zone *found = zone_find_for(m->source.zones, m->source.n_zones, name, size,
                                          /* parent= */ false);

        for (size_t i = 0; i < m->source.n_zones; i++)
                if (m->source.zones[i] == found) {
                        zone_set_serial(m->source.zones[i], serial_after(found->serial));
                        return found->serial;
                }
        return 0;
}

/* --- all zones ----------------------------------------------------------------------------------------- */

static Zone **free_zones(Zone **zones, size_t n) {
        for (size_t i = 0; i < n; i++)
                zone_free(zones[i]);
        free(zones);
        return NULL;
}

int manager_make_zones(Manager *m, const Config *config) {
        Zone **zones = calloc(config->n_zones + 1, sizeof(Zone *));
        size_t n = 0;
        int r = 0;

        if (!zones)
                return -ENOMEM;
        for (size_t i = 0; i < config->n_zones && r >= 0; i++) {
                /* Its visitors come to the relay's address, which the relay's name server gives them. */
                if (config->zones[i].via == CONF_VIA_RELAY)
                        continue;
                r = make_zone(m, config, &config->zones[i], &zones[n]);
                if (r >= 0 && find_same(zones, n, zones[n])) {
                        (void) log_error_errno(EEXIST, "The zone %s stands in the configuration twice.",
                                               config->zones[i].name);
                        r = -EEXIST;
                }
                n++;
        }
        if (r < 0) {
                free_zones(zones, config->n_zones);
                return r;
        }
        for (size_t i = 0; i < n; i++)
                give_serial(m, zones[i]);
        if (n > 0)
                qsort(zones, n, sizeof(Zone *), zone_compare);
        free_zones(m->source.zones, m->source.n_zones);
        m->source.zones = zones;
        m->source.n_zones = n;
        m->config = m->source.config = config;
        manager_renew_outside(m);
        manager_update_status(m);
        return 0;
}

static const char *address_text(const ZoneAddress *a, char *out) {
        return a->knowledge == ADDRESS_KNOWN ? ip_format(&a->address, out) : "";
}

static const char *first_zone(const Config *c) {
        for (size_t i = 0; i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_DIRECT)
                        return c->zones[i].name;
        return NULL;
}

void manager_update_status(Manager *m) {
        const bool known4 = m->ipv4.knowledge == ADDRESS_KNOWN, known6 = m->ipv6.knowledge == ADDRESS_KNOWN;
        char v4[IP_TEXT_MAX] = "", v6[IP_TEXT_MAX] = "", more[32] = "";
        const char *first = first_zone(m->config);
        const size_t n = m->source.n_zones;

        if (n == 0) {
                daemon_set_status(m->daemon, "no zone is %s: every query is refused",
                                  m->config->n_zones > 0 ? "answered from here" : "configured");
                return;
        }
        if (n > 1)
                (void) snprintf(more, sizeof(more), " and %zu more", n - 1);
        if (m->ipv4.knowledge == ADDRESS_UNKNOWN && m->ipv6.knowledge == ADDRESS_UNKNOWN)
                daemon_set_status(m->daemon, "serving %s%s, waiting for hagw-netd to tell the addresses",
                                  first, more);
        else if (!known4 && !known6)
                daemon_set_status(m->daemon, "serving %s%s without an address: hagw-netd has told none",
                                  first, more);
        else
                daemon_set_status(m->daemon, "serving %s%s, %s%s%s", first, more,
                                  address_text(&m->ipv4, v4), known4 && known6 ? " " : "",
                                  address_text(&m->ipv6, v6));
}
