/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/message.h"

/* One call at the relay on a connection of its own (a varlink connection carries one call at a time, and
 * control's is taken by Attach): challenges, accounts, enrolment. docs/relay-protocol.md, "Control". */

#define RELAY_CALL_USEC (40 * USEC_PER_SEC) /* from the call to its answer: a challenge is served by then */
#define RELAY_CALLS_MAX 16U

typedef struct RelayCall RelayCall;

/* Takes the message over; it goes back to the main thread with the answer, whatever it is. */
void relay_call_start(Worker *w, RelayCallMessage *m);
/* Everything that is open fails. */
void relay_calls_done(Worker *w);
