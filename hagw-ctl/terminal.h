/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* What a signal finds: the terminal gets its echo back whichever ends or stops us, and Ctrl-C says what goes
 * on without us. One of each at a time. */

/* What Ctrl-C says from now on, a line or more; NULL: nothing, as before. The text is kept as it is passed
 * and has to stay. */
void terminal_on_interrupt(const char *text);

/* Ends us as Ctrl-C does, so that who waits for us sees it: what was still to be said is said. */
void terminal_end_interrupted(void);

/* Shows the question and no more what is typed, until terminal_show_input(). A stopped program shows the
 * question again when it goes on. Returns a negative errno. */
int terminal_hide_input(const char *question);
void terminal_show_input(void);

/* Columns of the terminal that stdout is; 0: it is none. */
unsigned terminal_width(void);

/* Columns for prose: the terminal's that fd is, 80 at most. 0: it is none. */
unsigned terminal_columns(int fd);
