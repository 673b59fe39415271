/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Where a visitor goes after the login: only on the same host. Pure. */

#define TARGET_MAX 4096U /* characters */

/* True for a path (with query) on the same host that is safe as a Location: "/…", but neither "//…" nor
 * "/\…", printable ASCII without a backslash, and none of the pages that would only lead back here. */
bool target_is_valid(const char *s);

/* The target where it is valid, else "/". */
const char *target_or_root(const char *s);

/* The target as the value of a query parameter: all but unreserved characters and "/" as %XX. NULL: no
 * memory. */
char *target_encode(const char *s);
