/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* How long to wait before the next try: exponential back-off with full jitter, so that those who lost the
 * same relay at the same moment do not come back at the same moment. Pure. */

typedef struct Backoff {
        unsigned n_failed;   /* {} in the beginning, and when things went well */
        uint64_t since_usec; /* when the first failure of backoff_after() was; 0: there was none */
        unsigned n_promised; /* how often in a row it was said that the next try is as good as the first */
} Backoff;

/* Counts one more failure and returns what to wait, usec: anything from floor to least doubled with each
 * failure up to most, by the random number. floor <= least <= most. */
uint64_t backoff_next(Backoff *b, uint64_t floor, uint64_t least, uint64_t most, uint64_t random);
/* What to wait after a failure at now_usec: between a fourth and two fifths of the time since the first one,
 * so that an outage grows by no more than that for anybody, and who comes back does so over as long a time.
 * The first failure: anything up to least. Never more than most. */
uint64_t backoff_after(Backoff *b, uint64_t now_usec, uint64_t least, uint64_t most, uint64_t random);
/* Who failed has said that he is back at once, and is believed: begins anew. False: he has said so most
 * times in a row, and nothing is changed. */
bool backoff_begin_anew(Backoff *b, unsigned most);
