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
        char *detail; /* what was seen, a sentence or two; NULL where nothing is to be said */
        /* When a question last came from the internet, 0: none since then; both 0: not known. */
        uint64_t last_usec, since_usec;
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

/* What stands between the internet and this machine: a house's router, a relay's firewall. NULL: no
 * configuration is known. */
const char *delegation_door(const Config *config);
/* What it has to do with port 53: "router pass port 53, …", "router send its port 53, … to port 5300 …". */
#define ROUTER_TEXT_MAX 80U
const char *delegation_router_text(const Config *config, char out[static ROUTER_TEXT_MAX]);
