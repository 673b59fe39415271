/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* How much memory this process may have, bytes: what its control group or one above says (MemoryMax=), or
 * half of the machine's. root: where /proc and /sys are, "" but in tests. */
uint64_t memory_limit(const char *root);
