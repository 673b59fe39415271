/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lists of strings. Any thread. */

#include "libhagw/pure/strv.h"

char **strv_free(char **l) {
        for (char **p = l; p && *p; p++)
                free(*p);
        free(l);
        return NULL;
}

size_t strv_length(char *const *l) {
        size_t n = 0;

        while (l && l[n])
                n++;
        return n;
}

bool strv_contains(char *const *l, const char *s) {
        for (; l && *l; l++)
                if (streq(*l, s))
                        return true;
        return false;
}

bool strv_contains_all(char *const *l, char *const *wanted) {
        for (; wanted && *wanted; wanted++)
                if (!strv_contains(l, *wanted))
                        return false;
        return true;
}

char **strv_copy(char *const *l) {
        const size_t n = strv_length(l);
        char **copy = calloc(n + 1, sizeof(*copy));

        if (!copy)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                copy[i] = strdup(l[i]);
                if (!copy[i])
                        return strv_free(copy);
        }
        return copy;
}
