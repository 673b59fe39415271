/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/net/loop.h"

/* A function on a stack of its own, that may stop in its middle and go on later: for libraries that want an
 * answer while they run, where the thread cannot wait for it. One thread. */

#define FIBER_STACK_SIZE (256U * 1024) /* bytes of address space; what is touched of it is memory */
#define FIBERS_FREE_MAX 8U             /* kept when nobody needs them */

typedef struct Fiber Fiber;

typedef struct FiberPool {
        Loop *loop;
        Fiber *free;
        unsigned n_free;
} FiberPool;

void fiber_pool_done(FiberPool *p);

/* run is called with the first fiber_resume(), on_wake from the loop after each fiber_wake(). NULL: no
 * memory. */
Fiber *fiber_new(FiberPool *p, void (*run)(void *userdata), void (*on_wake)(void *userdata),
                 void *userdata);

/* Goes on with it. True: it has come to its end and is gone; false: it has stopped again. Not from within
 * a fiber. */
bool fiber_resume(Fiber *f);

/* The one that runs; NULL: none does. */
Fiber *fiber_current(void);
/* Stops the one that runs until it is resumed. */
void fiber_yield(void);

/* What it stopped for is there: its on_wake is called in a turn of its own. Nothing for the one that runs.
 */
void fiber_wake(Fiber *f);
