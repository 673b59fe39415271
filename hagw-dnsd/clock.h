/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <time.h>

#include "hagw-dnsd/answer.h"

/* The clock values that the engine takes, as exact as the kernel's tick: enough for cookies and rates, and
 * cheap. */
static inline AnswerTime clock_now(void) {
        struct timespec real, mono;

        (void) clock_gettime(CLOCK_REALTIME_COARSE, &real);
        (void) clock_gettime(CLOCK_MONOTONIC_COARSE, &mono);
        return (AnswerTime) { (uint32_t) real.tv_sec,
                              (uint32_t) (mono.tv_sec * 1000 + mono.tv_nsec / 1000000),
                              (uint32_t) mono.tv_sec };
}
