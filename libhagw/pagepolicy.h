/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* What a page of ours may do, as its Content-Security-Policy (CSP Level 3): nothing but its own style and
 * script, named by their hashes, its forms, and the icon within it. */

#define PAGE_POLICY_MAX 512U /* bytes with NUL */

/* style, script: exactly what stands between the tags; script NULL: none. asks: the script asks this host
 * something. -EIO: no hash could be made. */
int page_policy(const char *style, const char *script, bool asks, char out[static PAGE_POLICY_MAX]);
