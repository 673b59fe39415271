/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-json.h>

#include "libhagw/pure/macro.h"

/* What a person sees: lines and tables, colours where the output is a terminal (and NO_COLOR is not set),
 * times in words. Everything that hagw-ctl writes to stdout goes through here, and what %s brings is made
 * printable: names, user agents and errors come from strangers, and must not steer the terminal. */

typedef enum Tone { TONE_PLAIN, TONE_GOOD, TONE_WARN, TONE_BAD, TONE_DIM, TONE_BOLD, _TONE_MAX } Tone;

/* A part of a line, or lines: newlines and tabs of the format stay. */
void output(const char *format, ...) _printf_(1, 2);
void output_tone(Tone t, const char *format, ...) _printf_(2, 3);
void output_valist(const char *format, va_list ap) _printf_(1, 0);
/* Lines that were written elsewhere: their newlines and tabs stay. */
void output_lines(const char *text);
/* A paragraph behind lead ("  - "), under which its further lines begin: broken at blanks where stdout is a
 * terminal, one long line elsewhere. */
void output_paragraph(const char *lead, const char *format, ...) _printf_(2, 3);
/* Sentences, a line each, broken in the same way; a line that begins with a blank stays as it is. */
void output_sentences(const char *format, ...) _printf_(1, 2);
void output_sentences_valist(const char *format, va_list ap) _printf_(1, 0);
/* terminal_on_interrupt() for sentences. */
void output_on_interrupt(const char *text);
/* The same for a line on stderr, whose terminal may be another one: log_set_writer() takes it. */
void output_error_line(const char *line);
/* Text of our own that a machine reads as it is. */
void output_exact(const char *text);

#define TABLE_COLUMNS_MAX 8U

typedef struct Table Table;
/* titles: ended by NULL; may be NULL for a table without a head, then columns says how many there are. */
Table *table_new(const char *const *titles, size_t columns);
Table *table_free(Table *t);
DEFINE_TRIVIAL_CLEANUP_FUNC(Table *, table_free)
/* Fills the cells row by row. An allocation that fails is told by table_print(). */
void table_add(Table *t, Tone tone, const char *format, ...) _printf_(3, 4);
/* A line, or several, of its own below the row that was filled last. */
void table_note(Table *t, Tone tone, const char *format, ...) _printf_(3, 4);
/* Prints what was added, and forgets it: a long table may be printed in parts, whose columns never get
 * narrower. Where a terminal is narrower than the table long cells take several lines; elsewhere each row is
 * one line. indent: spaces before each line. Returns -ENOMEM where a cell was lost. */
int table_print(Table *t, int indent);

int output_json(sd_json_variant *v);
/* In the middle of a list: on the same line. */
void output_json_element(sd_json_variant *v);

/* A change that was made: the sentence, or with json { "name": …, "change": … }. Returns 0 or -ENOMEM, told.
 */
int output_change(bool json, const char *name, const char *change, const char *format, ...) _printf_(4, 5);

#define TIME_TEXT_MAX 64U
/* "1.2 GiB"; out has room for TIME_TEXT_MAX; returns out. */
const char *format_bytes(uint64_t bytes, char *out);
/* "3 min", "2 h", "64 days": one unit, rounded down. out has room for TIME_TEXT_MAX; returns out. */
const char *format_span(uint64_t usec, char *out);
/* "2026-11-30 14:30", here. */
const char *format_date(uint64_t usec, char *out);
/* When the month of UTC that is now ends, as format_date(). */
const char *format_month_end(char *out);
/* "3 min ago", "in 64 days", "just now", "never" for 0. */
const char *format_when(uint64_t usec, uint64_t now, char *out);
