/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whose handshake is next, and where each goes on. Runs in the worker's thread. */

#include "libhagw/crew/crowd.h"
#include "libhagw/crew/handshake.h"
#include "libhagw/crew/worker.h"
#include "libhagw/pure/list.h"

typedef enum HandshakeState {
        HANDSHAKE_NEW,
        HANDSHAKE_WAITING, /* for its turn */
        HANDSHAKE_RUNNING,
        HANDSHAKE_SIGNING, /* its fiber waits for hagw-keyd */
        HANDSHAKE_OPEN,    /* the visitor's next message is to come */
        HANDSHAKE_OVER,
        _HANDSHAKE_STATE_MAX,
} HandshakeState;

struct Handshake {
        HandshakeClient *client;
        HandshakeQueue *queue;
        HandshakeState state;
        Handshake *next; /* in its network */
        Fiber *fiber;
        bool was_signed; /* what is left to do is little */
        int result;
};

/* Places are free, or somebody has come. */
static void wake(HandshakeQueue *q) {
        loop_again(&q->worker->loop, &q->again);
}

static void network_append(HandshakeQueue *q, HandshakeNetwork *n) {
        LIST_ADD(q->end, n);
        q->end = &n->next;
}

static void network_unlink(HandshakeQueue *q, HandshakeNetwork *n) {
        if (!n->next)
                q->end = n->place;
        LIST_REMOVE(n);
}

/* Where it stands, or would. */
static HandshakeNetwork **network_find(HandshakeQueue *q, const IpAddress *address) {
        HandshakeNetwork **n = &q->places[crowd_hash(address) % HANDSHAKE_PLACES];

        while (*n && (*n)->network != crowd_network(address))
                n = &(*n)->beside;
        return n;
}

/* Of one that has nobody waiting any more, and is in no order. */
static void network_free(HandshakeNetwork **at) {
        HandshakeNetwork *n = *at;

        *at = n->beside;
        free(n);
}

static WorkerCounters *counters_of(const Handshake *h) {
        return &h->queue->worker->counters;
}

static void set_state(Handshake *h, HandshakeState s) {
        static const unsigned from[_HANDSHAKE_STATE_MAX] = {
                [HANDSHAKE_WAITING] = STEPS_FROM(HANDSHAKE_NEW, HANDSHAKE_OPEN),
                [HANDSHAKE_RUNNING] = STEPS_FROM(HANDSHAKE_WAITING, HANDSHAKE_OPEN),
                [HANDSHAKE_SIGNING] = STEPS_FROM(HANDSHAKE_RUNNING),
                [HANDSHAKE_OPEN] = STEPS_FROM(HANDSHAKE_RUNNING, HANDSHAKE_SIGNING),
                [HANDSHAKE_OVER] = STEPS_FROM(HANDSHAKE_NEW, HANDSHAKE_WAITING, HANDSHAKE_RUNNING,
                                              HANDSHAKE_SIGNING, HANDSHAKE_OPEN),
        };
        WorkerCounters *c = counters_of(h);

        assert_step(from, h->state, s);
        counter_sub(&c->handshakes_waiting, h->state == HANDSHAKE_WAITING);
        counter_add(&c->handshakes_waiting, s == HANDSHAKE_WAITING);
        counter_sub(&c->handshakes_signing, h->state == HANDSHAKE_SIGNING);
        counter_add(&c->handshakes_signing, s == HANDSHAKE_SIGNING);
        h->queue->n_signing -= h->state == HANDSHAKE_SIGNING;
        h->queue->n_signing += s == HANDSHAKE_SIGNING;
        if (h->state == HANDSHAKE_SIGNING)
                wake(h->queue);
        h->state = s;
}

static int line_up(Handshake *h) {
        HandshakeNetwork **at = network_find(h->queue, h->client->address), *n = *at;

        if (!n) {
                n = calloc(1, sizeof(*n));
                if (!n)
                        return -ENOMEM;
                n->network = crowd_network(h->client->address);
                n->last = &n->first;
                *at = n;
                network_append(h->queue, n);
        }
        set_state(h, HANDSHAKE_WAITING);
        h->next = NULL;
        *n->last = h;
        n->last = &h->next;
        return 0;
}

/* The first network's first whose address has not been here too often lately; all before it go behind the
 * others. NULL: none; *ret_due_usec: when there will be one. */
static Handshake *pop(HandshakeQueue *q, uint64_t *ret_due_usec) {
        Worker *w = q->worker;
        HandshakeNetwork *stop = NULL;

        *ret_due_usec = USEC_INFINITY;
        while (q->first && q->first != stop) {
                HandshakeNetwork *n = q->first;
                Handshake *h = n->first;
                uint64_t due = handshake_due_usec(w, h->client->address);

                network_unlink(q, n);
                if (due > w->loop.now_usec) {
                        *ret_due_usec = MIN(*ret_due_usec, due);
                        network_append(q, n);
                        stop = stop ?: n;
                        continue;
                }
                n->first = h->next;
                if (n->first)
                        network_append(q, n);
                else
                        network_free(network_find(q, h->client->address));
                return h;
        }
        return NULL;
}

static void leave(Handshake *h) {
        HandshakeNetwork **at = network_find(h->queue, h->client->address), *n = *at;
        Handshake **p = &n->first;

        while (*p != h)
                p = &(*p)->next;
        *p = h->next;
        if (!*p)
                n->last = p;
        if (n->first)
                return;
        network_unlink(h->queue, n);
        network_free(at);
}

static void run(void *userdata) {
        Handshake *h = userdata;

        h->result = transport_handshake(h->client->transport);
}

/* The fiber has come to its end. May end h. */
static void finish(Handshake *h) {
        h->fiber = NULL;
        set_state(h, HANDSHAKE_OPEN);
        h->client->done(h->client, h->result);
}

static void on_wake(void *userdata) {
        Handshake *h = userdata;

        if (fiber_resume(h->fiber))
                finish(h);
}

/* May end h. */
static void start(Handshake *h) {
        Worker *w = h->queue->worker;
        uint64_t before = w->signer.n_asked;
        bool ended;

        set_state(h, HANDSHAKE_RUNNING);
        h->fiber = fiber_new(&w->handshakes->fibers, run, on_wake, h);
        if (!h->fiber) {
                h->client->done(h->client, -ENOMEM);
                return;
        }
        ended = fiber_resume(h->fiber);
        loop_spend(&w->loop, LOOP_WORK_HANDSHAKE);
        if (w->signer.n_asked != before) {
                h->was_signed = true;
                counter_add(&w->counters.handshakes_signed, 1);
                handshake_note(w, h->client->address);
        }
        if (ended)
                finish(h);
        else
                set_state(h, HANDSHAKE_SIGNING);
}

/* Who resumes mostly needs it not. */
static bool is_keyd_busy(const HandshakeQueue *q) {
        const Worker *w = q->worker;

        return q == &w->handshakes->queues[HANDSHAKE_FULL] &&
               w->signer.n_requests >= SIGNER_REQUESTS_WANTED;
}

static void on_room(Signer *s) {
        wake(&CONTAINER_OF(s, Worker, signer)->handshakes->queues[HANDSHAKE_FULL]);
}

static void serve(HandshakeQueue *q) {
        Loop *loop = &q->worker->loop;

        while (q->first && q->n_signing < q->max && !is_keyd_busy(q)) {
                uint64_t due;
                Handshake *h;

                if (loop_turn_is_over(loop)) {
                        wake(q);
                        return;
                }
                h = pop(q, &due);
                if (!h) {
                        loop_arm(loop, &q->timer, due);
                        return;
                }
                start(h);
        }
}

static void on_again(Again *a) {
        serve(CONTAINER_OF(a, HandshakeQueue, again));
}

static void on_timer(Timer *t) {
        serve(CONTAINER_OF(t, HandshakeQueue, timer));
}

int handshakes_init(Worker *w) {
        w->handshakes = calloc(1, sizeof(*w->handshakes));
        if (!w->handshakes)
                return -ENOMEM;
        w->handshakes->fibers.loop = &w->loop;
        w->signer.on_room = on_room;
        for (HandshakeClass i = 0; i < _HANDSHAKE_CLASS_MAX; i++) {
                HandshakeQueue *q = &w->handshakes->queues[i];

                q->worker = w;
                q->end = &q->first;
                q->again.run = on_again;
                q->timer.fire = on_timer;
                q->max = i == HANDSHAKE_FULL ? HANDSHAKES_AT_ONCE : HANDSHAKES_RESUMING_AT_ONCE;
        }
        return 0;
}

void handshakes_done(Worker *w) {
        if (w->handshakes)
                fiber_pool_done(&w->handshakes->fibers);
        free(w->handshakes);
        w->handshakes = NULL;
}

/* A step that may need a signature waits for its turn, even where nobody else does: it comes in this round.
 * May end h. */
static void enter(Handshake *h) {
        if (line_up(h) < 0)
                h->client->done(h->client, -ENOMEM);
        else
                wake(h->queue);
}

void handshake_begin(Worker *w, HandshakeClient *c, HandshakeClass class) {
        Handshake *h = calloc(1, sizeof(*h));

        if (!h) {
                c->done(c, -ENOMEM);
                return;
        }
        h->client = c;
        h->queue = &w->handshakes->queues[class];
        c->handshake = h;
        enter(h);
}

void handshake_serve(HandshakeClient *c) {
        Handshake *h = c->handshake;

        if (h->state != HANDSHAKE_OPEN || !transport_may_read(c->transport))
                return;
        if (h->was_signed)
                start(h);
        else
                enter(h);
}

void handshake_end(HandshakeClient *c) {
        Handshake *h = TAKE_PTR(c->handshake);

        if (!h)
                return;
        if (h->state == HANDSHAKE_WAITING)
                leave(h);
        if (h->state == HANDSHAKE_SIGNING) {
                /* GnuTLS has to come back before its session can go. */
                do
                        signer_cancel(h->fiber);
                while (!fiber_resume(h->fiber));
        }
        set_state(h, HANDSHAKE_OVER);
        free(h);
}

uint64_t handshake_due_usec(const Worker *w, const IpAddress *address) {
        return crowd_due(address, worker_terms(w)->handshakes_per_address, HANDSHAKE_BURST);
}

void handshake_note(const Worker *w, const IpAddress *address) {
        crowd_note(address, w->loop.now_usec, worker_terms(w)->handshakes_per_address);
}
