/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hosts whose names are outside all zones, told when they are added. */

#include <stdio.h>

#include "hagw-ctl/caa.h"
#include "hagw-ctl/hostzone.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/outside.h"
#include "hagw-ctl/records.h"
#include "libhagw/pure/hostname.h"

/* A house behind a relay keeps others from certificates for its domains, and has one account of its own. */
static int say_over_http(const char *name, bool tenants) {
        const char *who = tenants ? "relay" : "gateway";
        _cleanup_free_ char *line = NULL;
        int r = *name == '*' ? 0 : caa_line_over_http(&line);

        if (r < 0)
                return r;
        output_sentences("It lies outside the zones of this %s: its DNS must point here, and its "
                         "certificate %s.\n",
                         who,
                         *name == '*' ? "has to be imported (hagw-ctl cert import): a wildcard cannot be "
                                        "proven over port 80" :
                                        "is obtained over port 80 (HTTP-01), which has to be open here");
        if (line)
                output("Where its DNS has CAA records,%s there has to be, as this %s's:\n  %s.  CAA  %s\n",
                       tenants ? " beside the house's," : "", who, name, line);
        else if (*name != '*')
                output_sentences("Where its DNS has CAA records, this %s's account has to be among them, "
                                 "which it has not yet; then hagw-ctl status says the line.\n",
                                 who);
        if (tenants)
                output("Until then visitors pass unopened, unless they have to log in here first.\n");
        return 0;
}

int outside_say(const Config *config, const char *name, bool tenants) {
        const char *bare = startswith(name, "*.") ?: name, *zone;
        const ConfZone *relay = NULL;
        bool alias;

        for (size_t i = 0; i < config->n_zones; i++)
                if (config->zones[i].via == CONF_VIA_DIRECT) {
                        relay = NULL;
                        break;
                } else if (!relay)
                        relay = &config->zones[i];
        if (!relay)
                return say_over_http(name, tenants);
        zone = host_relay_zone(config, NULL);
        if (zone && hostname_in_zone(bare, zone)) {
                output_sentences("It is a name of the relay's, which has to lead it here. At the relay:\n"
                                 "  hagw-ctl host add %s%s%s tenant:%s\n",
                                 *name == '*' ? "'" : "", name, *name == '*' ? "'" : "",
                                 config->relay.tenant);
                return 0;
        }
        output_sentences("It lies outside the zones of this house. Where the DNS of %s is kept, set\n",
                         bare);
        alias = records_print_name("  ", name, relay->name, NULL);
        records_print_challenge("  ", name, relay->name);
        output("and at the relay: hagw-ctl tenant domain add %s '%s'\n", config->relay.tenant, name);
        if (alias)
                records_explain_alias(relay->name);
        return 0;
}
