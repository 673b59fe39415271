/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/crew/message.h"
#include "libhagw/crew/visitor.h"

/* Visitors on their way to a worker. */

#define VISITOR_SLACK 2U /* visitors more than another worker has, before handing over */

/* He goes. Returns NULL. */
Visitor *visitor_done(Worker *w, Visitor *v);

/* To a worker, from another: serve this visitor, you have fewer, or you are his tenant's home. */
typedef struct VisitorMessage {
        Message message;
        Visitor visitor; /* given away */
} VisitorMessage;
extern const MessageKind visitor_message;
/* For one who is sent on from w: counted as on his way, so it has to be sent. NULL: no memory. */
VisitorMessage *visitor_message_new(Worker *w);

/* Lets in who has come by a channel: he is served, here or by another worker, or closed where there are too
 * many. Takes over what he brings. */
void visitor_enter(Worker *w, Visitor *v);
/* Who was counted and let in is served by the worker with clearly the fewest visitors, or this one. */
void visitor_place(Worker *w, Visitor *v);
