/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* The visitors of a worker who have said only half of what they want: a ClientHello, a handshake, a head.
 * Where there is no more room for others, who has taken longest for it goes first. */

typedef struct Conn Conn;
typedef struct Worker Worker;

typedef struct Unfinished {
        Conn *oldest, *newest;
} Unfinished;

/* Nothing where it is there already, or is not. */
void unfinished_add(Conn *c);
void unfinished_remove(Conn *c);

/* False: there is none. Not from within what serves a visitor. */
bool unfinished_evict(Worker *w);
