/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/message.h"
#include "hagw-proxyd/http/sessionuse.h"

/* A worker and the sessions of its visitors: what it hears of their end, and what it tells of their use. */

/* How often hagw-webd is told which sessions were used: it takes a session's last use for this much earlier
 * than it may have been (hagw-webd/session.h). */
#define SESSIONS_TELL_USEC (20 * USEC_PER_SEC)

typedef struct Worker Worker;

void sessions_init(Worker *w);
/* Something passes by the session. */
void sessions_used(Worker *w, SessionUse *u);
/* Some have ended, or their rights have changed: cached answers go, and where m says so what they have open
 * is cut. */
void sessions_forget(Worker *w, const ForgetMessage *m);
