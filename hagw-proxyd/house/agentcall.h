/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/house/house.h"

/* One call at the relay on a connection of its own (a varlink connection carries one call at a time, and
 * control's is taken by Attach): challenges, accounts, enrolment. docs/relay-protocol.md, "Control". */

#define AGENT_CALL_USEC (40 * USEC_PER_SEC) /* from the call to its answer: a challenge is served by then */

/* Everything that is open fails. */
void agent_call_done(Worker *w);
