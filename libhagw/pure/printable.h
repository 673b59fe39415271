/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdarg.h>

#include "libhagw/pure/macro.h"

/* Text of strangers, for a terminal or a line of a log: whatever could steer a terminal, end the line, turn
 * around how it reads, or hide, becomes visible as \xNN (a byte) or \uNNNN (a character). Everything else in
 * UTF-8 stays. Pure. */

/* To be freed; NULL: no memory. s may be NULL, which is "(null)". lines: newlines and tabs stay, too, for
 * text of several lines of our own. */
char *printable(const char *s, bool lines);

/* The same for JSON, which stays the same JSON: what of it is not ASCII stands within its texts, and has
 * another spelling there (RFC 8259 section 7). Escapes of ours (colours) stay. To be freed; NULL: no memory.
 */
char *printable_json(const char *s);

/* vasprintf(), but what %s brings is made printable, and its width counts characters; the format itself is
 * ours and stays. Knows d, i, u, x, X, f with their sizes, s, m and %; anything else is an error of ours.
 * Returns the length, or -ENOMEM. */
int printable_format(char **ret, const char *format, va_list ap);
