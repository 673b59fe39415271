/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* A token bucket that holds a second's worth. Pure: the clock is the caller's. */

/* Bytes per second that several connections share. {}: no limit. */
typedef struct RateLimit {
        uint64_t rate;   /* bytes per second; 0: no limit */
        uint64_t tokens; /* bytes that may pass now */
        uint64_t since_usec;
        /* When so many more have passed: once, until it is set anew. 0: never. Must not free the limit. */
        uint64_t until_step;
        void (*on_step)(struct RateLimit *l);
} RateLimit;

/* When to ask again whoever was told 0. */
#define RATE_LIMIT_RETRY_USEC (USEC_PER_SEC / 10)

/* How many bytes may pass now, at most wanted; 0: ask again later. A share is a tenth of a second's worth at
 * least, or a hundredth for one who has waited: he would not get any beside one who never does. Without l
 * there is no limit. */
size_t rate_limit_allow(RateLimit *l, uint64_t now_usec, size_t wanted, bool waited);
/* So many have passed. */
void rate_limit_spend(RateLimit *l, size_t n);
