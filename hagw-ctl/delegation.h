/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/pure/macro.h"

/* Does the world find this gateway when it asks for the zone? hagw-dnsd makes up a name, hagw-netd asks the
 * system's resolver for it, and what counts is whether the question comes back here, and from where: an
 * answer alone may be somebody else's, or a resolver's memory. */

typedef enum DelegationVerdict {
        DELEGATION_WORKS,     /* asked from the internet, now or a moment ago */
        DELEGATION_INSIDE,    /* asked, but from inside the house: it leads here, more is not known */
        DELEGATION_UNSEEN,    /* the parent zone has it, and this machine's resolver does not know */
        DELEGATION_UDP_ONLY,  /* asked from the internet, but TCP does not come through */
        DELEGATION_MISSING,   /* the parent zone does not know the zone */
        DELEGATION_SILENT,    /* it is delegated, but the question did not come here */
        DELEGATION_ELSEWHERE, /* somebody else answers for it */
        DELEGATION_UNKNOWN,   /* the question could not be asked */
        _DELEGATION_MAX,
} DelegationVerdict;

const char *delegation_verdict_text(DelegationVerdict v); /* as --json gives it */
bool delegation_is_problem(DelegationVerdict v);
bool delegation_is_lost(const char *text); /* by that word: known to lead nowhere */

typedef struct Delegation {
        DelegationVerdict verdict;
        char *zone, *name_server; /* NULL: it was not looked at */
        char *delegated; /* the name server that the zone above names; NULL: that is not known */
        char *seen;      /* by the verdict: who asked or answers, or what the resolver says instead */
        char *detail;    /* that in words (delegation-say.c); NULL where nothing is to be said */
        /* When a question last came from the internet, 0: none since then; both 0: not known. By IPv4, by
         * IPv6; by UDP, by TCP. */
        uint64_t last_usec, since_usec, ways_usec[2][2];
        bool came[2][2]; /* just now */
        bool remembered; /* it works by what was last seen, and was not seen just now */
} Delegation;
void delegation_done(Delegation *d);

/* A question from the internet this long ago shows more than one that was lost now. */
#define DELEGATION_RECENT_USEC USEC_PER_MINUTE
/* As long as this it counts where this machine's resolver asks from inside, and so shows nothing. */
#define DELEGATION_GOOD_USEC USEC_PER_DAY
/* For each question; there are at most four. */
#define DELEGATION_QUERY_USEC (6 * USEC_PER_SEC)

/* One question, to the system's resolver or (server) elsewhere: io.hagw.Net.Query's reply, or why not. */
int delegation_query(const char *name, const char *type, const char *server, sd_json_variant **ret,
                     char **ret_reason);

/* What a server of the zone above says when it is asked for the zone's NS (io.hagw.Net.Query's reply). 1: it
 * is there; 0: it could not be asked; -ENOMEM. */
int delegation_ask_parent(const char *zone, sd_json_variant **ret);

/* zone and name_server normalized. Returns -ENOMEM or 0. */
int delegation_check(const char *zone, const char *name_server, const Config *config, Delegation *ret);

/* Asks for a made-up name of the zone that only questions by that family ("ipv4", "ipv6") get an answer for.
 * 1: came says by which ways questions came from outside; 0: it was not asked, or that shows nothing. */
int delegation_try_family(const char *zone, const char *family, bool came[static 2][2]);

/* What zones of one verdict have in common, in one sentence with what mends it; to be freed. NULL: there is
 * nothing to say. -ENOMEM or 0. */
int delegation_say(const Delegation *const *all, size_t n, const Config *config, char **ret);
/* Whether zones with that verdict have it for one reason. */
bool delegation_is_shared(DelegationVerdict v);

/* What stands between the internet and this machine: a house's router, a relay's firewall. NULL: no
 * configuration is known. */
const char *delegation_door(const Config *config);
/* What it is to be let do: "router pass port 53, …", "router send its port 53, … to port 5300 …". */
#define ROUTER_TEXT_MAX 80U
const char *delegation_router_text(const Config *config, char out[static ROUTER_TEXT_MAX]);
