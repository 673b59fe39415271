/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/house/house.h"
#include "libhagw/crew/message.h"
#include "libhagw/vl.h"

/* What the main thread knows of the attachment to the relay, and its calls there. */

typedef struct RelayRequest RelayRequest;

typedef struct AgentView {
        sd_event *event;
        Worker *worker;          /* the one that is attached; NULL: not started */
        AgentStateMessage *last; /* the newest; NULL: none yet */
        char *logged;            /* the error that was logged last; NULL: all is well */
        bool configured;
        RelayRequest *requests;
        unsigned n_requests;
} AgentView;

void agent_view_init(AgentView *v, sd_event *event);
/* After the start and each reload. */
void agent_view_apply(AgentView *v, Worker *worker, const RelayTarget *target);
/* Packets to the world leave another way than before, or nobody can know. */
void agent_view_on_network(AgentView *v);
/* Take the message over. */
void agent_view_on_state(AgentView *v, AgentStateMessage *m);
void agent_view_on_call(AgentView *v, AgentCallMessage *m);
void agent_view_done(AgentView *v);

/* Makes a call at the relay. The handler runs exactly once, unless agent_view_done() comes first, and gets
 * the link back that was given, which is unreferenced afterwards. parameters: NULL: none. method: static,
 * without its interface. */
typedef void (*RelayRequestHandler)(sd_varlink *link, const AgentCallMessage *answer);
int agent_view_call(AgentView *v, RelayTarget *target, const char *method, bool prove,
                    sd_json_variant *parameters, sd_varlink *link, RelayRequestHandler handler);
