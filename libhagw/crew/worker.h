/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <pthread.h>

#include "libhagw/crew/accessring.h"
#include "libhagw/crew/message.h"
#include "libhagw/crew/room.h"
#include "libhagw/crew/stop.h"
#include "libhagw/crew/terms.h"
#include "libhagw/net/buffer.h"
#include "libhagw/net/loop.h"
#include "libhagw/net/pump.h"
#include "libhagw/net/signer.h"
#include "libhagw/net/transport.h"

/* A worker: a thread with a loop on which the rooms accept visitors and serve them to the end. Everything in
 * here belongs to that thread, but for the queue and the counters. */

#define WORKER_SCRATCH_SIZE (336U * 1024)

/* What a program counts beside what is counted here: a struct of its own, written by the worker and read by
 * the main thread. */
typedef struct Figures Figures;

/* Written by the worker, read by the main thread. */
typedef struct WorkerCounters {
        _Alignas(64) _Atomic uint64_t connections; /* visitors who are here */
        _Atomic uint64_t wakes;      /* by its queue: a sign of life */
        _Atomic uint64_t passages, passages_open, passage_received, passage_sent;
        _Atomic uint64_t waiting; /* visitors who wait for their house, or for a channel to it */
        _Atomic uint64_t sent_on, taken; /* visitors: to another worker, and from one */
        _Atomic uint64_t stage;   /* a WorkerStage */
        _Atomic uint64_t old;     /* visitors who were under way when it began to drain, and are so since */
        _Atomic uint64_t busy;    /* visitors to be waited for before the door is shut; while parting */
        _Atomic uint64_t handshakes_waiting, handshakes_signing, handshakes_signed;
        _Atomic uint64_t log_dropped;
} WorkerCounters;

struct Worker {
        unsigned index;
        Worker *const *crew; /* all workers; complete before the first snapshot_message is sent */
        unsigned n_crew;
        pthread_t thread;
        bool started;
        Queue queue;       /* to this worker */
        Queue *main_queue; /* from it */
        Loop loop;
        Handle queue_handle;
        Message *inbox, **inbox_end; /* from the queue, not yet looked at */
        Again inbox_again;
        BufferPool pool;
        PipePool pipes;
        Snapshot *snapshot; /* the program's, which begins with Terms */
        const Room *const *rooms; /* from the lowest to the highest, NULL-ended */
        size_t n_rooms;
        /* What each room has here, which nobody else looks into; a program has some of them. */
        struct Upstreams *upstreams;
        struct Visits *visits;
        struct Passages *passages;
        struct Handshakes *handshakes;
        struct Exchanges *exchanges;
        struct H1Streams *h1;
        struct Places *places;
        struct Tenants *tenants;
        struct House *house;
        struct Door *door;
        Signer signer;
        AccessRing *access; /* shared with the logging thread */
        Timer stranded; /* after the network has changed, when what went over lost addresses is given up */
        uint64_t most; /* visitors at once, since a crowd left last */
        void (*on_room)(Worker *w); /* one has gone, so that another may come; NULL: nobody waits for that */
        const void *served; /* last; never looked into */
        uint64_t shared_usec; /* when that was another one than before */
        bool open; /* visitors are let in: the first snapshot_message has come */
        WorkerStage stage;
        uint64_t stage_usec;  /* since when */
        uint64_t draining_usec, drain_end_usec; /* since when, and how long at most */
        uint64_t looked_usec; /* when counters.busy was counted */
        bool told;   /* by the main thread, which asks nobody any more */
        WorkerCounters counters;
        Figures *figures; /* zero at first */
        char scratch[WORKER_SCRATCH_SIZE];
};

/* One writer: no locked instruction needed. */
static inline void counter_add(_Atomic uint64_t *c, uint64_t n) {
        atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void counter_sub(_Atomic uint64_t *c, uint64_t n) {
        counter_add(c, -n);
}

/* Whom the worker serves now. True where it has had others to serve just before. */
#define WORKER_SHARED_USEC (100 * USEC_PER_MSEC)
static inline bool worker_is_shared(Worker *w, const void *served) {
        if (w->served != served) {
                w->served = served;
                w->shared_usec = w->loop.now_usec;
        }
        return w->loop.now_usec < w->shared_usec + WORKER_SHARED_USEC;
}

/* When something that would end by itself at due_usec is given up: earlier while the worker drains, where it
 * is old and has been quiet (since quiet_usec) for a while. Who waits for nothing but its visitor's next
 * thought would keep the worker from its successor for all of proxy.drain. */
#define WORKER_QUIET_USEC (5 * USEC_PER_SEC)
static inline uint64_t worker_quiet_usec(const Worker *w, bool old, uint64_t quiet_usec, uint64_t due_usec) {
        return old ? MIN(due_usec, MAX(quiet_usec, w->draining_usec) + WORKER_QUIET_USEC) : due_usec;
}

static inline const Terms *worker_terms(const Worker *w) {
        return (const Terms *) (const void *) w->snapshot;
}

/* Calls what each room has of that: from the lowest to the highest, and the other way. */
#define ROOMS_UP(w, what)                                             \
        for (size_t _i = 0; (w)->rooms[_i]; _i++)                     \
                if ((w)->rooms[_i]->what)                             \
                        (w)->rooms[_i]->what(w)
#define ROOMS_DOWN(w, what)                                           \
        for (size_t _i = (w)->n_rooms; _i-- > 0;)                     \
                if ((w)->rooms[_i]->what)                             \
                        (w)->rooms[_i]->what(w)

/* What the workers of a program are made of. */
typedef struct CrewPlan {
        const Room *const *rooms; /* from the lowest to the highest, NULL-ended */
        size_t figures_size;      /* of its struct Figures, a multiple of 64 */
} CrewPlan;

/* Nothing happens in it before it is started, and its rooms open with open_message. The snapshot is counted
 * up; the crew's list and the plan stay the caller's. */
int worker_new(unsigned index, Worker *const *crew, unsigned n_crew, Queue *main_queue, Snapshot *snapshot,
               const CrewPlan *plan, AccessRing *access, Worker **ret);
/* Starts the thread. From then on nothing but what is said above may be touched from outside. */
int worker_start(Worker *w);
/* Joins the thread, which must have said stopped_message or is told to stop now. */
Worker *worker_free(Worker *w);

/* Sends a message; it belongs to the worker then. */
void worker_send(Worker *w, Message *m);
/* To the main thread. */
void worker_say(Worker *w, const MessageKind *kind);
