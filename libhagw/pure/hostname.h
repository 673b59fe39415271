/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Host names in text form (RFC 1123 section 2.1, RFC 1035 section 2.3.1). Pure. */

#define HOSTNAME_MAX 253U /* characters without the trailing dot */
#define HOSTNAME_LABEL_MAX 63U

/* Lower-cases, drops one trailing dot, and checks: labels of letters, digits, "-" and "_" (as it occurs in
 * DNS), no "-" at a label's ends. out has room for HOSTNAME_MAX + 1. Returns the length, or -EINVAL. */
int hostname_normalize(const char *name, size_t size, char *out);

/* Why it refuses one, as a part of a sentence: a label or the whole is too long, or has letters that the DNS
 * writes in another way. False: none of these. */
#define HOSTNAME_WHY_MAX 160U
bool hostname_why(const char *name, size_t size, char out[static HOSTNAME_WHY_MAX]);

/* Both normalized. True where name is zone or ends with "." zone. */
bool hostname_in_zone(const char *name, const char *zone);

/* Normalized: nobody on the internet is asked for it, nor delegates it. */
bool hostname_is_local(const char *name);

/* Both normalized; pattern may start with "*.", which stands for exactly one label (RFC 9525 section 6.3).
 */
bool hostname_matches(const char *name, const char *pattern);
