/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/request.h"

/* What parts of a head mean, whichever HTTP version carried it. Pure. */

#define JUDGE_LENGTH_DIGITS_MAX 18U /* of Content-Length: no overflow, and more than there is */

static inline _unused_ bool judge_is_digit(char c) {
        return c >= '0' && c <= '9';
}

/* RFC 9110 section 8.6: digits, nothing else; a list of equal values is no length either. */
bool judge_length(Slice s, uint64_t *ret);

/* Nothing that would end a request line, no fragment, ASCII alone (RFC 3986 section 2). */
bool judge_target_is_clean(Slice target);

/* host[:port]: names and IPv6 literals; whether we serve it is the route's business. A colon without a port
 * behind it (RFC 3986 section 3.2.3) is cut off: services that do not know it need not learn it. */
bool judge_authority(Slice *authority, Slice *ret_host);

/* Are they the same, where port, ":443", is what the scheme says anyway (RFC 3986 section 6.2.3)? */
bool judge_authorities_agree(Slice a, Slice b, Slice port);
