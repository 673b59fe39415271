/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* Does the world find this gateway when it asks for the zone? Asked through io.hagw.Net, from the root as
 * everybody does. */

typedef enum DelegationVerdict {
        DELEGATION_WORKS,
        DELEGATION_MISSING,   /* the parent zone does not know the zone */
        DELEGATION_SILENT,    /* it is delegated, but nobody answers there */
        DELEGATION_ELSEWHERE, /* somebody else answers for it */
        DELEGATION_UNKNOWN,   /* the question could not be asked */
        _DELEGATION_MAX,
} DelegationVerdict;

const char *delegation_verdict_text(DelegationVerdict v); /* one word, as --json gives it */

typedef struct Delegation {
        DelegationVerdict verdict;
        char *detail; /* what was seen, a sentence or two; NULL where it works */
} Delegation;
void delegation_done(Delegation *d);

/* zone and name_server normalized. Returns -ENOMEM or 0. */
int delegation_check(const char *zone, const char *name_server, Delegation *ret);
