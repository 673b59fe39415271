/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/net/queue.h"

/* Questions on one varlink connection, in order, as their answers come: a few are on their way, the others
 * wait here. What is answered and not read yet lies in the socket, and whoever has more there than it holds
 * is cut (libhagw/vl-limit.h): so much may never be on its way, however long this thread is held up. Touches
 * nothing but itself. */

#define PIPELINE_SENT_MAX 64U /* a socket holds four times as many short answers */

typedef struct Pipeline {
        Message *first, **last, **unsent; /* unsent: where the first that waits stands, or would */
        unsigned n, n_sent;
} Pipeline;

void pipeline_init(Pipeline *p);
void pipeline_push(Pipeline *p, Message *m);
/* The next that may be sent, or NULL; pipeline_sent() says that it was. */
Message *pipeline_next(const Pipeline *p);
void pipeline_sent(Pipeline *p);
/* The oldest one, sent or not; NULL: there is none. */
Message *pipeline_pop(Pipeline *p);
