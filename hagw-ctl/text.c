/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text in columns: how wide it is, and where it is broken. */

#include <limits.h>
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
        size_t at = 0, width = 0, blank = 0, mark = 0, k, w;
        mbstate_t state = {};

        while (s[at]) {
                k = next_character(s + at, strnlen(s + at, MB_LEN_MAX), &state, &w);
                if (width + w > columns && at > 0)
                        return blank > 0 ? blank : mark > 0 ? mark : at;
                at += k;
                width += w;
                if (s[at] == ' ')
                        blank = at;
                else if (strchr("./:@,;-", s[at - 1]))
                        mark = at;
        }
        return at;
}

/* Where the word ends that the character before at belongs to, or the first one behind blanks. */
static size_t word_end(const char *s, size_t at) {
        at -= s[at - 1] != ' ';
        at += strspn(s + at, " ");
        return at + strcspn(s + at, " ");
}

size_t text_fit(const char *s, size_t columns) {
        size_t fits = 0, width = 0, w;
        mbstate_t state = {};

        for (size_t at = 0; s[at];) {
                if (s[at] == ' ' && at > 0 && s[at - 1] != ' ')
                        fits = at;
                at += next_character(s + at, strnlen(s + at, MB_LEN_MAX), &state, &w);
                width += w;
                if (width > columns)
                        return fits > 0 ? fits : word_end(s, at);
        }
        return strlen(s);
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
