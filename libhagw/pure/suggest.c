/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The word somebody probably meant. */

#include "libhagw/pure/suggest.h"

#define WORD_MAX 64U /* longer words get no suggestion */

/* Optimal string alignment distance with three rolling rows. */
static size_t distance(const char *a, size_t n, const char *b, size_t m) {
        size_t rows[3][WORD_MAX + 1];

        for (size_t j = 0; j <= m; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= n; i++) {
                size_t *now = rows[i % 3], *before = rows[(i - 1) % 3], *earlier = rows[(i + 1) % 3];

                now[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        size_t cost = a[i - 1] != b[j - 1];
                        size_t best = MIN(MIN(now[j - 1], before[j]) + 1, before[j - 1] + cost);

                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                best = MIN(best, earlier[j - 2] + 1);
                        now[j] = best;
                }
        }
        return rows[n % 3][m];
}

const char *suggest(const char *word, const char *const *candidates) {
        size_t n = strlen(word), best = MAX(n / 3, (size_t) 1) + 1;
        const char *found = NULL;

        if (n == 0 || n > WORD_MAX)
                return NULL;
        for (; *candidates; candidates++) {
                size_t m = strlen(*candidates), d;

                if (m > WORD_MAX)
                        continue;
                d = distance(word, n, *candidates, m);
                if (d < best) {
                        best = d;
                        found = *candidates;
                }
        }
        return found;
}
