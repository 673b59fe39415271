/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/crew/message.h"
#include "libhagw/vl.h"

/* The main thread's questions to netd about upstreams' addresses: a few at once, the others wait. */

#define NAMELINK_ACTIVE_MAX 6U /* of the connections that netd grants one user */
#define NAMELINK_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define NAMELINK_TTL_MIN_USEC USEC_PER_SEC
#define NAMELINK_TTL_MAX_USEC USEC_PER_HOUR

typedef struct NameQuestion NameQuestion;

typedef struct NameLink {
        sd_event *event;
        Message *first, **last; /* wait for their turn */
        NameQuestion *active;
        unsigned n_active;
} NameLink;

void namelink_init(NameLink *n, sd_event *event);
/* Takes the message over; it goes back to its worker with the answer. */
void namelink_ask(NameLink *n, ResolveMessage *m);
/* Everything that is open fails. */
void namelink_done(NameLink *n);
