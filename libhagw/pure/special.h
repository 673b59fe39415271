/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"

/* IANA's special-purpose address registries (RFC 6890 and its updates), as of November 2026: which
 * addresses the internet does not lead to, so that nobody who comes from it has one. Pure. */

typedef enum SpecialReach {
        SPECIAL_GLOBAL,        /* reached from everywhere: strangers have such addresses */
        SPECIAL_LOCAL,         /* not globally reachable */
        SPECIAL_DOCUMENTATION, /* not either; laboratories that are an internet of their own use them */
} SpecialReach;

/* What becomes of the address by the most particular row that it lies in; where an IPv4 address is
 * embedded (mapped, translated, 6to4, Teredo), what becomes of that. *ret_name, which may be NULL, is
 * the row's name in the registry, or NULL for an ordinary address. */
SpecialReach special_reach(const IpAddress *a, const char **ret_name);

/* Is it one that somebody on the internet may have? documentation: such an address counts as one. */
bool special_is_public(const IpAddress *a, bool documentation);
