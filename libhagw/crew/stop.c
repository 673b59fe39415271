/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stage by stage. What one worker would do the whole crew does: who comes to any may be served by another,
 * and waits for a house's channel at a third. */

#include "libhagw/crew/worker.h"
#include "libhagw/log.h"

const char *worker_stage_text(WorkerStage s) {
        static const char *const texts[_WORKER_STAGE_MAX] = {
                [WORKER_SERVING] = "serving", [WORKER_DRAINING] = "draining", [WORKER_PARTING] = "parting",
                [WORKER_SHUT] = "shut",       [WORKER_LEFT] = "left",
        };
        return s >= 0 && s < _WORKER_STAGE_MAX ? texts[s] : NULL;
}

static uint64_t crew_sum(const Worker *w, size_t counter) {
        uint64_t n = 0;

        for (unsigned i = 0; i < w->n_crew; i++)
                n += atomic_load_explicit(
                        (_Atomic uint64_t *) ((char *) &w->crew[i]->counters + counter),
                        memory_order_acquire);
        return n;
}

/* How many of the crew have come as far as that, or further. */
static unsigned crew_at(const Worker *w, WorkerStage s) {
        unsigned n = 0;

        for (unsigned i = 0; i < w->n_crew; i++)
                n += atomic_load_explicit(&w->crew[i]->counters.stage, memory_order_acquire) >= (uint64_t) s;
        return n;
}

static void set_stage(Worker *w, WorkerStage s) {
        assert(s > w->stage);
        log_debug("Worker %u: %s -> %s", w->index, worker_stage_text(w->stage), worker_stage_text(s));
        w->stage = s;
        w->stage_usec = w->loop.now_usec;
        atomic_store_explicit(&w->counters.stage, (uint64_t) s, memory_order_release);
}

/* A house that is on its way here needs the main thread to be let in, and a door. */
static bool somebody_waits_for_his_house(const Worker *w) {
        return w->loop.now_usec < w->stage_usec + STOP_EXPECTED_USEC &&
               crew_sum(w, offsetof(WorkerCounters, waiting)) > 0;
}

/* Nobody is here, nobody comes any more, and nobody is on his way from one worker to another: who is sent on
 * is counted before he leaves. */
static bool crew_is_empty(const Worker *w) {
        unsigned shut = crew_at(w, WORKER_SHUT);
        uint64_t taken = crew_sum(w, offsetof(WorkerCounters, taken)),
                 here = crew_sum(w, offsetof(WorkerCounters, connections));

        return shut == w->n_crew && here == 0 && taken == crew_sum(w, offsetof(WorkerCounters, sent_on));
}

void stop_drain(Worker *w) {
        if (w->stage != WORKER_SERVING)
                return;
        w->draining_usec = w->loop.now_usec;
        w->drain_end_usec = w->loop.now_usec + worker_terms(w)->drain_usec;
        ROOMS_UP(w, drain);
        set_stage(w, WORKER_DRAINING);
}

static void say_busy(Worker *w, size_t n) {
        atomic_store_explicit(&w->counters.busy, n, memory_order_release);
}

static void look_at_oneself(Worker *w) {
        size_t n = 0;

        for (size_t i = 0; i < w->n_rooms; i++)
                if (w->rooms[i]->part)
                        n += w->rooms[i]->part(w, STOP_SLICE);
        w->looked_usec = w->loop.now_usec;
        say_busy(w, n);
}

static void part(Worker *w) {
        say_busy(w, 1); /* before the others take what it says for true */
        set_stage(w, WORKER_PARTING);
        look_at_oneself(w);
}

static void shut(Worker *w) {
        set_stage(w, WORKER_SHUT);
        ROOMS_DOWN(w, shut);
}

void stop_leave(Worker *w) {
        if (w->stage == WORKER_LEFT)
                return;
        ROOMS_DOWN(w, leave);
        ROOMS_UP(w, left);
        set_stage(w, WORKER_LEFT);
        if (w->draining_usec > 0) /* else its loop has failed, which is no good end */
                worker_say(w, &drained_message);
}

/* The first to find that it is time finds so for all. */
static bool is_drained(const Worker *w) {
        if (crew_at(w, WORKER_PARTING) > 0 || w->loop.now_usec >= w->drain_end_usec)
                return true;
        return crew_at(w, WORKER_DRAINING) == w->n_crew && crew_sum(w, offsetof(WorkerCounters, old)) == 0 &&
               !somebody_waits_for_his_house(w);
}

static bool is_good_moment(const Worker *w) {
        if (crew_at(w, WORKER_SHUT) > 0 || w->loop.now_usec >= w->stage_usec + STOP_PARTING_USEC)
                return true;
        return crew_at(w, WORKER_PARTING) == w->n_crew &&
               crew_sum(w, offsetof(WorkerCounters, busy)) == 0 && !somebody_waits_for_his_house(w);
}

void stop_turn(Worker *w) {
        if (w->stage == WORKER_DRAINING && is_drained(w))
                part(w);
        if (w->stage == WORKER_PARTING && w->loop.now_usec >= w->looked_usec + STOP_LOOK_USEC)
                look_at_oneself(w);
        if (w->stage == WORKER_PARTING && is_good_moment(w))
                shut(w);
        if (w->stage == WORKER_SHUT &&
            (crew_is_empty(w) || w->loop.now_usec >= w->stage_usec + STOP_REST_USEC))
                stop_leave(w);
}

void stop_now(Worker *w) {
        w->told = true;
        if (w->stage < WORKER_SHUT)
                shut(w);
}

uint64_t stop_patience(const Worker *w) {
        return w->stage == WORKER_SERVING || w->stage == WORKER_LEFT ? USEC_INFINITY : STOP_LOOK_USEC;
}
