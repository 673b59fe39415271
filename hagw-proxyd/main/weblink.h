/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/http/session.h"
#include "libhagw/crew/message.h"
#include "libhagw/crew/pipeline.h"
#include "libhagw/vl.h"

/* The main thread's questions to webd about sessions: one varlink connection, questions behind one another
 * on it (pipeline.h). */

#define WEBLINK_PENDING_MAX 1024U
#define WEBLINK_TIMEOUT_USEC (5 * USEC_PER_SEC)

typedef struct WebLink {
        sd_event *event;
        sd_varlink *link;
        sd_event_source *more; /* after an answer: the next ones may go */
        Pipeline asked;
        uint64_t n_asked, n_failed;
} WebLink;

void weblink_init(WebLink *w, sd_event *event);
/* Takes the message over; it goes back to its worker when the answer is there, whatever it is. */
void weblink_ask(WebLink *w, SessionMessage *m);
/* Sessions were revoked: what is asked now may be answered from before, and is asked again. */
void weblink_ask_again(WebLink *w);
/* Something passed by these sessions lately: webd takes it for their use. Who is not reached hears of what
 * goes on the next time. */
void weblink_tell_used(WebLink *w, sd_json_variant *ids);
/* Everything that is open fails. */
void weblink_done(WebLink *w);
