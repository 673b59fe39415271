/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about the ways by which the internet's questions come. */

#include "hagw-ctl/glue.h"
#include "hagw-ctl/status.h"
#include "hagw-ctl/ways.h"
#include "libhagw/usec.h"

/* Resolvers come by either family sooner or later, if the name server has an address of it. Some have no
 * IPv6, so that it takes long. */
#define WAY_SILENCE_USEC (7 * USEC_PER_DAY)

/* The address at which the internet is to ask by that family; NULL: there is none. */
static const char *asked_at(const Status *s, unsigned family) {
        const char *addresses[_GLUE_FAMILIES_MAX];

        glue_addresses(s->addresses, addresses);
        return status_address_is_usable(s, addresses[family]) ?
                       glue_address(s->config, family, addresses[family]) :
                       NULL;
}

/* Nobody has asked that way for long, though others ask. */
static bool is_silent(const Delegation *d, unsigned family) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);

        return MAX(way_last(d, family), d->since_usec) + WAY_SILENCE_USEC <= now &&
               way_last(d, !family) + USEC_PER_DAY > now;
}

static int judge_family(Status *s, const Delegation *d, unsigned family, const char *address) {
        _cleanup_free_ char *text = NULL;
        Way way;
        int r;

        r = way_look(d, family, &way);
        if (r < 0 || way == WAY_OPEN || (way == WAY_QUIET && !is_silent(d, family)))
                return r;
        r = way_say(s->config, d, family, way, address, &text);
        if (r >= 0)
                (way_is_problem(family, way) ? status_problem : status_notice)(s, "%s", text);
        return r;
}

int judge_ways(Status *s, const Delegation *d) {
        const char *addresses[] = { asked_at(s, GLUE_IPV4), asked_at(s, GLUE_IPV6) };
        int r = 0;

        /* Of a family whose record is wrong it was told why nobody asks by it. */
        for (unsigned f = 0; r >= 0 && addresses[0] && addresses[1] && f < ELEMENTSOF(addresses); f++)
                if (!s->glue_told[f])
                        r = judge_family(s, d, f, addresses[f]);
        return r;
}
