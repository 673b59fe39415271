/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base64url without padding. */

#include "libhagw/pure/base64url.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *base64url_encode(const void *data, size_t size) {
        const uint8_t *p = data;
        char *s, *q;

        s = q = malloc(BASE64URL_LENGTH(size) + 1);
        if (!s)
                return NULL;
        for (size_t i = 0; i < size; i += 3) {
                size_t left = MIN(size - i, (size_t) 3);
                uint32_t v = (uint32_t) p[i] << 16;

                if (left > 1)
                        v |= (uint32_t) p[i + 1] << 8;
                if (left > 2)
                        v |= p[i + 2];
                for (size_t k = 0; k < left + 1; k++)
                        *q++ = alphabet[(v >> (18 - 6 * k)) & 63];
        }
        *q = '\0';
        return s;
}

static int digit(char c) {
        const char *p = c ? strchr(alphabet, c) : NULL;
        return p ? (int) (p - alphabet) : -EINVAL;
}

int base64url_decode(const char *s, size_t length, void **ret, size_t *ret_size) {
        _cleanup_free_ uint8_t *out = NULL;
        size_t n = 0, bits = 0;
        uint32_t v = 0;

        if (length % 4 == 1)
                return -EINVAL;
        out = malloc(length * 3 / 4 + 1);
        if (!out)
                return -ENOMEM;
        for (size_t i = 0; i < length; i++) {
                int d = digit(s[i]);

                if (d < 0)
                        return -EINVAL;
                v = v << 6 | (uint32_t) d;
                bits += 6;
                if (bits >= 8) {
                        bits -= 8;
                        out[n++] = (uint8_t) (v >> bits);
                        v &= (1U << bits) - 1;
                }
        }
        if (v != 0)
                return -EINVAL;
        *ret = TAKE_PTR(out);
        *ret_size = n;
        return 0;
}
