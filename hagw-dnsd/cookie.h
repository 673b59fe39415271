/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"
#include "libhagw/pure/siphash.h"

/* DNS cookies: the option (RFC 7873) and the interoperable server cookie (RFC 9018). Pure: time comes in. */

#define COOKIE_CLIENT_SIZE 8U
#define COOKIE_SERVER_SIZE 16U      /* the one we make; others may have 8 to 32 octets */
#define COOKIE_SIZE (COOKIE_CLIENT_SIZE + COOKIE_SERVER_SIZE)

typedef enum CookieVerdict {
        COOKIE_MALFORMED, /* FORMERR (RFC 7873 section 5.2.2) */
        COOKIE_CLIENT,    /* a client cookie alone, or with a server cookie that is not ours or too old */
        COOKIE_VALID,     /* who asks really is at that address */
} CookieVerdict;

/* data: the option's content. now_sec: CLOCK_REALTIME. */
CookieVerdict cookie_check(const uint8_t *data, size_t size, const IpAddress *client, uint32_t now_sec,
                           const uint8_t secret[static SIPHASH_KEY_SIZE]);

/* Writes the content of the answer's option: the client's cookie and a fresh server cookie. */
void cookie_make(const uint8_t client_cookie[static COOKIE_CLIENT_SIZE], const IpAddress *client,
                 uint32_t now_sec, const uint8_t secret[static SIPHASH_KEY_SIZE],
                 uint8_t out[static COOKIE_SIZE]);
