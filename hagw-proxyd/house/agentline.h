/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/crew/message.h"
#include "libhagw/net/controlstream.h"
#include "libhagw/net/dial.h"
#include "libhagw/net/relaykeys.h"
#include "libhagw/net/relaytarget.h"
#include "libhagw/pure/relaytoken.h"

/* The house's end of one TLS connection to its relay, from looking up the name to the proof of the token;
 * then messages come and go. docs/relay-protocol.md, "Control". */

#define AGENT_LINE_STEP_USEC (15 * USEC_PER_SEC) /* looking up, connecting, TLS, the proof: each */
#define AGENT_LINE_UNACKNOWLEDGED_USEC (20 * USEC_PER_SEC) /* TCP_USER_TIMEOUT */

typedef struct AgentLine AgentLine;

typedef enum AgentLineState {
        AGENT_LINE_RESOLVING,
        AGENT_LINE_CONNECTING,
        AGENT_LINE_HANDSHAKE,
        AGENT_LINE_PROVING,
        AGENT_LINE_OPEN,
        AGENT_LINE_CLOSED,
        _AGENT_LINE_STATE_MAX,
        _AGENT_LINE_STATE_INVALID = -EINVAL,
} AgentLineState;

typedef enum AgentLineFailure {
        AGENT_LINE_UNREACHABLE, /* or it ended */
        AGENT_LINE_NO_TOKEN,    /* keyd has none, or another tenant's */
        _AGENT_LINE_FAILURE_MAX,
} AgentLineFailure;

/* Called from the loop. on_failed: it is closed by then. */
typedef struct AgentLineOps {
        void (*on_state)(AgentLine *l); /* NULL: nobody cares */
        /* Messages can be sent. proof: io.hagw.Relay's Proof, valid while it is called; NULL: none was asked
         * for. */
        void (*on_open)(AgentLine *l, sd_json_variant *proof);
        void (*on_message)(AgentLine *l, sd_json_variant *message);
        void (*on_failed)(AgentLine *l, AgentLineFailure failure, const char *why);
} AgentLineOps;

struct AgentLine {
        Transport transport;
        ControlStream stream;
        Garbage garbage;
        Timer timer;
        Again again;
        Worker *worker;
        RelayTarget *target;
        const AgentLineOps *ops;
        void *userdata;
        AgentLineState state;
        bool prove;
        ResolveMessage *asked; /* under way */
        CallMessage *proving;  /* the same */
        Dial *dial;
        IpAddress addresses[MESSAGE_ADDRESSES_MAX];
        IpAddress address; /* the one that it is connected to */
        RelayKeys keys;
        char token_id[RELAY_TOKEN_ID_LENGTH + 1]; /* that it proves; empty: not yet, or nothing */
};

/* NULL: no memory. */
AgentLine *agent_line_new(Worker *w, RelayTarget *target, bool prove, const AgentLineOps *ops,
                          void *userdata);
/* Closes without a word to ops; freed from the loop. Returns NULL. */
AgentLine *agent_line_close(AgentLine *l);
const char *agent_line_state_text(AgentLineState s);
