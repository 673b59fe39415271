/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/relay/channel.h"
#include "hagw-proxyd/relay/machine.h"
#include "libhagw/crew/crowd.h"
#include "libhagw/crew/message.h"
#include "libhagw/net/controlstream.h"
#include "libhagw/net/relaykeys.h"
#include "libhagw/pure/cidr.h"
#include "libhagw/pure/relaytoken.h"

/* The relay's end of a control connection: one call, whose answer ends it, or an attached agent. What is
 * said is docs/relay-protocol.md, "Control". */

#define CONTROL_CALL_USEC (10 * USEC_PER_SEC)  /* for the call to come */
#define CONTROL_LOST_USEC (2 * USEC_PER_SEC) /* hagw-tenantd went so soon: it is asked once more */
#define CONTROL_ANSWER_USEC (30 * USEC_PER_SEC) /* for hagw-tenantd to answer */
#define CONTROL_PING_USEC (10 * USEC_PER_SEC)
#define CONTROL_SILENT_USEC (15 * USEC_PER_SEC) /* sent bytes that are not acknowledged (TCP_USER_TIMEOUT) */
#define CONTROL_PROBE_USEC (2 * USEC_PER_SEC)   /* for one who is to be taken over */
#define CONTROL_WAITING_MAX 64U                 /* channels that are asked to wait at most */

#define CONTROL_OPENS_MAX 32U /* names that a house is told; of more it hears nothing */

#define CONTROL_MACHINE_MAX 64U

typedef struct Tenant Tenant;

typedef enum ControlState {
        CONTROL_CALL,     /* the call is to come */
        CONTROL_ASKED,    /* hagw-tenantd is */
        CONTROL_PROBING,  /* admitted; the one whose place it takes is given a moment */
        CONTROL_ATTACHED,
        CONTROL_LEAVING,  /* the last word is said */
        CONTROL_CLOSED,
        _CONTROL_STATE_MAX,
        _CONTROL_STATE_INVALID = -EINVAL,
} ControlState;

struct Control {
        Transport transport;
        ControlStream stream;
        Garbage garbage;
        Timer timer;
        Worker *worker;
        Control *next, **place; /* in tenant->controls, or in tenants.strangers */
        ControlState state;
        CrowdPlace crowd; /* until it is attached */
        IpAddress address;
        uint16_t port;
        RelayKeys keys;
        CallMessage *asked;
        /* Of an agent: */
        char tenant_name[HOSTNAME_LABEL_MAX + 1];
        char token_id[RELAY_TOKEN_ID_LENGTH + 1];
        char *machine, *software;
        Machine says;
        Tenant *tenant; /* attached */
        uint8_t session_id[CHANNEL_SESSION_ID_SIZE];
        unsigned slot;
        ChannelWindow window;
        Channel *channels;
        unsigned n_waiting, least_waiting; /* since the last ping */
        bool asked_again; /* hagw-tenantd, of which nothing was heard the first time */
        unsigned wish; /* so many should wait */
        uint64_t ping, since_usec; /* CLOCK_REALTIME */
        uint64_t received, sent;   /* bytes from and to visitors */
        uint64_t told_refusals;    /* tenant_refusals_version() of what it has heard */
        bool told_exhausted;
        unsigned told_channels;
        uint64_t told_domains;     /* the tenant's domains_version */
        char *told_opens;          /* names that are opened here for its house, JSON text; NULL: none */
        bool opens_stale;          /* there may be others */
};

/* To a worker, from another: an agent, you are its tenant's home. */
typedef struct ControlMessage {
        Message message;
        Control *control; /* given away, off the loop */
        char *call;       /* the message that it was about to serve, JSON text */
} ControlMessage;
extern const MessageKind control_message;

/* By its session id; NULL: none is attached under it. */
Control *control_find(Worker *w, const uint8_t session_id[static CHANNEL_SESSION_ID_SIZE]);

/* One of its channels was wanted and not there: ask for more. */
void control_wish_more(Control *k);
/* Its tenant is another: what of that the house is to know it hears now. */
void control_tell(Control *k);
/* Other hosts than before: whose visitors are opened here may be others. */
void controls_snapshot(Worker *w);

/* Says an error where there is one (of io.hagw.Relay, without the interface's name), and ends. */
void control_end(Control *k, const char *error);
/* This relay stops and comes back: the agent may come again at once. */
void control_dismiss(Control *k);
void control_close(Control *k);
void control_set_state(Control *k, ControlState s);

/* For its parts. The last word is said; waits a moment for the other end to read it. */
void control_leave(Control *k);
void control_link_stranger(Control *k);
void control_unlink_stranger(Control *k);
/* Serves the call. False: k went on at another worker, and is not ours any more. May end k. */
bool control_on_call(Control *k, sd_json_variant *message);
