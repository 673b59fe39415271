/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a person sees. */

#include <time.h>

#include "hagw-ctl/output.h"
#include "hagw-ctl/terminal.h"
#include "hagw-ctl/text.h"
#include "libhagw/log.h"
#include "libhagw/pure/printable.h"

typedef struct Cell {
        Tone tone;
        char *text;
} Cell;

typedef struct Note {
        Cell cell;
        size_t row; /* below which it stands */
} Note;

/* No column is made narrower than this where a terminal has no room, nor than its longest word, unless that
 * is long itself: a line a cell reads better then. */
#define COLUMN_MIN 14U
#define WORD_WHOLE_MAX 24U

struct Table {
        const char *const *titles;
        size_t columns;
        Cell *cells;
        size_t n_cells, allocated;
        Note *notes;
        size_t n_notes, notes_allocated;
        size_t widths[TABLE_COLUMNS_MAX], floors[TABLE_COLUMNS_MAX];
        bool lost, printed;
        bool tall;  /* much wider than the terminal: a line a cell */
        bool wraps; /* somewhat wider: long cells take several lines */
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

static void put_lines(const char *text, size_t indent) {
        text_put(stdout, terminal_columns(STDOUT_FILENO), text, indent);
}

void output_error_line(const char *line) {
        _cleanup_free_ char *broken = text_break(line, terminal_columns(STDERR_FILENO));

        line = broken ?: line;
        (void) !write(STDERR_FILENO, line, strlen(line)); /* at once, so that nothing comes between */
}

void output_on_interrupt(const char *text) {
        static char *said;
        char *broken = text ? text_break(text, terminal_columns(STDERR_FILENO)) : NULL;

        terminal_on_interrupt(broken ?: text);
        free(said);
        said = broken;
}

void output_sentences_valist(const char *format, va_list ap) {
        _cleanup_free_ char *text = NULL, *broken = NULL;

        if (printable_format(&text, format, ap) >= 0)
                broken = text_break(text, terminal_columns(STDOUT_FILENO));
        (void) fputs(strempty(broken), stdout);
}

void output_sentences(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        output_sentences_valist(format, ap);
        va_end(ap);
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

/* What was added; the columns stay. */
static void table_forget(Table *t) {
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i].text);
        for (size_t i = 0; i < t->n_notes; i++)
                free(t->notes[i].cell.text);
        t->n_cells = t->n_notes = 0;
}

Table *table_free(Table *t) {
        if (!t)
                return NULL;
        table_forget(t);
        free(t->cells);
        free(t->notes);
        free(t);
        return NULL;
}

/* False, and the table says so in the end: the text is lost. */
static _printf_(4, 0) bool format_cell(Table *t, Cell *ret, Tone tone, const char *format, va_list ap) {
        *ret = (Cell) { .tone = tone };
        if (printable_format(&ret->text, format, ap) >= 0)
                return true;
        t->lost = true;
        return false;
}

void table_add(Table *t, Tone tone, const char *format, ...) {
        va_list ap;
        bool there;

        if (!t)
                return;
        if (!GREEDY_REALLOC(t->cells, t->allocated, t->n_cells + 1)) {
                t->lost = true;
                return;
        }
        va_start(ap, format);
        there = format_cell(t, &t->cells[t->n_cells], tone, format, ap);
        va_end(ap);
        t->n_cells += there;
}

void table_note(Table *t, Tone tone, const char *format, ...) {
        va_list ap;
        bool there;

        if (!t)
                return;
        if (!GREEDY_REALLOC(t->notes, t->notes_allocated, t->n_notes + 1)) {
                t->lost = true;
                return;
        }
        assert(t->n_cells > 0 && t->n_cells % t->columns == 0);
        t->notes[t->n_notes].row = t->n_cells / t->columns - 1;
        va_start(ap, format);
        there = format_cell(t, &t->notes[t->n_notes].cell, tone, format, ap);
        va_end(ap);
        t->n_notes += there;
}

static void print_notes(const Table *t, size_t row, int indent) {
        for (size_t i = 0; i < t->n_notes; i++) {
                if (t->notes[i].row != row)
                        continue;
                printf("%*s%s", indent + 2, "", tone_on(t->notes[i].cell.tone));
                put_lines(t->notes[i].cell.text, (size_t) indent + 2);
                (void) fputs(tone_off(), stdout);
        }
}

static void print_cell(Tone tone, const char *text, size_t size, size_t width, bool last) {
        _cleanup_free_ char *part = strndup(text, size);

        printf("%s%s%s%*s", tone_on(tone), strempty(part), tone_off(),
               last ? 0 : (int) (width - text_width(strempty(part)) + 2), "");
}

static size_t table_width(const Table *t) {
        size_t width = 0;

        for (size_t i = 0; i < t->columns; i++)
                width += t->widths[i] + 2;
        return width - 2;
}

/* A row, in as many lines as its longest cell takes. */
static void print_row(const Table *t, const Cell *cells, int indent) {
        const char *rest[TABLE_COLUMNS_MAX];
        bool more = true;

        for (size_t i = 0; i < t->columns; i++)
                rest[i] = cells[i].text;
        while (more) {
                more = false;
                printf("%*s", indent, "");
                for (size_t i = 0; i < t->columns; i++) {
                        const size_t k = t->wraps ? text_fit_cell(rest[i], t->widths[i]) : strlen(rest[i]);

                        print_cell(cells[i].tone, rest[i], k, t->widths[i], i + 1 == t->columns);
                        rest[i] += k;
                        rest[i] += strspn(rest[i], " ");
                        more |= *rest[i] != '\0';
                }
                putchar('\n');
        }
}

static void print_wide(const Table *t, int indent, bool first) {
        Cell titles[TABLE_COLUMNS_MAX];

        for (size_t i = 0; first && i < t->columns; i++)
                titles[i] = (Cell) { TONE_DIM, (char *) t->titles[i] };
        if (first)
                print_row(t, titles, indent);
        for (size_t i = 0; i < t->n_cells; i += t->columns) {
                print_row(t, &t->cells[i], indent);
                print_notes(t, i / t->columns, indent);
        }
}

static size_t longest_word(const char *text) {
        size_t longest = 0;

        while (*(text += strspn(text, " "))) {
                const size_t n = strcspn(text, " ");
                _cleanup_free_ char *word = strndup(text, n);

                longest = MAX(longest, text_width(strempty(word)));
                text += n;
        }
        return longest;
}

/* Makes the widest columns narrower, all of them alike, until the table fits. False: they would be too
 * narrow. */
static bool fit(Table *t, size_t columns) {
        for (size_t width = table_width(t); width > columns; width--) {
                size_t *widest = NULL;

                for (size_t i = 0; i < t->columns; i++)
                        if (t->widths[i] > MAX(t->floors[i], COLUMN_MIN) &&
                            (!widest || t->widths[i] > *widest))
                                widest = &t->widths[i];
                if (!widest)
                        return false;
                (*widest)--;
        }
        return true;
}

/* Each row under its first cell, and nothing for a cell that says nothing. */
static void print_tall(const Table *t, int indent) {
        size_t titles = 0;

        for (size_t i = 1; t->titles && i < t->columns; i++)
                titles = MAX(titles, text_width(t->titles[i]));
        for (size_t i = 0; i < t->n_cells; i++) {
                size_t column = i % t->columns, at = (size_t) indent;
                const Cell *c = &t->cells[i];

                if (column > 0 && (!*c->text || streq(c->text, "-"))) {
                        if (column + 1 == t->columns)
                                print_notes(t, i / t->columns, indent);
                        continue;
                }
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
                if (column + 1 == t->columns)
                        print_notes(t, i / t->columns, indent);
        }
}

int table_print(Table *t, int indent) {
        const size_t columns = terminal_width();
        bool first;

        if (!t || t->lost)
                return -ENOMEM;
        first = t->titles && !t->printed;
        t->printed = true;
        for (size_t i = 0; first && i < t->columns; i++)
                t->widths[i] = text_width(t->titles[i]);
        for (size_t i = 0; i < t->n_cells; i++) {
                const size_t at = i % t->columns, word = longest_word(t->cells[i].text);

                t->widths[at] = MAX(t->widths[at], text_width(t->cells[i].text));
                if (word <= WORD_WHOLE_MAX)
                        t->floors[at] = MAX(t->floors[at], word);
        }
        if (columns > 0 && !t->tall && table_width(t) + (size_t) indent > columns) {
                t->wraps = true;
                /* A table of several parts stays what its first one was. */
                if (!fit(t, columns - MIN((size_t) indent, columns)) && (first || !t->titles))
                        t->tall = true;
        }
        if (t->tall)
                print_tall(t, indent);
        else
                print_wide(t, indent, first);
        table_forget(t);
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
        output_sentences_valist(format, ap);
        va_end(ap);
        return 0;
}
