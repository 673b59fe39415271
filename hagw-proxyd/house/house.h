/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/house/agentsaid.h"
#include "libhagw/crew/message.h"
#include "libhagw/crew/room.h"
#include "libhagw/net/relaytarget.h"

/* A house's end of the tunnel, as the rest of the program sees it, which includes nothing else of it: what
 * it hangs on a worker, what it tells the main thread, and what that asks. Who comes by a channel it gives
 * to whoever serves visitors (crew/visitor.h). */

#define RELAY_SOFTWARE "hagw " PACKAGE_VERSION
#define RELAY_CALLS_MAX 16U

extern const Room house_room;

/* Visitors who came by a channel and are here. */
uint64_t agent_visitors(const Worker *w);

typedef enum AgentState {
        AGENT_RESOLVING,
        AGENT_CONNECTING,
        AGENT_PROVING,  /* the token, and until the relay says yes */
        AGENT_ATTACHED,
        AGENT_WAITING,  /* until the next attempt */
        _AGENT_STATE_MAX,
        _AGENT_STATE_INVALID = -EINVAL,
} AgentState;
const char *agent_state_text(AgentState s);

#define RELAY_ERROR_MAX 768U /* with a tenant's name and the relay's in it */

/* To main: what has become of it. */
typedef struct AgentStateMessage {
        Message message;
        RelayTarget *target; /* with a reference */
        int state;           /* AgentState */
        bool refused;        /* the relay, or our own keyd, has said no */
        uint64_t retry_usec; /* CLOCK_MONOTONIC of the next attempt, while waiting */
        AgentAttached attached;
        /* While waiting; while attached: why it cannot attach anew with the token that there is now. */
        char error[RELAY_ERROR_MAX];
} AgentStateMessage;
extern const MessageKind agent_state_message;

typedef enum AgentCallResult {
        AGENT_CALL_OK,
        AGENT_CALL_UNREACHABLE, /* text: why, in words */
        AGENT_CALL_REFUSED,     /* text: the relay's error, without its interface */
        _RELAY_CALL_RESULT_MAX,
} AgentCallResult;

/* A call that the main thread wants made at the relay, on a connection of its own. */
typedef struct AgentCallMessage {
        Message message;
        void *asker; /* the main thread's own */
        RelayTarget *target; /* with a reference */
        const char *method;  /* static, without its interface */
        bool prove;          /* a proof of the token goes with it */
        char *parameters;    /* JSON text */
        /* The answer: */
        AgentCallResult result;
        char text[MESSAGE_TEXT_MAX];
        char *reply; /* JSON text: the answer's parameters */
} AgentCallMessage;
/* To the first worker and back. */
extern const MessageKind agent_call_message;
