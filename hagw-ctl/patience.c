/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Patience. */

#include "hagw-ctl/patience.h"

uint64_t patience_get(const Patience *p) {
        return p->waited_usec >= PATIENCE_FIRST_USEC ? PATIENCE_FURTHER_USEC : PATIENCE_FIRST_USEC;
}

void patience_spend(Patience *p, uint64_t usec) { p->waited_usec += usec; }
