/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Server cookies in RFC 9018's form: version 1, three reserved octets, a time stamp, SipHash-2-4 over client
 * cookie, those, and the client's address. Without state: the secret is all that is remembered, and it is
 * new at each start. */

#include <endian.h>

#include "hagw-dnsd/cookie.h"

#define SERVER_COOKIE_MIN 8U
#define SERVER_COOKIE_MAX 32U
#define AGE_MAX_SEC 3600 /* RFC 9018 section 4.3 */
#define FUTURE_MAX_SEC 300

/* Hashes what stands in cookie (client cookie, version, reserved, time stamp) and the address. */
static uint64_t cookie_hash(const uint8_t cookie[static 16], const IpAddress *client,
                            const uint8_t *secret) {
        uint8_t input[16 + 16];
        size_t n = client->family == AF_INET ? 4 : 16;

        memcpy(input, cookie, 16);
        memcpy(input + 16, client->bytes, n);
        return htole64(siphash24(input, 16 + n, secret));
}

CookieVerdict cookie_check(const uint8_t *data, size_t size, const IpAddress *client, uint32_t now_sec,
                           const uint8_t secret[static SIPHASH_KEY_SIZE]) {
        uint32_t stamp;
        uint64_t hash;
        int32_t age;

        if (size == COOKIE_CLIENT_SIZE)
                return COOKIE_CLIENT;
        if (size < COOKIE_CLIENT_SIZE + SERVER_COOKIE_MIN || size > COOKIE_CLIENT_SIZE + SERVER_COOKIE_MAX)
                return COOKIE_MALFORMED;
        if (size != COOKIE_SIZE || data[8] != 1)
                return COOKIE_CLIENT;
        memcpy(&stamp, data + 12, sizeof(stamp));
        /* Serial number arithmetic (RFC 1982), so that 2106 is a day like others. */
        age = (int32_t) (now_sec - be32toh(stamp));
        if (age > AGE_MAX_SEC || age < -FUTURE_MAX_SEC)
                return COOKIE_CLIENT;
        hash = cookie_hash(data, client, secret);
        /* No early exit that a stopwatch could see. */
        uint8_t difference = 0;
        for (size_t i = 0; i < sizeof(hash); i++)
                difference |= ((const uint8_t *) &hash)[i] ^ data[16 + i];
        return difference == 0 ? COOKIE_VALID : COOKIE_CLIENT;
}

void cookie_make(const uint8_t client_cookie[static COOKIE_CLIENT_SIZE], const IpAddress *client,
                 uint32_t now_sec, const uint8_t secret[static SIPHASH_KEY_SIZE],
                 uint8_t out[static COOKIE_SIZE]) {
        const uint32_t stamp = htobe32(now_sec);
        uint64_t hash;

        memcpy(out, client_cookie, COOKIE_CLIENT_SIZE);
        memcpy(out + 8, (const uint8_t[]) { 1, 0, 0, 0 }, 4);
        memcpy(out + 12, &stamp, sizeof(stamp));
        hash = cookie_hash(out, client, secret);
        memcpy(out + 16, &hash, sizeof(hash));
}
