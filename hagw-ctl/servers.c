/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whom the zone above names, and whom we do. */

#include <stdio.h>
#include <strings.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/delegation.h"
#include "hagw-ctl/servers.h"
#include "libhagw/pure/cidr.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/reason.h"

#define LOOKED_UP_MAX 3U /* of the names that the parent has; each may take DELEGATION_QUERY_USEC */

typedef enum Lead {
        LEAD_UNKNOWN, /* it could not be asked */
        LEAD_HERE,
        LEAD_ELSEWHERE,
        LEAD_NOWHERE, /* it has no address */
} Lead;

static bool is_among(sd_json_variant *answers, const char *ours) {
        IpAddress x, y;

        for (size_t i = 0; i < field_count(answers, "answers"); i++) {
                const char *text = sd_json_variant_string(field_element(answers, "answers", i));

                if (text && ip_parse(text, &x) >= 0 && ip_parse(ours, &y) >= 0 && ip_equal(&x, &y))
                        return true;
        }
        return false;
}

/* By the first family that the house has. */
static int look_up(const char *server, const char *const addresses[_GLUE_FAMILIES_MAX], Lead *ret) {
        const unsigned family = addresses[GLUE_IPV4] ? GLUE_IPV4 : GLUE_IPV6;
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *answers = NULL;
        _cleanup_free_ char *reason = NULL;
        const char *rcode;
        int r;

        *ret = LEAD_UNKNOWN;
        r = delegation_query(server, family == GLUE_IPV4 ? "A" : "AAAA", NULL, &answers, &reason);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        rcode = strempty(field_text(answers, "rcode"));
        if (is_among(answers, addresses[family]))
                *ret = LEAD_HERE;
        else if (field_count(answers, "answers") > 0)
                *ret = LEAD_ELSEWHERE;
        else if (streq(rcode, "NXDOMAIN") || streq(rcode, "NOERROR"))
                *ret = LEAD_NOWHERE;
        return 0;
}

/* A name of ours has our addresses. */
static int look_up_own(const Config *config, const ConfZone *zone, const char *const addresses[],
                       Lead *ret) {
        *ret = LEAD_HERE;
        return config_find_zone(config, zone->name_server) ? 0 : look_up(zone->name_server, addresses, ret);
}

/* The name without the dot at its end; out has room for HOSTNAME_MAX + 2. */
static bool read_server(sd_json_variant *parent, size_t i, char *out) {
        const char *text = sd_json_variant_string(field_element(parent, "authority", i));
        size_t n = text ? strlen(text) : 0;

        if (n > 0 && text[n - 1] == '.')
                n--;
        if (n == 0 || n > HOSTNAME_MAX)
                return false;
        (void) snprintf(out, HOSTNAME_MAX + 2, "%.*s", (int) n, text);
        return true;
}

/* Only others stand there. */
static int tell_other(const Config *config, const ConfZone *zone, const char *theirs,
                      const char *const addresses[], char **ret_detail, bool *ret_problem) {
        Lead lead;
        int r;

        r = look_up_own(config, zone, addresses, &lead);
        if (r < 0)
                return r;
        *ret_problem = lead == LEAD_ELSEWHERE || lead == LEAD_NOWHERE;
        return reason_give(ret_detail, 0,
                           "The zone above %s delegates it to %s, but this machine says that its name "
                           "server is %s%s. Let both say the same: name_server = \"%s\" for that zone in "
                           "hagw.conf, then hagw-ctl reload; or at your DNS provider, enter: %s. NS %s.",
                           zone->name, theirs, zone->name_server,
                           *ret_problem ?
                                   ", which does not lead here: resolvers that use it find nobody" :
                                   ": most resolvers find this machine even so, and some ask both",
                           theirs, zone->name, zone->name_server);
}

/* One more beside ours. Another name of this machine does no harm: some providers want two. */
static int tell_more(const ConfZone *zone, const char *theirs, Lead lead, char **ret_detail,
                     bool *ret_problem) {
        if (*ret_detail || (lead != LEAD_ELSEWHERE && lead != LEAD_NOWHERE))
                return 0;
        *ret_problem = lead == LEAD_ELSEWHERE;
        return reason_give(ret_detail, 0,
                           "The zone above %s delegates it to %s, too, %s. Remove that record at your DNS "
                           "provider: %s. NS %s.",
                           zone->name, theirs,
                           *ret_problem ?
                                   "which leads to another machine: some of the questions go there" :
                                   "which has no address: questions to it get no answer",
                           zone->name, theirs);
}

int servers_check(const Config *config, const ConfZone *zone, sd_json_variant *parent,
                  const char *const addresses[_GLUE_FAMILIES_MAX], char **ret_detail, bool *ret_problem) {
        char theirs[HOSTNAME_MAX + 2], other[HOSTNAME_MAX + 2] = "";
        size_t n = 0;
        bool ours = false;
        int r = 0;

        if (!addresses[GLUE_IPV4] && !addresses[GLUE_IPV6])
                return 0;
        for (size_t i = 0; i < field_count(parent, "authority"); i++)
                ours = ours ||
                       (read_server(parent, i, theirs) && strcasecmp(theirs, zone->name_server) == 0);
        for (size_t i = 0; r >= 0 && i < field_count(parent, "authority") && n < LOOKED_UP_MAX; i++) {
                Lead lead;

                if (!read_server(parent, i, theirs) || strcasecmp(theirs, zone->name_server) == 0)
                        continue;
                n++;
                r = look_up(theirs, addresses, &lead);
                if (r >= 0 && ours)
                        r = tell_more(zone, theirs, lead, ret_detail, ret_problem);
                else if (lead == LEAD_HERE || !*other) /* rather one that leads here */
                        (void) stpcpy(other, theirs);
        }
        return r < 0 || ours || !*other ?
                       r :
                       tell_other(config, zone, other, addresses, ret_detail, ret_problem);
}
