/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Notices that the wall clock was set, by comparing it with one that nobody sets. Pure. */

#define CLOCK_JUMP_MIN_USEC USEC_PER_MINUTE /* what is less is a correction that nobody feels */

typedef struct ClockMark {
        uint64_t realtime_usec, boottime_usec; /* of the last look; 0: there was none */
} ClockMark;

/* How far CLOCK_REALTIME was set forwards (negative: back) since the last look; 0: it was not. */
int64_t clock_mark_look(ClockMark *m, uint64_t realtime_usec, uint64_t boottime_usec);

/* A time noted before the clock was set, as the clock says it now. 0 and USEC_INFINITY are no times. */
uint64_t clock_shift(uint64_t usec, int64_t jump_usec);
