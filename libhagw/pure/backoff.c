/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Back-off. */

#include "libhagw/pure/backoff.h"

uint64_t backoff_next(Backoff *b, uint64_t floor, uint64_t least, uint64_t most, uint64_t random) {
        uint64_t ceiling = most;

        assert(floor <= least && least <= most);
        if (b->n_failed < 63 && least << b->n_failed >> b->n_failed == least)
                ceiling = MIN(least << b->n_failed, most);
        b->n_failed++;
        return floor + random % (ceiling - floor + 1);
}

uint64_t backoff_after(Backoff *b, uint64_t now_usec, uint64_t least, uint64_t most, uint64_t random) {
        uint64_t ceiling, floor;

        assert(least > 0 && least <= most);
        if (b->since_usec == 0) {
                b->since_usec = now_usec;
                return random % (least + 1);
        }
        ceiling = MIN(MAX((now_usec - b->since_usec) / 5 * 2, least), most);
        floor = ceiling / 8 * 5;
        return floor + random % (ceiling - floor + 1);
}

bool backoff_begin_anew(Backoff *b, unsigned most) {
        if (b->n_promised >= most)
                return false;
        *b = (Backoff) { .n_promised = b->n_promised + 1 };
        return true;
}
