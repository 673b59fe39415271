/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Enrolment codes as text. */

#include "libhagw/pure/relaycode.h"

#define GROUP 4U

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void relay_code_format(const uint8_t bytes[static RELAY_CODE_BYTES], char *out) {
        unsigned bits = 0, n = 0;
        uint32_t v = 0;

        for (size_t i = 0; i < RELAY_CODE_BYTES; i++) {
                v = v << 8 | bytes[i];
                for (bits += 8; bits >= 5; bits -= 5) {
                        if (n > 0 && n % GROUP == 0)
                                *out++ = '-';
                        *out++ = alphabet[v >> (bits - 5) & 31];
                        n++;
                }
        }
        *out = '\0';
}

static int digit(char c) {
        const char *p;

        if (c >= 'a' && c <= 'z')
                c = (char) (c - 'a' + 'A');
        c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
        p = c ? strchr(alphabet, c) : NULL;
        return p ? (int) (p - alphabet) : -EINVAL;
}

int relay_code_parse(const char *typed, uint8_t ret[static RELAY_CODE_BYTES]) {
        uint8_t bytes[RELAY_CODE_BYTES] = {};
        unsigned bits = 0, n = 0;
        size_t filled = 0;
        uint32_t v = 0;

        if (strnlen(typed, RELAY_CODE_TYPED_MAX + 1) > RELAY_CODE_TYPED_MAX)
                return -EINVAL;
        for (; *typed; typed++) {
                int d;

                if (*typed == '-' || *typed == ' ')
                        continue;
                d = digit(*typed);
                if (d < 0 || ++n > RELAY_CODE_LENGTH)
                        return -EINVAL;
                v = v << 5 | (uint32_t) d;
                bits += 5;
                if (bits >= 8) {
                        bits -= 8;
                        bytes[filled++] = (uint8_t) (v >> bits);
                }
        }
        if (n != RELAY_CODE_LENGTH)
                return -EINVAL;
        memcpy(ret, bytes, sizeof(bytes));
        return 0;
}
