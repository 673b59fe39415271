/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a person sees. */

#include <time.h>
#include <wchar.h>

#include "hagw-ctl/output.h"
#include "hagw-ctl/terminal.h"
#include "libhagw/log.h"
#include "libhagw/pure/printable.h"

typedef struct Cell {
        Tone tone;
        char *text;
} Cell;

struct Table {
        const char *const *titles;
        size_t columns;
        Cell *cells;
        size_t n_cells, allocated;
        size_t widths[TABLE_COLUMNS_MAX];
        bool lost, printed;
        bool tall; /* wider than the terminal: a line a cell */
};

static bool colours_wanted(void) {
        static int wanted = -1;
        const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

        if (wanted < 0)
                wanted = isatty(STDOUT_FILENO) && (!no || !*no) && !(term && streq(term, "dumb"));
        return wanted;
}

static const char *tone_on(Tone t) {
        static const char *const codes[_TONE_MAX] = {
                [TONE_PLAIN] = "",        [TONE_GOOD] = "\033[32m", [TONE_WARN] = "\033[33m",
                [TONE_BAD] = "\033[31;1m", [TONE_DIM] = "\033[2m",   [TONE_BOLD] = "\033[1m",
        };
        return colours_wanted() ? codes[t] : "";
}

static const char *tone_off(void) {
        return colours_wanted() ? "\033[0m" : "";
}

void output_valist(const char *format, va_list ap) {
        _cleanup_free_ char *text = NULL;

        if (printable_format(&text, format, ap) >= 0)
                (void) fputs(text, stdout);
}

void output(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        output_valist(format, ap);
        va_end(ap);
}

void output_tone(Tone t, const char *format, ...) {
        va_list ap;

        (void) fputs(tone_on(t), stdout);
        va_start(ap, format);
        output_valist(format, ap);
        va_end(ap);
        (void) fputs(tone_off(), stdout);
}

void output_lines(const char *text) {
        _cleanup_free_ char *shown = printable(text, /* lines= */ true);

        (void) fputs(strempty(shown), stdout);
}

void output_exact(const char *text) {
        (void) fputs(text, stdout);
}

size_t text_width(const char *s) {
        size_t width = 0, n = strlen(s);
        mbstate_t state = {};

        while (n > 0) {
                wchar_t w;
                size_t k = mbrtowc(&w, s, n, &state);
                int columns;

                if (k == 0 || k > n) { /* not of this locale: a column a byte */
                        k = 1;
                        w = L'?';
                        state = (mbstate_t) {};
                }
                columns = wcwidth(w);
                width += columns > 0 ? (size_t) columns : 0;
                s += k;
                n -= k;
        }
        return width;
}

/* How many bytes of a text fit into that many columns, at a blank where there is one; at least a word. */
static size_t fitting(const char *s, size_t columns) {
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

/* The rest of a line that begins at column indent, and the lines under it. */
static void put_lines(const char *text, size_t indent) {
        size_t columns = terminal_columns();

        while (columns > indent + 10) {
                size_t k = fitting(text, columns - 1 - indent); /* the last column stays free */

                if (!text[k])
                        break;
                printf("%.*s\n%*s", (int) k, text, (int) indent, "");
                text += k + strspn(text + k, " ");
        }
        printf("%s\n", text);
}

void output_paragraph(const char *lead, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = printable_format(&text, format, ap);
        va_end(ap);
        if (n < 0)
                return;
        (void) fputs(lead, stdout);
        put_lines(text, text_width(lead));
}

Table *table_new(const char *const *titles, size_t columns) {
        Table *t = calloc(1, sizeof(*t));

        if (!t)
                return NULL;
        t->titles = titles;
        t->columns = columns;
        while (titles && titles[t->columns])
                t->columns++;
        assert(t->columns > 0 && t->columns <= TABLE_COLUMNS_MAX);
        return t;
}

Table *table_free(Table *t) {
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i].text);
        free(t->cells);
        free(t);
        return NULL;
}

void table_add(Table *t, Tone tone, const char *format, ...) {
        char *text = NULL;
        va_list ap;
        int n;

        if (!t)
                return;
        va_start(ap, format);
        n = printable_format(&text, format, ap);
        va_end(ap);
        if (n < 0 || !GREEDY_REALLOC(t->cells, t->allocated, t->n_cells + 1)) {
                if (n >= 0)
                        free(text);
                t->lost = true;
                return;
        }
        t->cells[t->n_cells++] = (Cell) { tone, text };
}

static void print_cell(Tone tone, const char *text, size_t width, bool last) {
        printf("%s%s%s%*s", tone_on(tone), text, tone_off(), last ? 0 : (int)(width - text_width(text) + 2),
               "");
}

static size_t table_width(const Table *t) {
        size_t width = 0;

        for (size_t i = 0; i < t->columns; i++)
                width += t->widths[i] + 2;
        return width - 2;
}

static void print_wide(const Table *t, int indent, bool first) {
        for (size_t i = 0; first && i < t->columns; i++) {
                printf("%*s", i == 0 ? indent : 0, "");
                print_cell(TONE_DIM, t->titles[i], t->widths[i], i + 1 == t->columns);
                if (i + 1 == t->columns)
                        putchar('\n');
        }
        for (size_t i = 0; i < t->n_cells; i++) {
                size_t column = i % t->columns;

                printf("%*s", column == 0 ? indent : 0, "");
                print_cell(t->cells[i].tone, t->cells[i].text, t->widths[column], column + 1 == t->columns);
                if (column + 1 == t->columns)
                        putchar('\n');
        }
}

/* Each row under its first cell, and nothing for a cell that says nothing. */
static void print_tall(const Table *t, int indent) {
        size_t titles = 0;

        for (size_t i = 1; t->titles && i < t->columns; i++)
                titles = MAX(titles, text_width(t->titles[i]));
        for (size_t i = 0; i < t->n_cells; i++) {
                size_t column = i % t->columns, at = (size_t) indent;
                const Cell *c = &t->cells[i];

                if (column > 0 && (!*c->text || streq(c->text, "-")))
                        continue;
                printf("%*s", indent, "");
                if (column > 0 && t->titles)
                        printf("  %*s%s%s: ", (int) (titles - text_width(t->titles[column])), "",
                               tone_on(TONE_DIM), t->titles[column]);
                else if (column > 0)
                        printf("  ");
                if (column > 0)
                        at += t->titles ? titles + 4 : 2;
                printf("%s%s", column > 0 && t->titles ? tone_off() : "", tone_on(c->tone));
                put_lines(c->text, at);
                (void) fputs(tone_off(), stdout);
        }
}

int table_print(Table *t, int indent) {
        unsigned columns = terminal_width();
        bool first;

        if (!t || t->lost)
                return -ENOMEM;
        first = t->titles && !t->printed;
        t->printed = true;
        for (size_t i = 0; first && i < t->columns; i++)
                t->widths[i] = text_width(t->titles[i]);
        for (size_t i = 0; i < t->n_cells; i++)
                t->widths[i % t->columns] = MAX(t->widths[i % t->columns], text_width(t->cells[i].text));
        /* A table of several parts stays what its first one was. */
        if (first || !t->titles)
                t->tall = columns > 0 && table_width(t) + (size_t) indent > columns;
        if (t->tall)
                print_tall(t, indent);
        else
                print_wide(t, indent, first);
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i].text);
        t->n_cells = 0;
        return 0;
}

/* Somebody may look at it. */
static int put_json(sd_json_variant *v, sd_json_format_flags_t flags) {
        _cleanup_free_ char *text = NULL, *shown = NULL;
        int r;

        r = sd_json_variant_format(v, flags, &text);
        if (r < 0)
                return r;
        shown = printable_json(text);
        if (!shown)
                return -ENOMEM;
        (void) fputs(shown, stdout);
        return 0;
}

int output_json(sd_json_variant *v) {
        const bool terminal = isatty(STDOUT_FILENO);

        /* SD_JSON_FORMAT_PRETTY_AUTO asks the same, but only where it writes itself. */
        return put_json(v, SD_JSON_FORMAT_NEWLINE | (terminal ? SD_JSON_FORMAT_PRETTY : 0) |
                                   (colours_wanted() ? SD_JSON_FORMAT_COLOR : 0));
}

void output_json_element(sd_json_variant *v) {
        (void) put_json(v, 0);
}

int output_change(bool json, const char *name, const char *change, const char *format, ...) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        va_list ap;

        if (json) {
                if (sd_json_buildo(&v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                                   SD_JSON_BUILD_PAIR("change", SD_JSON_BUILD_STRING(change))) < 0 ||
                    output_json(v) < 0)
                        return log_oom();
                return 0;
        }
        va_start(ap, format);
        output_valist(format, ap);
        va_end(ap);
        return 0;
}

const char *format_bytes(uint64_t bytes, char *out) {
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
        double n = (double) bytes;
        size_t i = 0;

        for (; n >= 1024 && i + 1 < ELEMENTSOF(units); i++)
                n /= 1024;
        (void) snprintf(out, TIME_TEXT_MAX, i == 0 || n >= 100 ? "%.0f %s" : "%.1f %s", n, units[i]);
        return out;
}

const char *format_span(uint64_t usec, char *out) {
        static const struct {
                uint64_t usec;
                const char *one, *many;
        } units[] = {
                { USEC_PER_DAY, "day", "days" },
                { USEC_PER_HOUR, "h", "h" },
                { USEC_PER_MINUTE, "min", "min" },
                { USEC_PER_SEC, "s", "s" },
        };

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                uint64_t n = usec / units[i].usec;

                /* Below two days hours tell more. */
                if (n < (units[i].usec == USEC_PER_DAY ? 2 : 1))
                        continue;
                (void)snprintf(out, TIME_TEXT_MAX, "%lu %s", (unsigned long)n,
                               n == 1 ? units[i].one : units[i].many);
                return out;
        }
        (void) snprintf(out, TIME_TEXT_MAX, "0 s");
        return out;
}

const char *format_when(uint64_t usec, uint64_t now, char *out) {
        char span[TIME_TEXT_MAX];

        if (usec == 0)
                (void) snprintf(out, TIME_TEXT_MAX, "never");
        else if (usec > now && usec - now < USEC_PER_SEC)
                (void) snprintf(out, TIME_TEXT_MAX, "now");
        else if (usec > now)
                (void) snprintf(out, TIME_TEXT_MAX, "in %s", format_span(usec - now, span));
        else if (now - usec < USEC_PER_SEC)
                (void) snprintf(out, TIME_TEXT_MAX, "just now");
        else
                (void) snprintf(out, TIME_TEXT_MAX, "%s ago", format_span(now - usec, span));
        return out;
}
