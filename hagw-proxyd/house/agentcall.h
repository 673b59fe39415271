/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/message.h"
#include "hagw-proxyd/crew/relaytarget.h"

/* One call at the relay on a connection of its own (a varlink connection carries one call at a time, and
 * control's is taken by Attach): challenges, accounts, enrolment. docs/relay-protocol.md, "Control". */

#define AGENT_CALL_USEC (40 * USEC_PER_SEC) /* from the call to its answer: a challenge is served by then */
#define RELAY_CALLS_MAX 16U

typedef struct AgentCall AgentCall;

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

/* Everything that is open fails. */
void agent_call_done(Worker *w);
