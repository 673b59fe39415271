/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages as people read them, on a telephone's lock screen first: what is new comes before what is
 * over. */

#include <stdio.h>

#include "hagw-notify/words.h"

static void put_list(FILE *f, const char *title, const Finding *const *list, size_t n) {
        if (n == 0)
                return;
        fprintf(f, "%s:\n", title);
        for (size_t i = 0; i < n; i++)
                fprintf(f, "- %s\n", list[i]->text);
        fprintf(f, "\n");
}

static int subject_of(const char *host, const News *news, char **ret) {
        const size_t n = news->n_begun + news->n_left;
        int r;

        if (n == 0)
                r = asprintf(ret, "hagw at %s: all is well again", host);
        else if (news->n_begun == 0)
                r = asprintf(ret, "hagw at %s: %zu over, %zu left", host, news->n_over, n);
        else
                r = asprintf(ret, "hagw at %s needs attention%s", host,
                             news->n_begun < n ? ": one more thing" : "");
        return r < 0 ? -ENOMEM : 0;
}

int words_of_news(const char *host, const News *news, Words *ret) {
        _cleanup_free_ char *text = NULL;
        char *subject;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return -ENOMEM;
        put_list(f, "Needs attention", news->begun, news->n_begun);
        put_list(f, "Over", news->over, news->n_over);
        fprintf(f, "\"hagw-ctl status\" at %s shows it all.\n", host);
        if (fclose(f) != 0 || subject_of(host, news, &subject) < 0)
                return -ENOMEM;
        *ret = (Words) { .subject = subject, .text = TAKE_PTR(text) };
        return 0;
}

int words_of_test(const char *host, Words *ret) {
        char *subject, *text;

        if (asprintf(&subject, "hagw at %s: a test", host) < 0)
                return -ENOMEM;
        if (asprintf(&text,
                     "This is what \"hagw-ctl notify test\" sends. What needs attention at %s comes here, "
                     "once, and when it is over.\n",
                     host) < 0) {
                free(subject);
                return -ENOMEM;
        }
        *ret = (Words) { .subject = subject, .text = text };
        return 0;
}

void words_done(Words *w) {
        free(w->subject);
        free(w->text);
        *w = (Words) {};
}
