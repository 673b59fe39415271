/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about the ways by which the internet's questions come: each resolver asks by the address
 * of the name server that it likes; while one of them works nothing else tells that the other is shut. */

#include <stdio.h>

#include "hagw-ctl/cause.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/delegation.h"
#include "hagw-ctl/glue.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/status.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/usec.h"

/* Resolvers come by either family sooner or later, if the name server has an address of it. Some have no
 * IPv6, so that it takes long. */
#define WAY_SILENCE_USEC (7 * USEC_PER_DAY)

static const struct {
        const char *name, *word, *type;
} families[] = { { "IPv4", "ipv4", "A" }, { "IPv6", "ipv6", "AAAA" } };

/* A name server's name that is not ours may have addresses of one family alone: nobody is to ask by the
 * other. */
static bool has_address(const Delegation *d, unsigned family) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;

        return hostname_in_zone(d->name_server, d->zone) ||
               (delegation_query(d->name_server, families[family].type, NULL, &reply, &reason) >= 0 &&
                field_count(reply, "answers") > 0);
}

/* The address at which the internet is to ask by that family; NULL: there is none, which may be told. */
static const char *asked_at(const Status *s, unsigned family) {
        const char *addresses[_GLUE_FAMILIES_MAX];

        glue_addresses(s->addresses, addresses);
        if (s->glue_told[family])
                return NULL;
        return status_address_is_usable(s, addresses[family]) ?
                       glue_address(s->config, family, addresses[family]) :
                       NULL;
}

static uint64_t last_by(const Delegation *d, unsigned family) {
        return MAX(d->ways_usec[family][0], d->ways_usec[family][1]);
}

/* What is to be opened. Over IPv6 no router translates, so that its firewall alone is in the way. */
static int remedy(const Status *s, unsigned family, const char *address, char **ret) {
        char router[ROUTER_TEXT_MAX];

        if (family == GLUE_IPV4)
                return asprintf(ret, "let the %s.", delegation_router_text(s->config, router));
        return asprintf(ret,
                        "let the %s pass port 53, UDP and TCP, to %s, or have the internet ask over IPv4 "
                        "alone (dns.ipv6_port = 0 in hagw.conf, and no AAAA record at your DNS provider).",
                        s->config->tenants.zone ? "firewall" : "router's firewall", address);
}

static int tell_udp_only(Status *s, const Delegation *d, unsigned family, const char *mend) {
        (family == GLUE_IPV4 ? status_problem : status_notice)(
                s, "Questions for %s come over %s by UDP, but not by TCP, which some resolvers need: %s",
                d->zone, families[family].name, mend);
        return 0;
}

/* Who has no IPv4 is rare, and hardly a resolver. */
static int tell_shut(Status *s, const Delegation *d, const char *mend) {
        const uint64_t last = last_by(d, GLUE_IPV4);
        char when[TIME_TEXT_MAX];

        status_problem(s,
                       "Questions for %s come over IPv6 alone, so that resolvers without IPv6 do not find "
                       "it (%s%s): %s",
                       d->zone, last > 0 ? "the last one over IPv4 came " : "none has come over IPv4 yet",
                       last > 0 ? format_when(last, clock_usec(CLOCK_REALTIME), when) : "", mend);
        return 0;
}

/* Nobody has asked that way; nobody need have tried. */
static int judge_silent(Status *s, const Delegation *d, unsigned family, const char *mend) {
        const uint64_t now = clock_usec(CLOCK_REALTIME), last = MAX(last_by(d, family), d->since_usec);
        char span[TIME_TEXT_MAX];

        if (last + WAY_SILENCE_USEC <= now && last_by(d, !family) + USEC_PER_DAY > now)
                status_notice(s,
                              "No question for %s has come from the internet over %s in the last %s, while "
                              "others come over %s. If it is shut there, %s",
                              d->zone, families[family].name, format_span(now - last, span),
                              families[!family].name, mend);
        return 0;
}

/* A resolver without IPv6 shows nothing of it; one without IPv4 would find hardly anything. */
static int judge_family(Status *s, const Delegation *d, unsigned family, const char *address) {
        const uint64_t recent = clock_usec(CLOCK_REALTIME) - DELEGATION_RECENT_USEC;
        _cleanup_free_ char *mend = NULL;
        bool came[2][2] = {};
        int r = 0;

        if (d->came[family][1] || !has_address(d, family))
                return 0;
        if (remedy(s, family, address, &mend) < 0) {
                mend = NULL;
                return -ENOMEM;
        }
        if (d->came[!family][0])
                r = delegation_try_family(d->zone, families[family].word, came);
        if (r < 0 || came[family][1] || d->ways_usec[family][1] > recent)
                return MIN(r, 0);
        if (came[family][0])
                return tell_udp_only(s, d, family, mend);
        if (family == GLUE_IPV4 && came[GLUE_IPV6][0] && last_by(d, family) <= recent)
                return tell_shut(s, d, mend);
        return judge_silent(s, d, family, mend);
}

int judge_ways(Status *s, const Delegation *d) {
        const char *addresses[] = { asked_at(s, GLUE_IPV4), asked_at(s, GLUE_IPV6) };
        int r = 0;

        for (unsigned f = 0; r >= 0 && addresses[0] && addresses[1] && f < ELEMENTSOF(addresses); f++)
                r = judge_family(s, d, f, addresses[f]);
        return r;
}
