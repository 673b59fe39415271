/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-webd/users.h"
#include "libhagw/pure/cidr.h"
#include "libhagw/pure/hostname.h"

/* Logins that were refused, counted by account and network: how many in the last hour, and how many that the
 * journal has not heard of. It hears of each at once, and then once a minute, so that guesses cannot drown
 * what else stands there. Times are CLOCK_MONOTONIC in usec, given by the caller. Pure. */

#define REFUSALS_MAX 256U /* accounts and networks told apart; more are counted together */
#define REFUSALS_QUIET_USEC USEC_PER_MINUTE
#define REFUSALS_SLOTS 12U /* of the last hour, 5 minutes each */

typedef struct RefusalCount {
        unsigned wrong; /* the name or the password */
        unsigned early; /* not looked at: too many before */
} RefusalCount;

typedef struct Refusal {
        char account[USER_NAME_MAX + 1]; /* "": nobody's */
        Cidr network; /* without a family: what found no place of its own */
        IpAddress address; /* the newest one's, and where it wanted to go */
        char host[HOSTNAME_MAX + 1];
        RefusalCount slots[REFUSALS_SLOTS], untold;
        uint64_t slot;       /* the newest slot's number */
        uint64_t quiet_usec; /* the journal is left alone until then */
} Refusal;

typedef struct Refusals {
        Refusal *items; /* room for REFUSALS_MAX and the one for the others, or NULL before the first */
        size_t n; /* without that one */
} Refusals;

/* account: NULL or somebody's. -ENOMEM. */
int refusals_add(Refusals *t, const char *account, const IpAddress *address, const char *host, bool early,
                 uint64_t now_usec);

/* The next one that the journal should hear of now, or NULL; refusal_told() takes it off. */
Refusal *refusals_next(Refusals *t, uint64_t now_usec);
void refusal_told(Refusal *f, uint64_t now_usec);
/* When refusals_next() has one again, if nothing is added; USEC_INFINITY: never. */
uint64_t refusals_due_usec(const Refusals *t);

/* In the last hour. */
RefusalCount refusal_hour(const Refusal *f, uint64_t now_usec);
/* All that have something in the last hour, the most first, borrowed; returns how many. */
size_t refusals_list(const Refusals *t, uint64_t now_usec, const Refusal *ret[static REFUSALS_MAX + 1]);

void refusals_done(Refusals *t);
