/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the zone above says of the name server's addresses, against the house's. */

#include <stdio.h>
#include <strings.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/delegation.h"
#include "hagw-ctl/glue.h"
#include "hagw-ctl/servers.h"
#include "libhagw/bind.h"
#include "libhagw/pure/cidr.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/reason.h"

static const struct {
        const char *name, *type, *option;
        int family;
} families[_GLUE_FAMILIES_MAX] = {
        [GLUE_IPV4] = { "IPv4", "A", "ipv4", AF_INET },
        [GLUE_IPV6] = { "IPv6", "AAAA", "ipv6", AF_INET6 },
};

void glue_done(Glue *g) {
        for (size_t i = 0; i < ELEMENTSOF(g->details); i++)
                free(g->details[i]);
        *g = (Glue) {};
}

const char *glue_address(const Config *config, unsigned family, const char *address) {
        bool asked = family == GLUE_IPV4 ? config->dns.ipv4_port > 0 : config->dns.ipv6_port == BIND_PORT;

        return asked ? address : NULL;
}

bool glue_is_used(const ConfZone *zone) {
        return hostname_in_zone(zone->name_server, zone->name);
}

void glue_addresses(sd_json_variant *reply, const char *ret[_GLUE_FAMILIES_MAX]) {
        ret[GLUE_IPV4] = ret[GLUE_IPV6] = NULL;
        for (size_t i = 0; i < field_count(reply, "addresses"); i++) {
                sd_json_variant *a = field_element(reply, "addresses", i);
                bool four = streq(strempty(field_text(a, "family")), "ipv4");

                ret[four ? GLUE_IPV4 : GLUE_IPV6] = field_text(a, "address");
        }
}

bool glue_is_open(sd_json_variant *reply, size_t family) {
        for (size_t i = 0; i < field_count(reply, "addresses"); i++) {
                sd_json_variant *a = field_element(reply, "addresses", i);

                if (streq(strempty(field_text(a, "family")), "ipv4") == (family == GLUE_IPV4))
                        return family < _GLUE_FAMILIES_MAX && !field_text(a, "address") &&
                               !streq(strempty(field_text(a, "source")), "none");
        }
        return false;
}

static bool same_address(const char *a, const char *b) {
        IpAddress x, y;

        return ip_parse(a, &x) >= 0 && ip_parse(b, &y) >= 0 && ip_equal(&x, &y);
}

/* Names of the answer have no dot at their end, and any case. */
static bool is_glue(sd_json_variant *v, const ConfZone *zone, int family) {
        IpAddress a;

        return strcasecmp(strempty(field_text(v, "name")), zone->name_server) == 0 &&
               ip_parse(strempty(field_text(v, "address")), &a) >= 0 && a.family == family;
}

/* Whether the zone above delegates to the server of that name at all. */
static bool names_server(sd_json_variant *parent, const ConfZone *zone) {
        const size_t size = strlen(zone->name_server);

        for (size_t i = 0; i < field_count(parent, "authority"); i++) {
                const char *text = strempty(sd_json_variant_string(field_element(parent, "authority", i)));

                if (strncasecmp(text, zone->name_server, size) == 0 &&
                    (streq(text + size, "") || streq(text + size, ".")))
                        return true;
        }
        return false;
}

static const char *source_of(const Config *c, unsigned family) {
        return family == GLUE_IPV4 ? c->public_address.ipv4 : c->public_address.ipv6;
}

/* A dynamic DNS name that follows the house's address; NULL: nothing does. */
static const char *dynamic_name(const Config *c, unsigned family) {
        const char *source = source_of(c, family);

        return source ? startswith(source, "resolve:") : NULL;
}

static int check_family(const Config *c, const ConfZone *zone, sd_json_variant *parent, unsigned family,
                        const char *ours, Glue *g) {
        const char *name = families[family].name, *type = families[family].type, *wrong = NULL;
        bool found = false;

        for (size_t i = 0; i < field_count(parent, "glue"); i++) {
                sd_json_variant *v = field_element(parent, "glue", i);

                if (!is_glue(v, zone, families[family].family))
                        continue;
                if (ours && same_address(field_text(v, "address"), ours))
                        found = true;
                else
                        wrong = field_text(v, "address");
        }
        g->problems[family] = !!wrong;
        if (wrong && ours && dynamic_name(c, family))
                return reason_give(&g->details[family], 0,
                                   "The zone above %s says that %s has the %s address %s, but %s now has "
                                   "%s: resolvers that ask there get no answer. A record cannot follow "
                                   "that name: at your DNS provider, enter: %s. NS %s. and remove the %s "
                                   "record, and here set name_server = \"%s\" for the zone in hagw.conf.",
                                   zone->name, zone->name_server, name, wrong, dynamic_name(c, family),
                                   ours, zone->name, dynamic_name(c, family), type,
                                   dynamic_name(c, family));
        if (wrong && ours)
                return reason_give(&g->details[family], 0,
                                   "The zone above %s says that %s has the %s address %s, and "
                                   "public_address here says %s: one of the two is wrong, and resolvers "
                                   "that ask there get no answer. Correct the %s record at your DNS "
                                   "provider, or hagw.conf.",
                                   zone->name, zone->name_server, name, wrong, ours, type);
        if (wrong && streq(source_of(c, family) ?: "none", "none"))
                return reason_give(&g->details[family], 0,
                                   "The zone above %s says that %s has the %s address %s, and hagw.conf "
                                   "knows no %s address of this house. If it is this one: hagw-ctl setup "
                                   "--%s=static:%s. If not, remove the %s record at your DNS provider.",
                                   zone->name, zone->name_server, name, wrong, name,
                                   families[family].option, wrong, type);
        if (wrong)
                return reason_give(&g->details[family], 0,
                                   "The zone above %s says that %s has the %s address %s, at which nobody "
                                   "answers here. Remove the %s record at your DNS provider.",
                                   zone->name, zone->name_server, name, wrong, type);
        if (ours && !found)
                return reason_give(&g->details[family], 0,
                                   "The zone above %s does not have the %s address of %s: resolvers that "
                                   "have only %s do not find it. At your DNS provider, enter: %s. %s %s",
                                   zone->name, name, zone->name_server, name, zone->name_server, type,
                                   ours);
        return 0;
}

int glue_check(const Config *config, const ConfZone *zone, const char *const addresses[_GLUE_FAMILIES_MAX],
               Glue *ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parent = NULL;
        _cleanup_(glue_done) Glue g = {};
        int r;

        *ret = (Glue) {};
        r = delegation_ask_parent(zone->name, &parent);
        /* One that answers itself does not delegate in words that we know. */
        if (r <= 0 || field_count(parent, "authority") == 0)
                return MIN(r, 0);
        r = servers_check(config, zone, parent, addresses, &g.details[GLUE_SERVERS],
                          &g.problems[GLUE_SERVERS]);
        /* One that gives no address at all does not either, nor does one that has other names. */
        for (unsigned f = 0; r >= 0 && f < _GLUE_FAMILIES_MAX && glue_is_used(zone) &&
                             field_count(parent, "glue") > 0 && names_server(parent, zone); f++)
                r = check_family(config, zone, parent, f, glue_address(config, f, addresses[f]), &g);
        if (r < 0)
                return r;
        *ret = g;
        g = (Glue) {};
        return 0;
}
