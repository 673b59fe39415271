/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/net/loop.h"

/* Accepting, in each worker by itself: the kernel wakes one of those that wait (EPOLLEXCLUSIVE), mostly the
 * same one. A worker that has more visitors than another hands the next one over. */

#define LISTEN_MAX 16U /* handed-in sockets, http and https together */
#define LISTEN_BATCH 4U /* accepted per wake-up, so that all workers get some */
#define LISTEN_PAUSE_USEC (100 * USEC_PER_MSEC) /* after EMFILE and the like */

typedef struct Worker Worker;

typedef enum ListenKind {
        LISTEN_HTTPS,
        LISTEN_HTTP,
} ListenKind;

typedef struct Listener {
        Handle handle;
        Worker *worker;
        ListenKind kind;
        bool watched; /* on the loop: taken off while no more can be accepted */
        Timer retry;
} Listener;

/* Begins with the worker's first listener_resume(). */
void listener_init(Listener *l, Worker *w, ListenKind kind, int fd);
/* Takes part again after a pause or a full house; nothing where it does. */
void listener_resume(Listener *l);
void listener_pause(Listener *l);
