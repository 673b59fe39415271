/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stacks and the switch between them (makecontext(3)). A stack that has done its work is used again as it
 * is: its first function never returns. Below each lies a page that nobody may touch. */

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "libhagw/net/fiber.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

struct Fiber {
        FiberPool *pool;
        Fiber *next; /* in the pool */
        Again again;
        void (*run)(void *userdata);
        void (*on_wake)(void *userdata);
        void *userdata;
        bool ended;
        uint8_t *stack; /* with its guard */
        size_t size;
        ucontext_t inside, outside;
        /* For the sanitizer, which wants to know on which stack we are: */
        void *fake;
        const void *outer_bottom;
        size_t outer_size;
        /* And for the one that looks at threads: */
        void *thread_inside, *thread_outside;
};

static _Thread_local Fiber *current;

Fiber *fiber_current(void) {
        return current;
}

static size_t guard_size(void) {
        return (size_t) sysconf(_SC_PAGESIZE);
}

static void switch_in(Fiber *f) {
#ifdef __SANITIZE_ADDRESS__
        void *fake;

        __sanitizer_start_switch_fiber(&fake, f->stack + guard_size(), f->size - guard_size());
#endif
        current = f;
#ifdef __SANITIZE_THREAD__
        f->thread_outside = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(f->thread_inside, 0);
#endif
        (void) swapcontext(&f->outside, &f->inside);
        current = NULL;
#ifdef __SANITIZE_ADDRESS__
        __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}

static void switch_out(Fiber *f) {
#ifdef __SANITIZE_ADDRESS__
        __sanitizer_start_switch_fiber(&f->fake, f->outer_bottom, f->outer_size);
#endif
#ifdef __SANITIZE_THREAD__
        __tsan_switch_to_fiber(f->thread_outside, 0);
#endif
        (void) swapcontext(&f->inside, &f->outside);
#ifdef __SANITIZE_ADDRESS__
        __sanitizer_finish_switch_fiber(f->fake, &f->outer_bottom, &f->outer_size);
#endif
}

static void first(void) {
        Fiber *f = current;

#ifdef __SANITIZE_ADDRESS__
        __sanitizer_finish_switch_fiber(NULL, &f->outer_bottom, &f->outer_size);
#endif
        for (;;) {
                f->run(f->userdata);
                f->ended = true;
                switch_out(f);
        }
}

static void on_again(Again *a) {
        Fiber *f = CONTAINER_OF(a, Fiber, again);

        f->on_wake(f->userdata);
}

static Fiber *fiber_free(Fiber *f) {
#ifdef __SANITIZE_THREAD__
        if (f->thread_inside)
                __tsan_destroy_fiber(f->thread_inside);
#endif
        if (f->stack)
                (void) munmap(f->stack, f->size);
        free(f);
        return NULL;
}

/* Alone, for getcontext(3) may return twice as far as the compiler knows. */
static int prepare(Fiber *f) {
        if (getcontext(&f->inside) < 0)
                return -errno;
        f->inside.uc_stack.ss_sp = f->stack + guard_size();
        f->inside.uc_stack.ss_size = FIBER_STACK_SIZE;
        makecontext(&f->inside, first, 0);
        return 0;
}

static Fiber *fiber_make(FiberPool *p) {
        Fiber *f = calloc(1, sizeof(*f));
        void *stack;

        if (!f)
                return NULL;
        f->pool = p;
        f->again.run = on_again;
#ifdef __SANITIZE_THREAD__
        f->thread_inside = __tsan_create_fiber(0);
#endif
        f->size = guard_size() + FIBER_STACK_SIZE;
        stack = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (stack == MAP_FAILED)
                return fiber_free(f);
        f->stack = stack;
        if (mprotect(stack, guard_size(), PROT_NONE) < 0 || prepare(f) < 0)
                return fiber_free(f);
        return f;
}

Fiber *fiber_new(FiberPool *p, void (*run)(void *userdata), void (*on_wake)(void *userdata),
                 void *userdata) {
        Fiber *f = p->free;

        if (f) {
                p->free = f->next;
                p->n_free--;
        } else
                f = fiber_make(p);
        if (!f)
                return NULL;
        f->run = run;
        f->on_wake = on_wake;
        f->userdata = userdata;
        f->ended = false;
        return f;
}

bool fiber_resume(Fiber *f) {
        FiberPool *p = f->pool;

        assert(!current);
        loop_not_again(p->loop, &f->again);
        switch_in(f);
        if (!f->ended)
                return false;
        if (p->n_free >= FIBERS_FREE_MAX) {
                fiber_free(f);
                return true;
        }
        f->next = p->free;
        p->free = f;
        p->n_free++;
        return true;
}

void fiber_yield(void) {
        assert(current);
        switch_out(current);
}

void fiber_wake(Fiber *f) {
        if (f != current)
                loop_again(f->pool->loop, &f->again);
}

void fiber_pool_done(FiberPool *p) {
        while (p->free) {
                Fiber *f = p->free;

                p->free = f->next;
                fiber_free(f);
        }
        p->n_free = 0;
}
