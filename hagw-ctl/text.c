/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text in columns: how wide it is, and where it is broken. */

#include <wchar.h>

#include "hagw-ctl/text.h"

/* The bytes of the next character, and its columns. */
static size_t next_character(const char *s, size_t n, mbstate_t *state, size_t *ret_columns) {
        wchar_t w;
        size_t k = mbrtowc(&w, s, n, state);
        int columns;

        if (k == 0 || k > n) { /* not of this locale: a column a byte */
                k = 1;
                w = L'?';
                *state = (mbstate_t) {};
        }
        columns = wcwidth(w);
        *ret_columns = columns > 0 ? (size_t) columns : 0;
        return k;
}

size_t text_width(const char *s) {
        size_t width = 0, n = strlen(s), columns;
        mbstate_t state = {};

        while (n > 0) {
                const size_t k = next_character(s, n, &state, &columns);

                width += columns;
                s += k;
                n -= k;
        }
        return width;
}

size_t text_fit_cell(const char *s, size_t columns) {
        size_t at = 0, width = 0, blank = 0, mark = 0, n = strlen(s), k, w;
        mbstate_t state = {};

        while (at < n) {
                k = next_character(s + at, n - at, &state, &w);
                if (width + w > columns && at > 0)
                        return blank > 0 ? blank : mark > 0 ? mark : at;
                at += k;
                width += w;
                if (s[at] == ' ')
                        blank = at;
                else if (strchr("./:@,;-", s[at - 1]))
                        mark = at;
        }
        return n;
}

size_t text_fit(const char *s, size_t columns) {
        size_t fits = 0;

        for (size_t n = 0; s[n];) {
                size_t end = n + strspn(s + n, " ");
                _cleanup_free_ char *begun = NULL;

                end += strcspn(s + end, " ");
                begun = strndup(s, end);
                if (!begun || text_width(begun) > columns)
                        return fits > 0 ? fits : end;
                fits = n = end;
        }
        return fits;
}

void text_put(FILE *f, size_t columns, const char *text, size_t indent) {
        while (columns > indent + 10) {
                size_t k = text_fit(text, columns - 1 - indent); /* the last column stays free */

                if (!text[k])
                        break;
                fprintf(f, "%.*s\n%*s", (int) k, text, (int) indent, "");
                text += k + strspn(text + k, " ");
        }
        fprintf(f, "%s\n", text);
}

/* Each line by itself. What begins with a blank is to be typed or copied as it is. */
static void put_sentences(FILE *f, size_t columns, char *text) {
        for (char *line = text, *end; *line; line = end + 1) {
                end = strchrnul(line, '\n');
                const bool last = !*end;

                *end = '\0';
                text_put(f, *line == ' ' ? 0 : columns, line, 0);
                if (last)
                        return;
        }
}

char *text_break(const char *text, size_t columns) {
        _cleanup_free_ char *copy = strdup(text);
        char *broken = NULL;
        size_t size;
        FILE *f = copy ? open_memstream(&broken, &size) : NULL;

        if (!f)
                return NULL;
        put_sentences(f, columns, copy);
        if (fclose(f) == 0)
                return broken;
        free(broken);
        return NULL;
}
