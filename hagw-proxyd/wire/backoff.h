/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* How long to wait before the next try: exponential back-off with full jitter, so that those who lost the
 * same relay at the same moment do not come back at the same moment. Pure. */

typedef struct Backoff {
        unsigned n_failed;   /* {} in the beginning, and when things went well */
        unsigned n_promised; /* how often in a row it was said that the next try is as good as the first */
} Backoff;

/* Counts one more failure and returns what to wait, usec: anything from floor to least doubled with each
 * failure up to most, by the random number. floor <= least <= most. */
uint64_t backoff_next(Backoff *b, uint64_t floor, uint64_t least, uint64_t most, uint64_t random);
/* Who failed has said that he is back at once, and is believed: begins anew. False: he has said so most
 * times in a row, and nothing is changed. */
bool backoff_begin_anew(Backoff *b, unsigned most);
