/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/streams/h2request.h"

/* How many requests an address has under way: each beyond its connection's first has a place among those of
 * the address, as connections have (proxy.connections_per_address, the same number once more). Who finds
 * none waits, at most proxy.head_timeout, while his connection is read on; the first of a connection never
 * does, so that each goes on by itself. */

#define PLACES_LOOK_USEC (20 * USEC_PER_MSEC) /* what leaves at other workers is noticed within that */
#define PLACES_WORK_LOOK 64U /* at one connection that waits */

/* A worker's connections whose next request waits, by turns. */
typedef struct Places {
        Worker *worker;
        Streams *first, **end;
        size_t n, left; /* left: of them to be looked at in this round */
        Again again;
        Timer timer;
} Places;

int places_init(Worker *w);
/* v->fresh has a place, and may begin. False: it waits, and its connection has a turn once it has one. */
bool places_enter(Streams *v);
/* What is next on v does not wait (any more). */
void places_stop_waiting(Streams *v);
/* Gives back what r has, if anything: it is over. */
void places_leave(H2Request *r);
/* Until when the first may wait; USEC_INFINITY: none does. */
uint64_t places_due_usec(const Streams *v);
