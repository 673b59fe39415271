/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jumps of the wall clock. */

#include "libhagw/pure/clockmark.h"

int64_t clock_mark_look(ClockMark *m, uint64_t realtime_usec, uint64_t boottime_usec) {
        const ClockMark before = *m;
        int64_t jump;

        *m = (ClockMark) { realtime_usec, boottime_usec };
        if (before.boottime_usec == 0)
                return 0;
        jump = (int64_t) (realtime_usec - before.realtime_usec) -
               (int64_t) (boottime_usec - before.boottime_usec);
        return jump >= (int64_t) CLOCK_JUMP_MIN_USEC || -jump >= (int64_t) CLOCK_JUMP_MIN_USEC ? jump : 0;
}

uint64_t clock_shift(uint64_t usec, int64_t jump_usec) {
        if (usec == 0 || usec == USEC_INFINITY)
                return usec;
        if (jump_usec < 0)
                return usec > (uint64_t) -jump_usec ? usec - (uint64_t) -jump_usec : 1;
        return usec < USEC_INFINITY - 1 - (uint64_t) jump_usec ? usec + (uint64_t) jump_usec
                                                               : USEC_INFINITY - 1;
}
