/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* "ID.SEAL.SEAL…": the browser's random id, and a seal for each user. No state; any thread. */

#include <stdio.h>

#include "hagw-webd/device.h"

#define PURPOSE "device"

/* One of the parts, each TOKEN_LENGTH characters long, between dots. False: there are not so many. */
static bool part(const char *value, size_t i, char *out) {
        const size_t n = value ? strlen(value) : 0, start = i * (TOKEN_LENGTH + 1);

        if (n >= DEVICE_SIZE || (n + 1) % (TOKEN_LENGTH + 1) != 0 || start >= n ||
            (i > 0 && value[start - 1] != '.'))
                return false;
        memcpy(out, value + start, TOKEN_LENGTH);
        out[TOKEN_LENGTH] = '\0';
        return token_is_well_formed(out);
}

static int seal(const uint8_t key[static TOKEN_KEY_SIZE], const char *host, const char *user,
                const char *hash, const char *id, char *out) {
        _cleanup_free_ char *whole = NULL;
        int r;

        /* A user's name and an id have no blank in them. */
        if (asprintf(&whole, "%s %s %s", id, user, strempty(hash)) < 0) {
                whole = NULL;
                return -ENOMEM;
        }
        r = token_seal(key, PURPOSE, host, whole, out);
        explicit_bzero(whole, strlen(whole));
        return r;
}

bool device_is_known(const uint8_t key[static TOKEN_KEY_SIZE], const char *host, const char *user,
                     const char *hash, const char *value, char *ret) {
        char id[TOKEN_LENGTH + 1], expected[TOKEN_LENGTH + 1], given[TOKEN_LENGTH + 1];
        bool known = false;

        if (!part(value, 0, id) || seal(key, host, user, hash, id, expected) < 0)
                return false;
        for (size_t i = 1; part(value, i, given); i++)
                known |= token_is_equal(given, expected);
        if (!known || !hash)
                return false;
        memcpy(ret, expected, sizeof(expected));
        return true;
}

int device_remember(const uint8_t key[static TOKEN_KEY_SIZE], const char *host, const char *user,
                    const char *hash, const char *value, char *out) {
        char id[TOKEN_LENGTH + 1], mine[TOKEN_LENGTH + 1], other[TOKEN_LENGTH + 1];
        size_t n = 1;
        int r = 0;
        char *p;

        if (!part(value, 0, id))
                r = token_new(id);
        if (r >= 0)
                r = seal(key, host, user, hash, id, mine);
        if (r < 0)
                return r;
        p = stpcpy(stpcpy(stpcpy(out, id), "."), mine);
        for (size_t i = 1; n < DEVICE_USERS_MAX && part(value, i, other); i++)
                if (!streq(other, mine)) {
                        p = stpcpy(stpcpy(p, "."), other);
                        n++;
                }
        return 0;
}
