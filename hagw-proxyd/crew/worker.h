/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <pthread.h>

#include "hagw-proxyd/crew/accessring.h"
#include "hagw-proxyd/house/agent.h"
#include "libhagw/net/buffer.h"
#include "hagw-proxyd/visit/conn.h"
#include "hagw-proxyd/http/exchange.h"
#include "hagw-proxyd/wire/httpdate.h"
#include "hagw-proxyd/door/listen.h"
#include "libhagw/net/loop.h"
#include "hagw-proxyd/crew/message.h"
#include "hagw-proxyd/wire/outsideway.h"
#include "hagw-proxyd/house/relaycall.h"
#include "hagw-proxyd/pass/passage.h"
#include "hagw-proxyd/visit/pressure.h"
#include "hagw-proxyd/visit/review.h"
#include "hagw-proxyd/http/session.h"
#include "hagw-proxyd/http/sessions.h"
#include "libhagw/net/signer.h"
#include "hagw-proxyd/crew/snapshot.h"
#include "hagw-proxyd/crew/stop.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/visit/unfinished.h"
#include "hagw-proxyd/upstream/upstream.h"

/* A worker: a thread with a loop that accepts visitors and serves them to the end. Everything in here
 * belongs to that thread, but for the queue and the counters. */

#define WORKER_SCRATCH_SIZE (H1_HEAD_SIZE_MAX + 80U * 1024) /* a head, and what goes out with it */

/* Written by the worker, read by the main thread. */
typedef struct WorkerCounters {
        _Alignas(64) _Atomic uint64_t accepted, crowded, refused, handshakes, resumed,
                failed_handshakes, evicted, requests, tunnels;
        _Atomic uint64_t handshakes_waiting, handshakes_signing, handshakes_signed;
        _Atomic uint64_t hidden;     /* visitors who came by a hop */
        _Atomic uint64_t opened_usec; /* when the relay last brought one whose TLS it had opened; 0: never */
        _Atomic uint64_t outside[_OUTSIDE_WAY_MAX]; /* visitors who came from the internet */
        _Atomic uint64_t outside_usec[_OUTSIDE_WAY_MAX]; /* the last one; CLOCK_MONOTONIC, 0: never */
        _Atomic uint64_t wakes;      /* by its queue: a sign of life */
        _Atomic uint64_t answers[6]; /* by the status's first digit; [0]: none */
        _Atomic uint64_t passages, passages_open, passage_received, passage_sent;
        _Atomic uint64_t refusals[_REFUSAL_MAX]; /* as a relay: visitors of tenants */
        _Atomic uint64_t attached, channels, channels_refused; /* as a relay: agents, channels that wait */
        _Atomic uint64_t waiting; /* visitors who wait for one */
        _Atomic uint64_t sent_on, taken; /* visitors: to another worker, and from one */
        _Atomic uint64_t stage;   /* a WorkerStage */
        _Atomic uint64_t old;     /* visitors who were under way when it began to drain, and are so since */
        _Atomic uint64_t busy;    /* visitors to be waited for before the door is shut; while parting */
        _Atomic uint64_t connections, upstream_connects, upstream_reuses, retries, log_dropped;
        _Atomic uint64_t relay_attached, relay_attempts, relay_waiting, relay_rejected;
        _Atomic uint64_t relay_visits;       /* visitors who came by a channel: counted where they came in */
        _Atomic uint64_t relay_visits_ended; /* and where they were served */
        TransportMeter relay_bytes;          /* from and to them */
} WorkerCounters;

struct Worker {
        unsigned index;
        Worker *const *crew; /* all workers; complete before the first MESSAGE_SNAPSHOT is sent */
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
        Snapshot *snapshot;
        Listener listeners[LISTEN_MAX];
        size_t n_listeners;
        Conn *conns;
        uint64_t conns_most; /* visitors, since a crowd left last */
        Unfinished unfinished;
        Again full_again; /* too much memory is in use */
        Exchange *free_exchanges;
        Upstreams upstreams;
        Agent *agent;          /* of the first worker of a house that has a relay */
        RelayCall *relay_calls;
        uint64_t relay_rejected_usec; /* when it was logged last */
        uint64_t hidden_usec; /* when it was told last that somebody came by a hop; 0: never */
        SessionCache sessions;
        SessionUses uses;
        Timer tell_used; /* armed while there is something to tell */
        Review review;
        Signer signer;
        Handshakes handshakes;
        Tenants tenants;
        AccessRing *access; /* shared with the logging thread */
        Timer stranded; /* after the network has changed, when what went over lost addresses is given up */
        const Conn *served; /* last; never looked into */
        uint64_t shared_usec; /* when that was another one than before */
        BalancersTold balancers;
        bool open; /* visitors are let in: the first MESSAGE_SNAPSHOT has come */
        WorkerStage stage;
        uint64_t stage_usec;  /* since when */
        uint64_t draining_usec, drain_end_usec; /* since when, and how long at most */
        uint64_t looked_usec; /* when counters.busy was counted */
        Timer young; /* who came just before the door was shut is served until then */
        bool told;   /* by the main thread, which asks nobody any more */
        WorkerCounters counters;
        HttpDate date;
        char scratch[WORKER_SCRATCH_SIZE];
};

/* One writer: no locked instruction needed. */
static inline void counter_add(_Atomic uint64_t *c, uint64_t n) {
        atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void counter_sub(_Atomic uint64_t *c, uint64_t n) {
        counter_add(c, -n);
}

/* Visitors who came by a channel and are here. */
uint64_t relay_visitors(const Worker *w);

/* It accepts nobody before the first MESSAGE_SNAPSHOT. The snapshot is counted up. fds and the crew's list
 * stay the caller's. */
int worker_new(unsigned index, Worker *const *crew, unsigned n_crew, Queue *main_queue, Snapshot *snapshot,
               const int *https, size_t n_https, const int *http, size_t n_http, AccessRing *access,
               Worker **ret);
/* Starts the thread. From then on nothing but what is said above may be touched from outside. */
int worker_start(Worker *w);
/* Joins the thread, which must have said MESSAGE_STOPPED or is told to stop now. */
Worker *worker_free(Worker *w);


/* When something that would end by itself at due_usec is given up: earlier while the worker drains, where it
 * is old and has been quiet (since quiet_usec) for a while. Who waits for nothing but its visitor's next
 * thought would keep the worker from its successor for all of proxy.drain. */
#define WORKER_QUIET_USEC (5 * USEC_PER_SEC)
static inline uint64_t worker_quiet_usec(const Worker *w, const Conn *c, uint64_t quiet_usec,
                                         uint64_t due_usec) {
        return c->old ? MIN(due_usec, MAX(quiet_usec, w->draining_usec) + WORKER_QUIET_USEC) : due_usec;
}

/* Whom the worker serves now. True where it has had others to serve just before. */
#define WORKER_SHARED_USEC (100 * USEC_PER_MSEC)
static inline bool worker_is_shared(Worker *w, const Conn *c) {
        if (w->served != c) {
                w->served = c;
                w->shared_usec = w->loop.now_usec;
        }
        return w->loop.now_usec < w->shared_usec + WORKER_SHARED_USEC;
}

/* Sends a message; it belongs to the worker then. */
/* For a visitor who is sent on from w: counted as on his way, so it has to be sent. NULL: no memory. */
VisitorMessage *worker_visitor_message(Worker *w);
void worker_send(Worker *w, Message *m);
/* To the main thread. */
void worker_say(Worker *w, MessageKind kind);
