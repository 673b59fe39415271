/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* The word for so many: "1 host", "2 hosts", "0 hosts". */
static inline _unused_ const char *plural(uint64_t n, const char *one, const char *many) {
        return n == 1 ? one : many;
}

/* The same of a word that only takes an s. */
#define PLURAL(n, word) plural((n), word, word "s")
