/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/h1-body.h"
#include "libhagw/net/transport.h"

/* A body on its way from a buffer to a transport: unwrapped from its framing there, wrapped in its framing
 * here. Bounded by the buffer it comes from and the one the transport keeps. */

typedef struct Flow {
        H1Body body;
        BodyKind kind; /* how it goes out */
        bool done;     /* all of it was accepted by the transport */
        bool broken;   /* the transport takes no more: the rest is not wanted */
        uint64_t n;    /* payload bytes */
} Flow;

#define FLOW_MOVE_MAX (64U * 1024) /* bytes at once */

typedef enum FlowResult {
        FLOW_HUNGRY,  /* needs more input */
        FLOW_BLOCKED, /* the transport has to send first */
        FLOW_MOVED,   /* call again */
        FLOW_DONE,
        FLOW_BAD,     /* the framing is malformed */
        FLOW_BROKEN,  /* the transport is */
} FlowResult;

void flow_init(Flow *f, BodyKind in, uint64_t size, H1Reading reading, BodyKind out);

/* Moves what in holds (NULL: nothing). scratch has room for prefix + FLOW_MOVE_MAX + 64 bytes; the first
 * prefix bytes of it go out before the payload, together with it, also where there is none. */
FlowResult flow_move(Flow *f, Buffer *in, Transport *to, char *scratch, size_t prefix);

/* The input ended. FLOW_DONE, or FLOW_BAD where it ended too early; may want to be called again
 * (FLOW_BLOCKED). */
FlowResult flow_end(Flow *f, Transport *to);
