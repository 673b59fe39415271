/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All passages of a worker: judged anew, and on their way out. Runs in the worker's thread. */

#include "libhagw/crew/passage.h"
#include "libhagw/net/ownaddress.h"
#include "libhagw/pure/list.h"

void passages_add(Passage *p) {
        LIST_ADD(&p->worker->passages->first, p);
}

void passages_remove(Passage *p) {
        Passages *all = p->worker->passages;

        if (all->reviewed == p)
                all->reviewed = p->next;
        LIST_REMOVE(p);
}

static void look_at(Passage *p) {
        const char *why = p->far->review(p);

        if (!why)
                return;
        loop_spend(&p->worker->loop, LOOP_WORK_REQUEST);
        passage_abort(p, why);
}

static void review_some(Again *a) {
        Passages *all = CONTAINER_OF(a, Passages, review_again);
        Worker *w = all->worker;

        if (!all->reviewed && all->review_wanted) {
                all->review_wanted = false;
                all->reviewed = all->first;
        }
        for (unsigned i = 0; all->reviewed && i < PASSAGES_SLICE && !loop_turn_is_over(&w->loop); i++) {
                Passage *p = all->reviewed;

                all->reviewed = p->next;
                loop_spend(&w->loop, LOOP_WORK_LETTER);
                look_at(p);
        }
        if (all->reviewed || all->review_wanted)
                loop_again(&w->loop, a);
}

void passages_review(Worker *w) {
        w->passages->review_wanted = true;
        loop_again(&w->loop, &w->passages->review_again);
}

static void drop_stranded(Worker *w) {
        IpAddress known = { .family = AF_UNSPEC };
        Passage *next;

        for (Passage *p = w->passages->first; p; p = next) {
                next = p->next;
                if (is_stranded(p->near.fd, &known))
                        passage_abort(p, "its address here is gone");
        }
}

static void drain(Worker *w) {
        drop_stranded(w);
        for (Passage *p = w->passages->first; p; p = p->next) {
                p->old = true;
                counter_add(&w->counters.old, 1);
                if (p->state == PASSAGE_PUMPING)
                        loop_again(&w->loop, &p->again);
        }
}

static bool is_young(const Passage *p, uint64_t young_usec) {
        return p->visitor.arrival != ARRIVAL_PROBE &&
               p->worker->loop.now_usec < p->begin_usec + young_usec;
}

static size_t part(Worker *w, size_t most) {
        size_t n = 0;

        for (const Passage *p = w->passages->first; p; p = p->next)
                n += is_young(p, STOP_YOUNG_USEC);
        return n;
}

static void stop(Worker *w, uint64_t young_usec) {
        Passage *next;

        for (Passage *p = w->passages->first; p; p = next) {
                next = p->next;
                if (!is_young(p, young_usec))
                        passage_abort(p, "stopped");
        }
}

static void on_young(Timer *t) {
        stop(CONTAINER_OF(t, Passages, young)->worker, 0);
}

static void shut(Worker *w) {
        stop(w, STOP_YOUNG_USEC);
        loop_arm(&w->loop, &w->passages->young, w->loop.now_usec + STOP_YOUNG_USEC);
}

static void leave(Worker *w) {
        loop_disarm(&w->loop, &w->passages->young);
        stop(w, 0);
}

static void done(Worker *w) {
        stop(w, 0);
}

static int init(Worker *w) {
        Passages *all = w->passages = calloc(1, sizeof(*all));

        if (!all)
                return -ENOMEM;
        all->worker = w;
        all->young.fire = on_young;
        all->review_again.run = review_some;
        return 0;
}

static void free_room(Worker *w) {
        free(w->passages);
        w->passages = NULL;
}

const Room pass_room = {
        .init = init,
        .snapshot = passages_review,
        .stranded = drop_stranded,
        .drain = drain,
        .part = part,
        .shut = shut,
        .leave = leave,
        .done = done,
        .free = free_room,
};
