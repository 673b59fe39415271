/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the configuration and the addresses to zones, their serials, and the line that says what is served.
 */

#include <stdio.h>
#include <time.h>

#include "hagw-dnsd/clock.h"
#include "hagw-dnsd/manager.h"
#include "libhagw/bind.h"
#include "libhagw/log.h"

typedef struct ZoneNames {
        const char *hosts[CONF_HOSTS_MAX], *children[CONF_ZONES_MAX];
        size_t n_hosts, n_children;
} ZoneNames;

static void collect_names(const Names *names, const ConfZone *zone, ZoneNames *ret) {
        const ZoneMember *members;
        size_t n;

        ret->n_hosts = ret->n_children = 0;
        members = names_members(names, zone, &n);
        for (size_t i = 0; i < n; i++)
                if (members[i].host)
                        ret->hosts[ret->n_hosts++] = members[i].name;
                else
                        ret->children[ret->n_children++] = members[i].name;
}

/* scratch: for this zone's names. */
static int make_zone(const Manager *m, const Names *n, const ConfZone *zone, ZoneNames *scratch,
                     Zone **ret) {
        const Config *c = n->config;
        int r;

        collect_names(n, zone, scratch);
        r = caa_check(zone);
        if (r >= 0)
                r = zone_new(&(ZoneDescription) {
                             .name = zone->name,
                             .name_server = zone->name_server,
                             .contact = zone->contact,
                             .caa_hash = caa_hash(n, zone),
                             .caa_ttl_sec = (uint32_t) (conf_zone_caa_usec(zone) / USEC_PER_SEC),
                             .ttl_sec = (uint32_t) (zone->ttl_usec / USEC_PER_SEC),
                             .any = zone->answer == CONF_ANSWER_ANY,
                             .hosts = scratch->hosts,
                             .n_hosts = scratch->n_hosts,
                             .children = scratch->children,
                             .n_children = scratch->n_children,
                             .ipv4 = m->ipv4,
                             .ipv6 = m->ipv6,
                             .serves_name_server = names_zone_of(n, zone->name_server) != NULL,
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

static void give_serial(Manager *m, Zone *z) {
        const Zone *old = zone_find_named(m->source.zones, m->source.n_zones, z->name, z->name_size);

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
        Zone *z = found ? zone_find_named(m->source.zones, m->source.n_zones, found->name, found->name_size)
                        : NULL;

        if (!z)
                return 0;
        zone_set_serial(z, serial_after(z->serial));
        return z->serial;
}

/* --- all zones ----------------------------------------------------------------------------------------- */

static Zone **free_zones(Zone **zones, size_t n) {
        for (size_t i = 0; i < n; i++)
                zone_free(zones[i]);
        free(zones);
        return NULL;
}

/* Those that are answered from here, sorted. ret_n is set where it fails, too: so many were made. */
static int make_zones(const Manager *m, const Names *names, Zone **zones, size_t *ret_n) {
        _cleanup_free_ ZoneNames *scratch = malloc(sizeof(*scratch));
        const Config *c = names->config;
        size_t n = 0;
        int r = scratch ? 0 : -ENOMEM;

        for (size_t i = 0; i < c->n_zones && r >= 0; i++) {
                /* Its visitors come to the relay's address, which the relay's name server gives them. */
                if (c->zones[i].via == CONF_VIA_RELAY)
                        continue;
                r = make_zone(m, names, &c->zones[i], scratch, &zones[n]);
                n += r >= 0;
        }
        *ret_n = n;
        if (r >= 0 && n > 0)
                qsort(zones, n, sizeof(Zone *), zone_compare);
        return r;
}

static int check_zones(Zone *const *zones, size_t n) {
        char name[DNAME_TEXT_MAX];

        for (size_t i = 1; i < n; i++)
                if (zone_compare(&zones[i - 1], &zones[i]) == 0)
                        return log_error_errno(-EEXIST,
                                               "The zone %s stands in the configuration twice.",
                                               dname_to_text(zones[i]->name, name));
        return 0;
}

int manager_make_zones(Manager *m, const Config *config) {
        _cleanup_(names_freep) Names *names = NULL;
        Zone **zones;
        size_t n;
        int r;

        r = names_new(config, &names);
        if (r < 0)
                return r;
        zones = calloc(config->n_zones + 1, sizeof(Zone *));
        if (!zones)
                return -ENOMEM;
        r = make_zones(m, names, zones, &n);
        if (r >= 0)
                r = check_zones(zones, n);
        if (r < 0) {
                free_zones(zones, n);
                return r;
        }
        for (size_t i = 0; i < n; i++)
                give_serial(m, zones[i]);
        free_zones(m->source.zones, m->source.n_zones);
        m->source.zones = zones;
        m->source.n_zones = n;
        names_free(m->source.names);
        m->source.names = TAKE_PTR(names);
        m->config = config;
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
