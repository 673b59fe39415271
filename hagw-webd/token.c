/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Random and keyed tokens. No state; any thread. */

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sys/random.h>

#include "hagw-webd/token.h"
#include "libhagw/pure/base64url.h"

static int encode(const uint8_t bytes[static TOKEN_BYTES], char *out) {
        _cleanup_free_ char *text = base64url_encode(bytes, TOKEN_BYTES);

        if (!text)
                return -ENOMEM;
        memcpy(out, text, TOKEN_LENGTH + 1);
        explicit_bzero(text, TOKEN_LENGTH);
        return 0;
}

int token_new(char *out) {
        uint8_t bytes[TOKEN_BYTES];

        /* Up to 256 bytes come whole, or not at all (getrandom(2)). */
        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes))
                return -EIO;
        return encode(bytes, out);
}

bool token_is_well_formed(const char *s) {
        return strlen(s) == TOKEN_LENGTH &&
               strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == TOKEN_LENGTH;
}

bool token_is_equal(const char *a, const char *b) {
        return gnutls_memcmp(a, b, TOKEN_LENGTH) == 0;
}

int token_hash(const char *token, uint8_t ret[static TOKEN_HASH_SIZE]) {
        return gnutls_hash_fast(GNUTLS_DIG_SHA256, token, strlen(token), ret) < 0 ? -EIO : 0;
}

int token_seal(const uint8_t key[static TOKEN_KEY_SIZE], const char *purpose, const char *host,
               const char *cookie, char *out) {
        const char *parts[] = { purpose, host, cookie };
        uint8_t mac[TOKEN_HASH_SIZE];
        gnutls_hmac_hd_t h;
        int r = 0;

        if (gnutls_hmac_init(&h, GNUTLS_MAC_SHA256, key, TOKEN_KEY_SIZE) < 0)
                return -EIO;
        /* With its NUL, so that no two different triples are the same bytes. */
        for (size_t i = 0; i < ELEMENTSOF(parts) && r >= 0; i++)
                r = gnutls_hmac(h, parts[i], strlen(parts[i]) + 1);
        gnutls_hmac_deinit(h, mac);
        return r < 0 ? -EIO : encode(mac, out);
}

bool token_seal_fits(const uint8_t key[static TOKEN_KEY_SIZE], const char *purpose, const char *host,
                     const char *cookie, const char *seal) {
        char expected[TOKEN_LENGTH + 1];

        if (!cookie || !seal || strlen(seal) != TOKEN_LENGTH ||
            token_seal(key, purpose, host, cookie, expected) < 0)
                return false;
        return token_is_equal(seal, expected);
}
