/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* The end of the workers, so that nobody feels it. Who was here when it began to drain has proxy.drain; who
 * comes is served as ever. Then the crew, its door still open, lets go of whoever wants nothing, and waits
 * for a moment in which nobody has just begun something. Only then is the door shut, and what goes on
 * without an end is cut, so that the next process can come. Runs in each worker's thread; what the others
 * are at is seen in their counters. */

#define STOP_PARTING_USEC (5 * USEC_PER_SEC) /* for a good moment; so long a request is waited for */
#define STOP_YOUNG_USEC USEC_PER_SEC /* who has just come is served, also by a worker that is shut */
#define STOP_REST_USEC (2 * USEC_PER_SEC) /* after the door is shut: then whatever is left is cut */
#define STOP_MAX_USEC (STOP_PARTING_USEC + STOP_REST_USEC) /* all of it, beyond proxy.drain */
#define STOP_EXPECTED_USEC (5 * USEC_PER_SEC) /* a house that was attached so recently is expected back */
#define STOP_SLICE 256U /* connections that are let go of at each look */
#define STOP_LOOK_USEC (20 * USEC_PER_MSEC) /* how often a worker looks at itself and the others */

typedef struct Worker Worker;

typedef enum WorkerStage {
        WORKER_SERVING,
        WORKER_DRAINING, /* who was here is to come to an end */
        WORKER_PARTING,  /* each answer is its connection's last */
        WORKER_SHUT,     /* nobody is accepted any more */
        WORKER_LEFT,     /* agents were told, nobody is here */
        _WORKER_STAGE_MAX,
        _WORKER_STAGE_INVALID = -EINVAL,
} WorkerStage;
const char *worker_stage_text(WorkerStage s);

/* drain_message. */
void stop_drain(Worker *w);
/* stop_message: the main thread has gone on without waiting, or has waited. */
void stop_now(Worker *w);
/* After each turn of the loop. The worker is over when it was told to stop and has left. */
void stop_turn(Worker *w);
/* Lets go of everybody, and says so. */
void stop_leave(Worker *w);
/* How long the loop may wait until then. */
uint64_t stop_patience(const Worker *w);
