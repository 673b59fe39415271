/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a finding is called. No I/O. */

#include <stdio.h>

#include "hagw-ctl/findname.h"

static bool is_unit(const char *word, size_t n) {
        static const char *const words[] = { "s",   "min", "h",    "d",   "days",
                                             "ago", "in",  "just", "now", "MiB" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strlen(words[i]) == n && memcmp(words[i], word, n) == 0)
                        return true;
        return false;
}

/* Words with a figure in them, and those that go with times. */
static bool word_changes(const char *word, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (word[i] >= '0' && word[i] <= '9')
                        return true;
        while (n > 0 && strchr(".,:;", word[n - 1]))
                n--;
        return is_unit(word, n);
}

static int without_figures(const char *text, char **ret) {
        char *out = malloc(strlen(text) + 1), *p = out;

        if (!out)
                return -ENOMEM;
        while (*text) {
                const size_t n = strcspn(text, " ");

                if (n > 0 && !word_changes(text, n)) {
                        if (p > out)
                                *p++ = ' ';
                        p = mempcpy(p, text, n);
                }
                text += n + (text[n] == ' ');
        }
        *p = '\0';
        *ret = out;
        return 0;
}

int finding_name(const char *format, va_list ap, const char *text, char **ret) {
        const char *first = strchr(format, '%');
        va_list copy;
        const char *subject = "";

        if (streq(format, "%s"))
                return without_figures(text, ret);
        if (first && first[1] == 's') {
                va_copy(copy, ap);
                subject = va_arg(copy, const char *) ?: "";
                va_end(copy);
        }
        if (asprintf(ret, "%s|%s", format, subject) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}
