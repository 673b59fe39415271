/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/usec.h"

/* How long one that only looks waits for daemons that are silent. That has one cause, mostly: the first has
 * all the time, and each further one a little. Pure. */

#define PATIENCE_FIRST_USEC (5 * USEC_PER_SEC)
#define PATIENCE_FURTHER_USEC USEC_PER_SEC

typedef struct Patience {
        uint64_t waited_usec; /* for those that did not answer */
} Patience;

uint64_t patience_get(const Patience *p);
/* One did not answer, for so long. */
void patience_spend(Patience *p, uint64_t usec);
