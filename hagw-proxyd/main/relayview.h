/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/message.h"
#include "hagw-proxyd/house/agent.h"
#include "hagw-proxyd/house/relaycall.h"
#include "libhagw/vl.h"

/* What the main thread knows of the attachment to the relay, and its calls there. */

typedef struct RelayRequest RelayRequest;

typedef struct RelayView {
        sd_event *event;
        Worker *worker;          /* the one that is attached; NULL: not started */
        RelayStateMessage *last; /* the newest; NULL: none yet */
        char *logged;            /* the error that was logged last; NULL: all is well */
        bool configured;
        RelayRequest *requests;
        unsigned n_requests;
} RelayView;

void relay_view_init(RelayView *v, sd_event *event);
/* After the start and each reload. */
void relay_view_apply(RelayView *v, Worker *worker, const RelayTarget *target);
/* Packets to the world leave another way than before, or nobody can know. */
void relay_view_on_network(RelayView *v);
/* Take the message over. */
void relay_view_on_state(RelayView *v, RelayStateMessage *m);
void relay_view_on_call(RelayView *v, RelayCallMessage *m);
void relay_view_done(RelayView *v);

/* Makes a call at the relay. The handler runs exactly once, unless relay_view_done() comes first, and gets
 * the link back that was given, which is unreferenced afterwards. parameters: NULL: none. method: static,
 * without its interface. */
typedef void (*RelayRequestHandler)(sd_varlink *link, const RelayCallMessage *answer);
int relay_view_call(RelayView *v, RelayTarget *target, const char *method, bool prove,
                    sd_json_variant *parameters, sd_varlink *link, RelayRequestHandler handler);
