/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The token buckets. One allocation at the start, none later. */

#include "hagw-dnsd/rrl.h"

#define COST 1000U /* one answer, in thousandths */
#define NETWORK_OCTETS_IPV4 3U
#define NETWORK_OCTETS_IPV6 7U

Rrl *rrl_new(unsigned rate, const uint8_t seed[static SIPHASH_KEY_SIZE]) {
        Rrl *r = calloc(1, sizeof(*r));

        if (!r)
                return NULL;
        r->rate = rate;
        memcpy(r->seed, seed, sizeof(r->seed));
        return r;
}

Rrl *rrl_free(Rrl *r) {
        free(r);
        return NULL;
}

static uint64_t network_hash(const Rrl *r, const IpAddress *client) {
        uint8_t network[1 + NETWORK_OCTETS_IPV6];
        size_t n = client->family == AF_INET ? NETWORK_OCTETS_IPV4 : NETWORK_OCTETS_IPV6;

        network[0] = (uint8_t) client->family;
        memcpy(network + 1, client->bytes, n);
        return siphash24(network, 1 + n, r->seed);
}

static void bucket_refill(const Rrl *r, RrlBucket *b, uint32_t now_msec) {
        const uint64_t full = (uint64_t) r->rate * COST;
        const uint32_t elapsed = now_msec - b->last_msec;

        b->tokens = MIN(full, b->tokens + (uint64_t) elapsed * r->rate);
        b->last_msec = now_msec;
}

static RrlBucket *bucket_find(Rrl *r, uint64_t hash, uint32_t now_msec) {
        RrlBucket *set = r->buckets[hash % RRL_SETS], *victim = &set[0];
        const uint32_t key = (uint32_t) (hash >> 32) | 1;

        for (size_t i = 0; i < RRL_WAYS; i++) {
                if (set[i].key == key) {
                        bucket_refill(r, &set[i], now_msec);
                        return &set[i];
                }
                if (set[i].key != 0)
                        bucket_refill(r, &set[i], now_msec);
                if (set[i].key == 0 ? victim->key != 0
                                    : (victim->key != 0 && set[i].tokens > victim->tokens))
                        victim = &set[i];
        }
        *victim = (RrlBucket) { .key = key, .last_msec = now_msec, .tokens = (uint64_t) r->rate * COST };
        return victim;
}

RrlVerdict rrl_check(Rrl *r, const IpAddress *client, uint32_t now_msec) {
        RrlBucket *b;

        if (r->rate == 0)
                return RRL_PASS;
        b = bucket_find(r, network_hash(r, client), now_msec);
        if (b->tokens >= COST) {
                b->tokens -= COST;
                return RRL_PASS;
        }
        return ++r->limited % RRL_SLIP == 0 ? RRL_SLIPPED : RRL_DROP;
}
