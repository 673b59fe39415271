/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/message.h"
#include "hagw-proxyd/crew/relaytarget.h"
#include "libhagw/net/controlstream.h"
#include "libhagw/net/dial.h"
#include "libhagw/net/relaykeys.h"
#include "libhagw/pure/relaytoken.h"

/* The house's end of one TLS connection to its relay, from looking up the name to the proof of the token;
 * then messages come and go. docs/relay-protocol.md, "Control". */

#define RELAY_LINK_STEP_USEC (15 * USEC_PER_SEC) /* looking up, connecting, TLS, the proof: each */
#define RELAY_LINK_UNACKNOWLEDGED_USEC (20 * USEC_PER_SEC) /* TCP_USER_TIMEOUT */

typedef struct RelayLink RelayLink;

typedef enum RelayLinkState {
        RELAY_LINK_RESOLVING,
        RELAY_LINK_CONNECTING,
        RELAY_LINK_HANDSHAKE,
        RELAY_LINK_PROVING,
        RELAY_LINK_OPEN,
        RELAY_LINK_CLOSED,
        _RELAY_LINK_STATE_MAX,
        _RELAY_LINK_STATE_INVALID = -EINVAL,
} RelayLinkState;

typedef enum RelayLinkFailure {
        RELAY_LINK_UNREACHABLE, /* or it ended */
        RELAY_LINK_NO_TOKEN,    /* keyd has none, or another tenant's */
        _RELAY_LINK_FAILURE_MAX,
} RelayLinkFailure;

/* Called from the loop. on_failed: it is closed by then. */
typedef struct RelayLinkOps {
        void (*on_state)(RelayLink *l); /* NULL: nobody cares */
        /* Messages can be sent. proof: io.hagw.Relay's Proof, valid while it is called; NULL: none was asked
         * for. */
        void (*on_open)(RelayLink *l, sd_json_variant *proof);
        void (*on_message)(RelayLink *l, sd_json_variant *message);
        void (*on_failed)(RelayLink *l, RelayLinkFailure failure, const char *why);
} RelayLinkOps;

struct RelayLink {
        Transport transport;
        ControlStream stream;
        Garbage garbage;
        Timer timer;
        Again again;
        Worker *worker;
        RelayTarget *target;
        const RelayLinkOps *ops;
        void *userdata;
        RelayLinkState state;
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
RelayLink *relay_link_new(Worker *w, RelayTarget *target, bool prove, const RelayLinkOps *ops,
                          void *userdata);
/* Closes without a word to ops; freed from the loop. Returns NULL. */
RelayLink *relay_link_close(RelayLink *l);
const char *relay_link_state_text(RelayLinkState s);
