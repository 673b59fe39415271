/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/http/sessionuse.h"
#include "libhagw/crew/message.h"

/* A worker and the sessions of its visitors: what it hears of their end, and what it tells of their use. */

/* How often hagw-webd is told which sessions were used: it takes a session's last use for this much earlier
 * than it may have been (hagw-webd/session.h). */
#define SESSIONS_TELL_USEC (20 * USEC_PER_SEC)

typedef struct Worker Worker;

/* To a worker: these sessions ended, or all. */
typedef struct ForgetMessage {
        Message message;
        bool all; /* but those with these ids live */
        bool cut; /* what they have open ends too; all: what those have open that do not live */
        SessionId *ids; /* sorted */
        size_t n;
} ForgetMessage;
extern const MessageKind forget_message;

/* To main: something passed by these sessions. */
typedef struct UsedMessage {
        Message message;
        SessionId *ids;
        size_t n;
} UsedMessage;
extern const MessageKind used_message;

void sessions_init(Worker *w);
/* Something passes by the session. */
void sessions_used(Worker *w, SessionUse *u);
