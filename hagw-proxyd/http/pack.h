/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/encode/encoder.h"
#include "hagw-proxyd/http/flow.h"
#include "libhagw/crew/worker.h"

/* An answer that is compressed between the service and the visitor. It is read no faster than what comes of
 * it is taken. */

/* A service that pauses within an answer does not know that part of it is held back: it is sent after so
 * long. */
#define PACK_PAUSE_USEC (20 * USEC_PER_MSEC)

typedef struct Pack {
        Worker *worker;
        Encoder *encoder;
        void (*run)(void *owner);
        void *owner;
        Timer pause; /* armed while something is held back */
        bool paused; /* it has fired since */
} Pack;

/* run: what is held back is due; called from the loop. NULL: too many are at it, or too
 * many of the network, or there is no memory. */
Pack *pack_new(Worker *w, Encoders *all, Coding c, uint64_t network, void (*run)(void *owner), void *owner);
/* Returns NULL. */
Pack *pack_free(Pack *p);
/* Nothing new has come from the service: is what is held back to be sent? */
bool pack_is_paused(Pack *p);
/* Takes of the flow what goes into the next step. 0: *ret, maybe empty, may go to the visitor; 1: and
 * behind it is the end. -ENOMEM. */
int pack_fill(Pack *p, Flow *f, Slice *ret);
void pack_take(Pack *p, size_t n);
/* Needs nothing more from the service for its next step. */
bool pack_has_more(const Pack *p);
size_t pack_held(const Pack *p);
