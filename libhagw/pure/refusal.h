/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Why a relay does not let a visitor in to a tenant's house: a row each. Pure. */

#define REFUSAL_LOG_USEC (60U * 1000000U) /* a tenant's refusals of one kind are logged so often at most */

/* And of all tenants of a worker together, so often in that time: who knows many tenants' names can have
 * each of them refuse him. */
#define REFUSAL_LINES_MAX 30U

/* io.hagw.Proxy.RefusalReason, in its order. */
typedef enum Refusal {
        REFUSAL_NONE,
        REFUSAL_SUSPENDED,
        REFUSAL_EXHAUSTED,   /* the month's bytes */
        REFUSAL_CONNECTIONS, /* more in a second than may */
        REFUSAL_AWAY,        /* no machine is attached, nor expected */
        REFUSAL_CHANNELS,    /* no channel came free in time, or too many wait for one */
        REFUSAL_HOUSE,       /* a channel was there, and the house ended it instead of opening */
        REFUSAL_HOST,        /* and the same for a name that it has no host for */
        _REFUSAL_MAX,
        _REFUSAL_INVALID = -EINVAL,
} Refusal;

/* As the list, the figures and the wire call it; static. */
const char *refusal_name(Refusal r);
Refusal refusal_from_name(const char *name);
/* Behind "refused: ", in words that say whose it is. */
const char *refusal_text(Refusal r);

/* How often, and how much of that was logged. Times are CLOCK_MONOTONIC, 0: never. */
typedef struct RefusalCount {
        uint64_t n, last_usec;
        uint64_t logged, logged_usec;
        bool over; /* what they were refused for is no more, since the last one */
} RefusalCount;

void refusal_count(RefusalCount *c, uint64_t now_usec);
/* The limit is another, say: who comes now is not refused for that, as far as is known. */
void refusal_end(RefusalCount *c);
typedef struct RefusalLines { /* zero-initialized: none yet */
        uint64_t begin_usec;
        unsigned n; /* since then */
} RefusalLines;
/* How many are to be logged now, which is then done; 0: none, or not yet. */
uint64_t refusal_take(RefusalCount *c, RefusalLines *lines, uint64_t now_usec);
