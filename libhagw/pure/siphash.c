/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SipHash-2-4: two rounds per word, four to finish. */

#include <endian.h>

#include "libhagw/pure/siphash.h"

typedef struct SipState {
        uint64_t v0, v1, v2, v3;
} SipState;

static uint64_t rotate(uint64_t x, unsigned bits) {
        return x << bits | x >> (64 - bits);
}

static uint64_t read_word(const uint8_t *p) {
        uint64_t x;

        memcpy(&x, p, sizeof(x));
        return le64toh(x);
}

static inline void sip_round(SipState *s) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
}

static void sip_word(SipState *s, uint64_t word) {
        s->v3 ^= word;
        sip_round(s);
        sip_round(s);
        s->v0 ^= word;
}

uint64_t siphash24(const void *data, size_t size, const uint8_t key[static SIPHASH_KEY_SIZE]) {
        const uint64_t k0 = read_word(key), k1 = read_word(key + 8);
        SipState s = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                       k1 ^ 0x7465646279746573 };
        const uint8_t *p = data;
        uint64_t last = (uint64_t) size << 56;
        size_t left = size;

        for (; left >= 8; left -= 8, p += 8)
                sip_word(&s, read_word(p));
        for (size_t i = 0; i < left; i++)
                last |= (uint64_t) p[i] << (8 * i);
        sip_word(&s, last);
        s.v2 ^= 0xff;
        for (int i = 0; i < 4; i++)
                sip_round(&s);
        return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
