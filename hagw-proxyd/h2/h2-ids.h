/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How a visitor's last streams came to their end. nghttp2 forgets a stream that is closed and passes over
 * what still comes on it: right where we ended it, since what he sent may have crossed that. Where he ended
 * it himself, or has passed its number over, he is at fault (RFC 9113 sections 5.1 and 5.1.1). */

#define H2_IDS 64U /* that are known: a client's have every second number. Older ones are let pass. */

typedef struct H2Ids {
        int32_t last;           /* opened last */
        uint64_t opened, ended; /* bit n: of the one n before the last; ended by him */
} H2Ids;

typedef enum H2Past {
        H2_PAST_OURS,    /* or nothing is known */
        H2_PAST_ENDED,   /* he has said himself that no more comes */
        H2_PAST_SKIPPED, /* never opened, and can be no more */
} H2Past;

/* False: it is none that he can open, or no longer. */
bool h2_ids_open(H2Ids *ids, int32_t id);
void h2_ids_end(H2Ids *ids, int32_t id);
H2Past h2_ids_past(const H2Ids *ids, int32_t id);
