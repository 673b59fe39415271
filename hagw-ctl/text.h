/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

#include "libhagw/pure/macro.h"

/* Columns of a terminal that the text takes. */
size_t text_width(const char *s);

/* How many bytes fit into that many columns, at a blank where there is one; at least a word. */
size_t text_fit(const char *s, size_t columns);
/* The same for a cell of a table: up to a blank, or behind what parts names and addresses, or as many as
 * there are; at least a character. */
size_t text_fit_cell(const char *s, size_t columns);

/* The rest of a line that begins at column indent, and the lines under it, on a terminal of so many columns;
 * 0: one line. */
void text_put(FILE *f, size_t columns, const char *text, size_t indent);

/* Lines of sentences for a terminal of so many columns, each by itself; one that begins with a blank is to
 * be typed or copied, and stays. To be freed; NULL: no memory. */
char *text_break(const char *sentences, size_t columns);
