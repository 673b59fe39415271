/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The content of a COOKIE option. Nobody guesses one that is valid. */

#include "hagw-dnsd/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const uint8_t secret[SIPHASH_KEY_SIZE] = "fifteen letters";
        const IpAddress client = { AF_INET, { 192, 0, 2, 9 } };
        CookieVerdict verdict = cookie_check(data, size, &client, 1000, secret);
        uint8_t out[COOKIE_SIZE];

        assert(verdict != COOKIE_VALID);
        assert((verdict == COOKIE_MALFORMED) == (size != 8 && (size < 16 || size > 40)));
        if (verdict == COOKIE_CLIENT) {
                cookie_make(data, &client, 1000, secret, out);
                assert(cookie_check(out, sizeof(out), &client, 1000, secret) == COOKIE_VALID);
        }
        return 0;
}
