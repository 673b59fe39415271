/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Shows a person for what we wait, and how long: on a terminal a line that counts and goes away, elsewhere
 * one line. One at a time; in between nothing else is written to stdout. */

/* what, "hagw-dnsd to answer", has to stay. quiet: nothing is shown. */
void waiting_begin(const char *what, uint64_t limit_usec, bool quiet);
/* To be called now and then; nothing is shown of what is over at once. */
void waiting_tick(void);
/* Shows it now: what follows keeps us until it is over. */
void waiting_show(void);
/* One line that stays, above what is told meanwhile; once. */
void waiting_head(void);
/* The line goes away. It may come back with the next tick: so others can write theirs. */
void waiting_clear(void);
void waiting_end(void);
