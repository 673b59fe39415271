/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* A line of the journal that strangers can have written as often as they like: one a minute, or some, with
 * how many it stands for. Times are CLOCK_MONOTONIC in usec, 0: none yet. Pure. */

#define SELDOM_USEC USEC_PER_MINUTE
#define SELDOM_TEXT_MAX 64U

typedef struct Seldom { /* zero-initialized: nothing was told */
        uint64_t untold, told_usec; /* since the minute's first one was told */
        unsigned told;
} Seldom;

/* It happened once more. True: it is to be told now, and out says of how many others before it nothing was
 * told (", and 3 others before it", or nothing). */
bool seldom_take(Seldom *s, uint64_t now_usec, char out[static SELDOM_TEXT_MAX]);
/* The same of a line of which so many are told in a minute: of those whom we know. */
bool seldom_take_of(Seldom *s, unsigned max, uint64_t now_usec, char out[static SELDOM_TEXT_MAX]);
