/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* epoll, a timer wheel, and turns. A timer is queued for the tick it was first armed for; when that tick
 * comes and the deadline has moved, it is queued again. Runs in the worker's thread. */

#include <time.h>

#include "libhagw/net/loop.h"
#include "libhagw/pure/list.h"
#include "libhagw/usec.h"

int loop_init(Loop *l) {
        *l = (Loop) {
                .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
                .now_usec = clock_usec(CLOCK_MONOTONIC),
                .turn_max = LOOP_TURN_MAX,
                .turn = LOOP_TURN_MAX,
        };
        l->tick = l->now_usec >> LOOP_TICK_SHIFT;
        return l->epoll_fd < 0 ? -errno : 0;
}

static void collect_garbage(Loop *l) {
        while (l->garbage) {
                Garbage *g = l->garbage;
                l->garbage = g->next;
                g->free(g);
        }
}

static void forget_timers(Timer *first) {
        for (Timer *t = first; t; t = t->next)
                LIST_REMOVE(t);
}

void loop_forget(Loop *l) {
        for (unsigned i = 0; i < LOOP_SLOTS; i++)
                forget_timers(l->slots[i]);
        forget_timers(l->due);
        while (l->again)
                loop_not_again(l, l->again);
}

void loop_done(Loop *l) {
        collect_garbage(l);
        l->epoll_fd = safe_close(l->epoll_fd);
}

void loop_defer_free(Loop *l, Garbage *g) {
        g->next = l->garbage;
        l->garbage = g;
}

void loop_again(Loop *l, Again *a) {
        if (a->queued)
                return;
        a->queued = true;
        a->next = NULL;
        a->previous = l->last_again;
        *(l->last_again ? &l->last_again->next : &l->again) = a;
        l->last_again = a;
        l->n_again++;
}

void loop_not_again(Loop *l, Again *a) {
        if (!a->queued)
                return;
        a->queued = false;
        *(a->previous ? &a->previous->next : &l->again) = a->next;
        *(a->next ? &a->next->previous : &l->last_again) = a->previous;
        l->n_again--;
}

static void end_turn(Loop *l) {
        l->most = MAX(l->most, l->spent);
        l->spent = 0;
}

/* How much each of so many may do. */
static size_t share(const Loop *l, size_t n) {
        return MIN(MAX(LOOP_ROUND_WORK / MAX(n, (size_t) 1), (size_t) LOOP_TURN_MIN), l->turn_max);
}

/* Those queued now; what they queue comes in the next round. */
static void serve_again(Loop *l) {
        for (unsigned n = MIN(l->n_again, LOOP_AGAINS_MAX); n > 0 && l->again; n--) {
                Again *a = l->again;

                loop_not_again(l, a);
                a->run(a);
                end_turn(l);
        }
}

int loop_add(Loop *l, Handle *h, uint32_t events) {
        struct epoll_event e = { .events = events, .data.ptr = h };

        return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, h->fd, &e) < 0 ? -errno : 0;
}

void loop_remove(Loop *l, Handle *h) {
        (void) epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, h->fd, NULL);
}

static void timer_link(Loop *l, Timer *t) {
        /* Rounded up, so that a timer is never early; never into the tick that was just served. */
        uint64_t slot = MAX((t->due_usec >> LOOP_TICK_SHIFT) + 1, l->tick + 1);
        unsigned i = slot % LOOP_SLOTS;

        t->slot = slot;
        LIST_ADD(&l->slots[i], t);
        l->used[i / 64] |= UINT64_C(1) << (i % 64);
}

void loop_arm(Loop *l, Timer *t, uint64_t due_usec) {
        t->due_usec = due_usec;
        if (t->place) {
                if ((due_usec >> LOOP_TICK_SHIFT) + 1 >= t->slot)
                        return;
                LIST_REMOVE(t);
        }
        timer_link(l, t);
}

void loop_disarm(Loop *l, Timer *t) {
        LIST_REMOVE(t);
}

/* One tick's timers become due, behind those that are. */
static void take_slot(Loop *l, unsigned i) {
        Timer **end = &l->due, *list = l->slots[i];

        l->slots[i] = NULL;
        l->used[i / 64] &= ~(UINT64_C(1) << (i % 64));
        while (*end)
                end = &(*end)->next;
        *end = list;
        if (list)
                list->place = end;
}

static void take_slots(Loop *l) {
        uint64_t now = l->now_usec >> LOOP_TICK_SHIFT, last = MIN(now, l->tick + LOOP_SLOTS);

        for (uint64_t t = l->tick + 1; t <= last; t++) {
                unsigned i = t % LOOP_SLOTS;

                l->tick = t;
                if (l->used[i / 64] & (UINT64_C(1) << (i % 64)))
                        take_slot(l, i);
        }
        l->tick = now;
}

/* Handlers may arm and disarm any timer, so the list is consumed from its head. */
static void serve_timers(Loop *l) {
        for (unsigned n = 0; n < LOOP_TIMERS_MAX && l->due; n++) {
                Timer *t = l->due;

                LIST_REMOVE(t);
                if (t->due_usec > l->now_usec) {
                        timer_link(l, t);
                        continue;
                }
                t->fire(t);
                end_turn(l);
        }
}

/* Until the next tick that has timers, usec; UINT64_MAX: none has. */
static uint64_t next_timer(const Loop *l) {
        unsigned start = (l->tick + 1) % LOOP_SLOTS;

        for (unsigned n = 0; n < LOOP_SLOTS;) {
                unsigned i = (start + n) % LOOP_SLOTS;
                uint64_t word = l->used[i / 64] >> (i % 64);

                if (word == 0) {
                        n += 64 - i % 64;
                        continue;
                }
                n += (unsigned) __builtin_ctzll(word);
                uint64_t due = (l->tick + 1 + n) << LOOP_TICK_SHIFT;
                return due > l->now_usec ? due - l->now_usec : 0;
        }
        return USEC_INFINITY;
}

int loop_run(Loop *l, uint64_t timeout_usec) {
        struct epoll_event events[LOOP_EVENTS_MAX];
        uint64_t wait = l->again || l->due ? 0 : MIN(timeout_usec, next_timer(l));
        int n;

        n = epoll_wait(l->epoll_fd, events, LOOP_EVENTS_MAX,
                       wait == USEC_INFINITY ? -1 : (int) MIN((wait + 999) / 1000, UINT64_C(3600000)));
        if (n < 0 && errno != EINTR)
                return -errno;
        l->now_usec = clock_usec(CLOCK_MONOTONIC);
        l->turn = n + (int) l->n_again <= 1 ? l->turn_max : share(l, (size_t) MAX(n, 0) + l->n_again);
        for (int i = 0; i < n; i++) {
                Handle *h = events[i].data.ptr;

                /* Closed by an earlier one of these events. */
                if (h->fd >= 0)
                        h->on_event(h, events[i].events);
                end_turn(l);
        }
        serve_again(l);
        if (l->now_usec >> LOOP_TICK_SHIFT != l->tick)
                take_slots(l);
        serve_timers(l);
        collect_garbage(l);
        return 0;
}
