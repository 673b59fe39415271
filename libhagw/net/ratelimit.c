/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/net/ratelimit.h"

size_t rate_limit_allow(RateLimit *l, uint64_t now_usec, size_t wanted, bool waited) {
        uint64_t grown, share;

        if (!l || l->rate == 0)
                return wanted;
        if (now_usec - l->since_usec >= USEC_PER_SEC) {
                l->tokens = l->rate;
                l->since_usec = now_usec;
        }
        /* Only the time that whole bytes stand for is used up: however often this is asked, the rate
         * stays. */
        grown = (uint64_t) ((double) l->rate * (double) (now_usec - l->since_usec) / (double) USEC_PER_SEC);
        l->tokens = MIN(l->tokens + grown, l->rate);
        l->since_usec += (uint64_t) ((double) grown * (double) USEC_PER_SEC / (double) l->rate);
        share = MAX(l->rate / (waited ? 100 : 10), UINT64_C(1));
        if (l->tokens < MIN((uint64_t) wanted, share))
                return 0;
        return (size_t) MIN(l->tokens, (uint64_t) wanted);
}

void rate_limit_spend(RateLimit *l, size_t n) {
        if (!l)
                return;
        l->tokens -= MIN(l->tokens, (uint64_t) n);
        if (l->until_step == 0)
                return;
        l->until_step -= MIN(l->until_step, (uint64_t) n);
        if (l->until_step == 0)
                l->on_step(l);
}
