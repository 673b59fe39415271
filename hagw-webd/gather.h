/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-webd/request.h"

/* Asks several daemons at once, without waiting for any: a dead one is only a missing reply. Requests that
 * come while somebody's questions are under way share the answers, so that many visitors ask no more than
 * one. */

#define GATHER_CALLS_MAX 16U
#define GATHER_TIMEOUT_USEC (2 * USEC_PER_SEC) /* for a daemon that is alive but silent */

typedef struct GatherCall {
        const char *daemon;    /* "dnsd" */
        const char *interface; /* the socket's name */
        const char *method;    /* with its interface */
} GatherCall;

typedef struct Gather Gather;

struct Gather {
        unsigned n_ref;
        const GatherCall *calls;
        size_t n, pending;
        sd_json_variant *replies[GATHER_CALLS_MAX]; /* NULL: none */
        struct GatherSlot *slot;
        struct GatherMark {
                Gather *gather;
                size_t i;
        } marks[GATHER_CALLS_MAX]; /* for the callbacks: which call it is */
};

/* Where the questions under way are kept; one per page. */
struct GatherSlot {
        Gather *gather; /* NULL: none under way */
        Request *waiting;
        VlRequest *requests[GATHER_CALLS_MAX];
};

/* Suspends the request; resumed() runs with q->data the Gather. */
int gather_join(GatherSlot *slot, const GatherCall *calls, size_t n, Request *q, int (*resumed)(Request *q));
/* Resumes whoever waits, with what there is. */
GatherSlot *gather_slot_free(GatherSlot *slot);
