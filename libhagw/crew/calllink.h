/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/crew/message.h"
#include "libhagw/crew/pipeline.h"
#include "libhagw/vl.h"

/* Workers' questions to another daemon, asked by the main thread: one varlink connection, made when it is
 * needed, questions behind one another on it (pipeline.h). */

#define CALL_LINK_PENDING_MAX 4096U
#define CALL_LINK_TIMEOUT_USEC (10 * USEC_PER_SEC)

typedef struct CallLink {
        sd_event *event;
        const char *interface;
        sd_varlink *link;
        sd_event_source *more; /* after an answer: the next ones may go */
        Pipeline asked;
} CallLink;

void call_link_init(CallLink *l, sd_event *event, const char *interface);
/* Takes the message over; it goes back to its worker with the answer, whatever it is. */
void call_link_ask(CallLink *l, CallMessage *m);
/* Everything that is open fails. */
void call_link_done(CallLink *l);
