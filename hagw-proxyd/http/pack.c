/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Answers, compressed. Runs in the worker's thread. */

#include "hagw-proxyd/http/pack.h"
#include "hagw-proxyd/snapshot/figures.h"

static void on_pause(Timer *t) {
        Pack *p = CONTAINER_OF(t, Pack, pause);

        p->paused = true;
        p->run(p->owner);
}

Pack *pack_new(Worker *w, Encoders *all, Coding c, uint64_t network, void (*run)(void *owner), void *owner) {
        Pack *p = malloc(sizeof(*p));

        if (!p)
                return NULL;
        *p = (Pack) { .worker = w, .run = run, .owner = owner, .pause.fire = on_pause };
        p->encoder = encoder_new(all, c, network);
        if (!p->encoder) {
                free(p);
                return NULL;
        }
        loop_spend(&w->loop, ENCODER_WORK_BEGIN);
        return p;
}

Pack *pack_free(Pack *p) {
        if (!p)
                return NULL;
        loop_disarm(&p->worker->loop, &p->pause);
        encoder_free(p->encoder);
        free(p);
        return NULL;
}

/* Counted from the first byte that is held back: a service that dribbles is no reason to wait longer. */
bool pack_is_paused(Pack *p) {
        Loop *loop = &p->worker->loop;

        if (!encoder_holds(p->encoder))
                return false;
        if (!p->paused && !p->pause.place)
                loop_arm(loop, &p->pause, loop->now_usec + PACK_PAUSE_USEC);
        return p->paused;
}

static EncoderOp choose(const Pack *p, const Flow *f) {
        if (flow_is_done(f))
                return ENCODER_END;
        return p->paused && f->ready.n == 0 ? ENCODER_FLUSH : ENCODER_GO_ON;
}

int pack_fill(Pack *p, Flow *f, Slice *ret) {
        Worker *w = p->worker;
        size_t before = f->ready.n;
        ssize_t work;

        if (encoder_given(p->encoder).n == 0 && !encoder_is_over(p->encoder)) {
                work = encoder_run(p->encoder, &f->ready, choose(p, f));
                if (work < 0)
                        return (int) work;
                loop_spend(&w->loop, (size_t) work);
                counter_add(&w->figures->compressed_from, before - f->ready.n);
                counter_add(&w->figures->compressed_to, encoder_given(p->encoder).n);
        }
        if (!encoder_holds(p->encoder)) {
                p->paused = false;
                loop_disarm(&w->loop, &p->pause);
        }
        *ret = encoder_given(p->encoder);
        return encoder_is_over(p->encoder);
}

void pack_take(Pack *p, size_t n) {
        encoder_take(p->encoder, n);
}

bool pack_has_more(const Pack *p) {
        return encoder_given(p->encoder).n > 0 || encoder_is_due(p->encoder);
}

size_t pack_held(const Pack *p) {
        return encoder_held(p->encoder);
}
