/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Where things stand in the text of a hagw.conf or a hosts.d file: one that config_parse_text() took.
 * Offsets, not pointers, because the text moves when it is changed. No I/O. */

typedef struct Span {
        size_t begin, end;
} Span;

/* Behind blanks and comments. */
size_t confspan_skip_blank(const char *t, size_t i);
/* Behind the value that begins at i; neighbouring strings are one. */
size_t confspan_skip_value(const char *t, size_t i);

/* The member of that name among those that begin at i. *ret_setting ends behind its semicolon. */
bool confspan_find_member(const char *t, size_t i, const char *name, Span *ret_setting, Span *ret_value);

/* libconfig also takes a text that ends within a string or a comment: nothing can stand behind that. */
bool confspan_is_closed(const char *t);
/* Whether a group begins between the two places and has not ended. */
bool confspan_is_nested(const char *t, size_t from, size_t to);
/* Whether nothing follows on the line. */
bool confspan_ends_line(const char *t, size_t i);

/* Behind what ends at i, or behind the comment that follows it on its line; *ret_alone: nothing else
 * does. */
size_t confspan_behind_line(const char *t, size_t i, bool *ret_alone);

int confspan_replace(char **text, Span s, const char *with);
