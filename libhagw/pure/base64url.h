/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* base64url without padding (RFC 4648 section 5, as RFC 7515 uses it). Pure. */

/* Characters for n bytes, without a NUL. */
#define BASE64URL_LENGTH(n) (((n) * 4 + 2) / 3)

/* A new NUL-terminated string, to be freed; NULL: no memory. */
char *base64url_encode(const void *data, size_t size);

/* Strict: no padding, no white space, no stray bits. -EINVAL, -ENOMEM. */
int base64url_decode(const char *s, size_t length, void **ret, size_t *ret_size);
