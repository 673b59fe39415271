/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/epoll.h>

#include "libhagw/pure/macro.h"

/* A worker's loop: epoll, edge-triggered, and deadlines that cost nothing to move away. One thread.
 *
 * The contract of everything on it: what is called does a bounded piece of work, its turn, and comes back.
 * It never goes on for as long as the other side sends. Work is counted in bytes, as many as are decrypted
 * in the same time (1 KiB is about a microsecond): whoever moves bytes, or does what LOOP_WORK_… names, says
 * so with loop_spend(), and asks loop_turn_is_over() in every loop whose end the other side chooses. What is
 * left is asked for with loop_again(), which lets everybody else go first. */

#define LOOP_TURN_MAX (2U * 1024 * 1024)  /* of one who is alone */
#define LOOP_TURN_MIN (64U * 1024)        /* of each of many */
#define LOOP_ROUND_WORK (4U * 1024 * 1024) /* shared by those who have a turn in a round */
#define LOOP_WORK_CALL (4U * 1024)      /* a system call on a socket */
#define LOOP_WORK_RECORD 1024U          /* a TLS record, beside its bytes */
#define LOOP_WORK_REQUEST (16U * 1024)  /* a head that is parsed, judged, answered, and logged */
#define LOOP_WORK_MESSAGE (16U * 1024)  /* a JSON message from another machine */
#define LOOP_WORK_LETTER 1024U          /* a message from another thread */
#define LOOP_WORK_HANDSHAKE (256U * 1024)

typedef struct Handle Handle;
typedef void (*HandleEvent)(Handle *h, uint32_t events);

/* A file descriptor on the loop; part of what it serves. Freed only from loop_defer_free(). */
struct Handle {
        int fd;
        HandleEvent on_event;
};

typedef struct Timer Timer;
typedef void (*TimerFire)(Timer *t);

/* Zero-initialized but for fire. */
struct Timer {
        Timer *next, **place; /* list.h; NULL while not armed */
        uint64_t due_usec;    /* CLOCK_MONOTONIC */
        uint64_t slot;        /* number of the tick it is queued for */
        TimerFire fire;
};

#define LOOP_SLOTS 256U     /* a power of two, and of 64 */
#define LOOP_TICK_SHIFT 15U /* 32.8 ms */
#define LOOP_EVENTS_MAX 128U /* in a round, */
#define LOOP_AGAINS_MAX 128U /* of those who have asked for another turn, */
#define LOOP_TIMERS_MAX 256U /* and of deadlines; the others come in the next */

typedef struct Garbage {
        struct Garbage *next;
        void (*free)(struct Garbage *g);
} Garbage;

/* Something that has more to do, but lets the others go first. Zero-initialized but for run. */
typedef struct Again Again;
struct Again {
        Again *next, *previous;
        bool queued;
        void (*run)(Again *a);
};

typedef struct Loop {
        int epoll_fd;
        uint64_t now_usec;
        uint64_t tick; /* the last one looked at */
        Timer *slots[LOOP_SLOTS];
        uint64_t used[LOOP_SLOTS / 64];
        Timer *due;    /* deadlines that have passed and did not fit into a round */
        Garbage *garbage;
        Again *again, *last_again;
        unsigned n_again;
        size_t turn_max; /* LOOP_TURN_MAX; less in tests */
        size_t turn;     /* what each may do in this round */
        size_t spent;    /* by the one whose turn it is */
        size_t most;     /* that anybody has ever spent in a turn */
} Loop;

int loop_init(Loop *l);
/* Whoever waits for a time or a turn does so no more: for the end, before those go of whom some still do. */
void loop_forget(Loop *l);
void loop_done(Loop *l);

int loop_add(Loop *l, Handle *h, uint32_t events);
void loop_remove(Loop *l, Handle *h);

/* Waits for events, at most timeout_usec, serves them and the timers that are due. */
int loop_run(Loop *l, uint64_t timeout_usec);

/* Moving a timer later than it is queued for is one store; earlier costs a list operation. */
void loop_arm(Loop *l, Timer *t, uint64_t due_usec);
void loop_disarm(Loop *l, Timer *t);

static inline void loop_spend(Loop *l, size_t work) {
        l->spent += work;
}
static inline bool loop_turn_is_over(const Loop *l) {
        return l->spent >= l->turn;
}

/* Runs it after the events at hand, without waiting; first come, first served. */
void loop_again(Loop *l, Again *a);
void loop_not_again(Loop *l, Again *a);

/* Calls free when the events at hand are served: nothing that an event may still point to goes earlier. */
void loop_defer_free(Loop *l, Garbage *g);
