/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* The visitors of a worker who keep it waiting: who have said only half of what they want (a ClientHello, a
 * handshake, a head), and who have said nothing, or nothing since their last answer. Where there is no more
 * room for others, one of the network goes that has most of them, the one who has taken longest: nobody
 * makes room by pushing others out. */

#define UNFINISHED_NETWORKS 1024U /* told apart; those who share a place by chance share its fate */

typedef struct Conn Conn;
typedef struct Worker Worker;

typedef struct UnfinishedNetwork {
        Conn *oldest, *newest;
        unsigned n;
        uint64_t since; /* of the oldest */
} UnfinishedNetwork;

typedef struct Unfinished {
        unsigned n; /* of all */
        uint64_t n_ever;
        UnfinishedNetwork networks[UNFINISHED_NETWORKS];
} Unfinished;

/* As the newest, also where it was there before. */
void unfinished_add(Conn *c);
/* Nothing where it is not there. */
void unfinished_remove(Conn *c);

/* False: there is none. Not from within what serves a visitor. */
bool unfinished_evict(Worker *w);
