/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* base32 in lower case without padding (RFC 4648 section 6). Pure. */

/* Characters for n bytes, without a NUL. */
#define BASE32_LENGTH(n) (((n) * 8 + 4) / 5)

/* out has room for BASE32_LENGTH(size) + 1. */
void base32_encode(const void *data, size_t size, char *out);

/* Exactly BASE32_LENGTH(size) characters into size bytes. Strict: lower case, no padding, no stray bits.
 * -EINVAL leaves anything in out. */
int base32_decode(const char *s, size_t length, void *out, size_t size);
