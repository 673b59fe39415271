/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Lists of strings that end in NULL, owned together with their strings. NULL is a list without any. Pure. */

/* Returns NULL. A list whose copy broke off is taken, too. */
char **strv_free(char **l);
static inline void strv_freep(char ***p) {
        *p = strv_free(*p);
}

size_t strv_length(char *const *l);
bool strv_contains(char *const *l, const char *s);
/* Each of wanted, in any order, is in l. */
bool strv_contains_all(char *const *l, char *const *wanted);

/* Never NULL but where there is no memory; of NULL it is a list of its own, too. */
char **strv_copy(char *const *l);
