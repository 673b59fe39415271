/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* By which address family, and by UDP or TCP, the internet's questions come. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/glue.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/ways.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/usec.h"

static const struct {
        const char *name, *word, *type;
} families[] = { { "IPv4", "ipv4", "A" }, { "IPv6", "ipv6", "AAAA" } };

const char *way_name(unsigned family) { return families[family].name; }

uint64_t way_last(const Delegation *d, unsigned family) {
        return MAX(d->ways_usec[family][0], d->ways_usec[family][1]);
}

/* A name server's name that is not ours may have addresses of one family alone: nobody is to ask by the
 * other. */
static bool has_address(const Delegation *d, unsigned family) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;

        return hostname_in_zone(d->name_server, d->zone) ||
               (delegation_query(d->name_server, families[family].type, NULL, &reply, &reason) >= 0 &&
                field_count(reply, "answers") > 0);
}

/* A resolver without IPv6 shows nothing of it; one without IPv4 would find hardly anything. */
int way_look(const Delegation *d, unsigned family, Way *ret) {
        const uint64_t recent = clock_usec(CLOCK_REALTIME) - DELEGATION_RECENT_USEC;
        bool came[2][2] = {};
        int r = 0;

        *ret = WAY_OPEN;
        if (d->came[family][1] || !has_address(d, family))
                return 0;
        if (d->came[!family][0])
                r = delegation_try_family(d->zone, families[family].word, came);
        if (r < 0 || came[family][1] || d->ways_usec[family][1] > recent)
                return MIN(r, 0);
        if (came[family][0])
                *ret = WAY_UDP_ONLY;
        else if (family == GLUE_IPV4 && came[GLUE_IPV6][0] && way_last(d, family) <= recent)
                *ret = WAY_SHUT;
        else
                *ret = WAY_QUIET;
        return 0;
}

bool way_is_problem(unsigned family, Way way) {
        return way == WAY_SHUT || (way == WAY_UDP_ONLY && family == GLUE_IPV4);
}

/* What is to be opened. Over IPv6 no router translates, so that its firewall alone is in the way. */
static int remedy(const Config *c, unsigned family, const char *address, char **ret) {
        char router[ROUTER_TEXT_MAX];

        if (family == GLUE_IPV4)
                return asprintf(ret, "let the %s.", delegation_router_text(c, router));
        return asprintf(ret,
                        "let the %s pass port 53, UDP and TCP, to %s, or have the internet ask over IPv4 "
                        "alone (dns.ipv6_port = 0 in hagw.conf, and no AAAA record at your DNS provider).",
                        c->tenants.zone ? "firewall" : "router's firewall", address);
}

/* "none has come over IPv6 yet", "none came over IPv6 in the last 3 d". */
static int say_quiet(const Delegation *d, unsigned family, const char *mend, char **ret) {
        const uint64_t now = clock_usec(CLOCK_REALTIME), last = MAX(way_last(d, family), d->since_usec);
        char span[TIME_TEXT_MAX];

        if (way_last(d, family) == 0 && now < last + USEC_PER_MINUTE)
                return asprintf(ret,
                                "Questions for %s come from the internet over %s; none has come over %s "
                                "yet. If it is shut there, %s",
                                d->zone, families[!family].name, families[family].name, mend);
        return asprintf(ret,
                        "No question for %s has come from the internet over %s in the last %s, while others "
                        "come over %s. If it is shut there, %s",
                        d->zone, families[family].name, format_span(now - last, span),
                        families[!family].name, mend);
}

/* Who has no IPv4 is rare, and hardly a resolver. */
static int say_shut(const Delegation *d, const char *mend, char **ret) {
        const uint64_t last = way_last(d, GLUE_IPV4);
        char when[TIME_TEXT_MAX];

        return asprintf(ret,
                        "Questions for %s come over IPv6 alone, so that resolvers without IPv6 do not find "
                        "it (%s%s): %s",
                        d->zone, last > 0 ? "the last one over IPv4 came " : "none has come over IPv4 yet",
                        last > 0 ? format_when(last, clock_usec(CLOCK_REALTIME), when) : "", mend);
}

int way_say(const Config *c, const Delegation *d, unsigned family, Way way, const char *address,
            char **ret) {
        _cleanup_free_ char *mend = NULL;
        int n;

        *ret = NULL;
        if (way == WAY_OPEN)
                return 0;
        if (remedy(c, family, address, &mend) < 0) {
                mend = NULL;
                return -ENOMEM;
        }
        if (way == WAY_UDP_ONLY)
                n = asprintf(ret,
                             "Questions for %s come over %s by UDP, but not by TCP, which some resolvers "
                             "need: %s",
                             d->zone, families[family].name, mend);
        else if (way == WAY_SHUT)
                n = say_shut(d, mend, ret);
        else
                n = say_quiet(d, family, mend, ret);
        if (n >= 0)
                return 0;
        *ret = NULL;
        return -ENOMEM;
}
