/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"
#include "libhagw/pure/siphash.h"

/* Response rate limiting: a token bucket per client network (IPv4 /24, IPv6 /56), in a table of fixed size.
 * Pure: time comes in. Whoever forges many source addresses fills the table, and then pushes out the fullest
 * buckets first: those of networks that were quiet, never the one that is being limited. */

#define RRL_SETS 4096U
#define RRL_WAYS 4U
#define RRL_SLIP                                                                                            \
        2U /* every second limited query gets a short answer, so that a real client can come back by TCP */

typedef enum RrlVerdict { RRL_PASS, RRL_DROP, RRL_SLIPPED } RrlVerdict;

typedef struct RrlBucket {
        uint32_t key;    /* 0: free */
        uint32_t last_msec;
        uint64_t tokens; /* thousandths of an answer */
} RrlBucket;

typedef struct Rrl {
        unsigned rate; /* answers per second and network, also the burst; 0: no limit */
        unsigned limited;
        uint8_t seed[SIPHASH_KEY_SIZE];
        RrlBucket buckets[RRL_SETS][RRL_WAYS];
} Rrl;

/* seed: random, so that nobody can aim at a bucket. */
Rrl *rrl_new(unsigned rate, const uint8_t seed[static SIPHASH_KEY_SIZE]);
Rrl *rrl_free(Rrl *r);
DEFINE_TRIVIAL_CLEANUP_FUNC(Rrl *, rrl_free)

/* now_msec: any clock that does not go back; it may wrap. */
RrlVerdict rrl_check(Rrl *r, const IpAddress *client, uint32_t now_msec);
