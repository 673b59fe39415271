/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base32 in lower case without padding. */

#include "libhagw/pure/base32.h"

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

void base32_encode(const void *data, size_t size, char *out) {
        const uint8_t *p = data;
        unsigned bits = 0;
        uint32_t v = 0;

        for (size_t i = 0; i < size; i++) {
                v = v << 8 | p[i];
                for (bits += 8; bits >= 5; bits -= 5)
                        *out++ = alphabet[v >> (bits - 5) & 31];
        }
        if (bits > 0)
                *out++ = alphabet[v << (5 - bits) & 31];
        *out = '\0';
}

static int digit(char c) {
        if (c >= 'a' && c <= 'z')
                return c - 'a';
        return c >= '2' && c <= '7' ? c - '2' + 26 : -EINVAL;
}

int base32_decode(const char *s, size_t length, void *out, size_t size) {
        uint8_t *p = out;
        unsigned bits = 0;
        uint32_t v = 0;

        if (length != BASE32_LENGTH(size))
                return -EINVAL;
        for (size_t i = 0; i < length; i++) {
                int d = digit(s[i]);

                if (d < 0)
                        return -EINVAL;
                v = v << 5 | (uint32_t) d;
                bits += 5;
                if (bits >= 8) {
                        bits -= 8;
                        *p++ = (uint8_t) (v >> bits);
                }
        }
        return (v & ((1U << bits) - 1)) == 0 ? 0 : -EINVAL;
}
