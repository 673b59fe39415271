/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/house/agentchannel.h"
#include "hagw-proxyd/house/agentline.h"
#include "hagw-proxyd/house/house.h"

/* The house's attachment to its relay: one control connection, which is made again for as long as the
 * configuration has a relay, and the channels that belong to it. docs/relay-protocol.md. */

#define AGENT_REPLY_USEC (15 * USEC_PER_SEC)  /* from the proof to the relay's first word */
#define AGENT_SILENCE_USEC (25 * USEC_PER_SEC) /* the relay says something every 10 s */
#define AGENT_RETRY_MIN_USEC (500 * USEC_PER_MSEC) /* doubles up to: */
#define AGENT_RETRY_MAX_USEC USEC_PER_MINUTE
#define AGENT_EXPECTED_USEC USEC_PER_SEC /* a relay that said it comes back is tried within this, */
#define AGENT_EXPECTED_MAX 8U /* unless it has said so this often in a row and never stayed */
#define AGENT_REFUSED_MIN_USEC (20 * USEC_PER_SEC) /* where the relay has said no; doubles up to: */
#define AGENT_REFUSED_MAX_USEC (10 * USEC_PER_MINUTE)
#define AGENT_SUSPENDED_MAX_USEC (30 * USEC_PER_SEC) /* its token is good: it may be let in at any time */
#define AGENT_BUSY_MAX_USEC USEC_PER_HOUR /* a relay's wish to be left alone is heeded so long */
#define AGENT_SETTLED_USEC USEC_PER_MINUTE /* attached so long: the next failure is a new one */
#define AGENT_NUDGE_USEC USEC_PER_SEC /* between attempts, whatever happens */
#define AGENT_YOUNG_USEC (3 * USEC_PER_SEC) /* an attempt is let be so long when the network changes */

typedef struct Agent Agent;
typedef struct AgentCall AgentCall;

/* What this end hangs on a worker. */
typedef struct House {
        Agent *agent;     /* of the first worker of a house that has a relay */
        AgentCall *calls; /* at the relay */
        uint64_t rejected_usec; /* when a channel's was logged last; 0: never */
} House;

/* Follows the worker's snapshot: begins, ends, or attaches anew where what is said of the relay is another
 * than before. */
void agent_apply(Worker *w);
/* The worker stops: the relay gets no more to send visitors to, and who is on his way is still taken. */
void agent_leave(Worker *w);
/* The network has changed, or a person: what waits tries at once, what is attached by a way that is gone
 * looks for another, and what is attached with another token than hagw-keyd has now attaches anew: first the
 * new one, then the old one goes. */
void agent_nudge(Worker *w);
/* The session by which this house is attached there; NULL: it is not. */
const uint8_t *agent_session(const Worker *w, const RelayTarget *target);
/* Lets go of control and of the channels that wait. Returns NULL. */
Agent *agent_free(Agent *a);
