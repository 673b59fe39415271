/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The writer of OpenMetrics text. Pure. */

#include <math.h>
#include <stdio.h>

#include "hagw-webd/openmetrics.h"

#define NAME_MAX_LENGTH 128U

static bool name_is_valid(const char *s) {
        size_t n = strlen(s);

        return n >= 1 && n <= NAME_MAX_LENGTH && s[0] >= 'a' && s[0] <= 'z' &&
                strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

bool figure_is_valid(const Figure *f) {
        if (!name_is_valid(f->name) || !isfinite(f->value) || (f->counter && f->value < 0))
                return false;
        for (size_t i = 0; i < f->n_labels; i++)
                if (!name_is_valid(f->labels[2 * i]))
                        return false;
        return true;
}

/* quotes: a label's value, where they are escaped too. */
static void put(FILE *out, const char *s, bool quotes) {
        for (; *s; s++)
                if (*s == '\n')
                        (void) fputs("\\n", out);
                else {
                        if (*s == '\\' || (quotes && *s == '"'))
                                (void) fputc('\\', out);
                        (void) fputc(*s, out);
                }
}

static void put_label(FILE *out, const char *name, const char *value, bool *first) {
        (void) fprintf(out, "%s%s=\"", *first ? "{" : ",", name);
        put(out, value, /* quotes= */ true);
        (void) fputc('"', out);
        *first = false;
}

static void put_sample(FILE *out, const Figure *f) {
        bool first = true;

        (void) fprintf(out, "hagw_%s%s", f->name, f->counter ? "_total" : "");
        if (f->daemon)
                put_label(out, "daemon", f->daemon, &first);
        for (size_t i = 0; i < f->n_labels; i++)
                put_label(out, f->labels[2 * i], f->labels[2 * i + 1], &first);
        (void) fprintf(out, "%s %.15g\n", first ? "" : "}", f->value);
}

/* By name; figures of one name stay in the order they came in, which their addresses tell. */
static int compare(const void *a, const void *b) {
        const Figure *const *x = a, *const *y = b;
        int r = strcmp((*x)->name, (*y)->name);

        return r != 0 ? r : (*x > *y) - (*x < *y);
}

int openmetrics_write(const Figure *figures, size_t n, char **ret) {
        _cleanup_free_ const Figure **sorted = calloc(n + 1, sizeof(*sorted));
        const Figure *family = NULL;
        char *text = NULL;
        size_t size;
        FILE *out;

        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                sorted[i] = figures + i;
        qsort(sorted, n, sizeof(*sorted), compare);
        out = open_memstream(&text, &size);
        if (!out)
                return -errno;
        for (size_t i = 0; i < n; i++) {
                const Figure *f = sorted[i];
                if (!family || !streq(family->name, f->name)) {
                        family = f;
                        (void) fprintf(out, "# TYPE hagw_%s %s\n# HELP hagw_%s ", f->name,
                                       f->counter ? "counter" : "gauge", f->name);
                        put(out, f->help, /* quotes= */ true);
                        (void) fputc('\n', out);
                }
                if (f->counter == family->counter)
                        put_sample(out, f);
        }
        (void) fputs("# EOF\n", out);
        if (fclose(out) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}
