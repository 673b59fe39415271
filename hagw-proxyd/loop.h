/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/epoll.h>

#include "macro.h"

/* A worker's loop: epoll, edge-triggered, and deadlines that cost nothing to move away. One thread. */

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
        Timer *next, **link;  /* link is NULL while not armed */
        uint64_t due_usec;    /* CLOCK_MONOTONIC */
        uint64_t slot;        /* number of the tick it is queued for */
        TimerFire fire;
};

#define LOOP_SLOTS 256U     /* a power of two, and of 64 */
#define LOOP_TICK_SHIFT 15U /* 32.8 ms */
#define LOOP_EVENTS_MAX 128U

typedef struct Garbage {
        struct Garbage *next;
        void (*free)(struct Garbage *g);
} Garbage;

/* Something that has more to do, but lets the others go first. Zero-initialized but for run. */
typedef struct Again Again;
struct Again {
        Again *next, **link; /* link is NULL while not queued */
        void (*run)(Again *a);
};

typedef struct Loop {
        int epoll_fd;
        uint64_t now_usec;
        uint64_t tick; /* the last one looked at */
        Timer *slots[LOOP_SLOTS];
        uint64_t used[LOOP_SLOTS / 64];
        Garbage *garbage;
        Again *again;
} Loop;

int loop_init(Loop *l);
void loop_done(Loop *l);

int loop_add(Loop *l, Handle *h, uint32_t events);
void loop_remove(Loop *l, Handle *h);

/* Waits for events, at most timeout_usec, serves them and the timers that are due. */
int loop_run(Loop *l, uint64_t timeout_usec);

/* Moving a timer later than it is queued for is one store; earlier costs a list operation. */
void loop_arm(Loop *l, Timer *t, uint64_t due_usec);
void loop_disarm(Loop *l, Timer *t);

/* Runs it after the events at hand, without waiting. */
void loop_again(Loop *l, Again *a);
void loop_not_again(Again *a);

/* Calls free when the events at hand are served: nothing that an event may still point to goes earlier. */
void loop_defer_free(Loop *l, Garbage *g);
