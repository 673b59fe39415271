/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hosts outside all zones, and whether anybody finds them. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/lost.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/reason.h"

#define BELOW "hagw-look" /* a name below a wildcard, as good as any */

static const char *bare_name(const ConfHost *h) { return startswith(h->name, "*.") ?: h->name; }

static bool has_direct_zone(const Config *c) {
        for (size_t i = 0; i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_DIRECT)
                        return true;
        return false;
}

bool lost_is_outside(const Config *c, const ConfHost *h) {
        return !config_find_zone(c, bare_name(h)) && !config_is_the_relays(c, bare_name(h)) &&
               (!c->relay.address || has_direct_zone(c));
}

bool lost_wants_visitors(const ConfHost *h) {
        return h->access.from != CONF_FROM_LAN && h->upstream_kind != CONF_UPSTREAM_TENANT &&
               !hostname_is_local(bare_name(h));
}

int lost_look(const Config *c, const ConfHost *h, sd_json_variant *addresses, Leads *ret,
              IpAddress *ret_stranger) {
        char name[sizeof(BELOW) + 1 + HOSTNAME_MAX];

        (void) snprintf(name, sizeof(name), "%s%s", *h->name == '*' ? BELOW "." : "", bare_name(h));
        return leads_look_here(name, addresses, c->documentation_networks, ret, ret_stranger);
}

/* Whoever imports has other ways than the internet's to show whose the name is. */
static bool is_imported(sd_json_variant *certificates, const ConfHost *h) {
        for (size_t i = 0; i < field_count(certificates, "certificates"); i++) {
                sd_json_variant *c = field_element(certificates, "certificates", i);

                if (!streq(strempty(field_text(c, "source")), "imported"))
                        continue;
                for (size_t k = 0; k < field_count(c, "names"); k++)
                        if (hostname_matches(h->name, sd_json_variant_string(field_element(c, "names", k))))
                                return true;
        }
        return false;
}

int lost_complaint(const ConfHost *h, Leads leads, sd_json_variant *certificates, bool *ret_sure,
                   char **ret) {
        const char *quote = *h->name == '*' ? "'" : "";

        *ret = NULL;
        if (leads != LEADS_NOWHERE && leads != LEADS_SILENT)
                return 0;
        *ret_sure = !is_imported(certificates, h);
        if (!*ret_sure)
                return reason_give(ret, 1,
                                   "%s has no address on the internet, and lies in no zone of this gateway. "
                                   "If it is for the house alone, hagw-ctl host set %s%s%s --from lan says "
                                   "so; else it has to lead here where its DNS is kept.",
                                   h->name, quote, h->name, quote);
        return reason_give(ret, 1,
                           "Nobody finds %s: %s, and it lies in no zone of this gateway. Where this gateway "
                           "is to answer for it, its zone belongs into zones of hagw.conf; else it has to "
                           "lead here where its DNS is kept, or hagw-ctl host remove %s%s%s takes it away.",
                           h->name,
                           leads == LEADS_NOWHERE ? "it has no address" :
                                                    "the name servers that it is delegated to do not answer",
                           quote, h->name, quote);
}
