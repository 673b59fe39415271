/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The worker's thread: its loop, its messages, its beginning and its end. */

#include <signal.h>
#include <stdio.h>

#include "libhagw/crew/visitor.h"
#include "libhagw/crew/worker.h"
#include "libhagw/log.h"

#define STRANDED_USEC (10 * USEC_PER_SEC) /* an address that came back within this was not lost */

static void take_memory(Worker *w) {
        w->pool.max = worker_terms(w)->buffer_max;
        w->pool.wanted_max = w->pool.max / 4 * 3;
}

static void deliver_snapshot(Message *m, Worker *w) {
        snapshot_unref(w->snapshot);
        w->snapshot = TAKE_PTR(((SnapshotMessage *) m)->snapshot);
        take_memory(w);
        ROOMS_UP(w, snapshot);
        message_free(m);
}

static void free_snapshot(Message *m) {
        snapshot_unref(((SnapshotMessage *) m)->snapshot);
}

const MessageKind snapshot_message = {
        .size = sizeof(SnapshotMessage), .deliver = deliver_snapshot, .free = free_snapshot,
};

static void deliver_settled(Message *m, Worker *w) {
        queue_push(w->main_queue, m);
}

const MessageKind settled_message = { .size = sizeof(Message), .deliver = deliver_settled };

static void deliver_open(Message *m, Worker *w) {
        w->open = true;
        ROOMS_UP(w, open);
        message_free(m);
}

const MessageKind open_message = { .size = sizeof(Message), .deliver = deliver_open };

static void deliver_drain(Message *m, Worker *w) {
        stop_drain(w);
        message_free(m);
}

const MessageKind drain_message = { .size = sizeof(Message), .deliver = deliver_drain };

static void deliver_stop(Message *m, Worker *w) {
        stop_now(w);
        message_free(m);
}

const MessageKind stop_message = { .size = sizeof(Message), .deliver = deliver_stop };

const MessageKind drained_message = { .size = sizeof(Message) };
const MessageKind stopped_message = { .size = sizeof(Message) };

static void deliver_network(Message *m, Worker *w) {
        ROOMS_UP(w, network);
        loop_arm(&w->loop, &w->stranded, w->loop.now_usec + STRANDED_USEC);
        message_free(m);
}

const MessageKind network_message = { .size = sizeof(Message), .deliver = deliver_network };

static void on_stranded(Timer *t) {
        Worker *w = CONTAINER_OF(t, Worker, stranded);

        ROOMS_UP(w, stranded);
}

static Message *inbox_pop(Worker *w) {
        Message *m = w->inbox;

        if (!m)
                return NULL;
        w->inbox = m->next;
        if (!w->inbox)
                w->inbox_end = &w->inbox;
        return m;
}

static void inbox_fill(Worker *w) {
        *w->inbox_end = queue_take(&w->queue);
        while (*w->inbox_end)
                w->inbox_end = &(*w->inbox_end)->next;
}

/* A hundred thousand tenants may come at once. */
static void inbox_serve(Worker *w) {
        while (w->inbox && !loop_turn_is_over(&w->loop)) {
                Message *m = inbox_pop(w);

                loop_spend(&w->loop, LOOP_WORK_LETTER);
                m->kind->deliver(m, w);
        }
        if (w->inbox)
                loop_again(&w->loop, &w->inbox_again);
}

static void on_inbox_again(Again *a) {
        inbox_serve(CONTAINER_OF(a, Worker, inbox_again));
}

static void on_queue(Handle *h, uint32_t events) {
        Worker *w = CONTAINER_OF(h, Worker, queue_handle);

        counter_add(&w->counters.wakes, 1);
        inbox_fill(w);
        inbox_serve(w);
}

static void *worker_main(void *userdata) {
        Worker *w = userdata;
        char name[16];
        int r = 0;

        (void) snprintf(name, sizeof(name), "worker-%u", w->index % 1000);
        (void) pthread_setname_np(pthread_self(), name);
        signer_use(&w->signer);
        while (r >= 0 && !(w->told && w->stage == WORKER_LEFT)) {
                r = loop_run(&w->loop, stop_patience(w));
                stop_turn(w);
        }
        if (r < 0)
                (void) log_error_errno(r, "Worker %u: the loop failed: %m", w->index);
        stop_leave(w);
        ROOMS_UP(w, done);
        signer_done(&w->signer);
        worker_say(w, &stopped_message);
        return NULL;
}

int worker_start(Worker *w) {
        sigset_t ours, before;
        int r;

        /* Signals are the main thread's. */
        (void) sigemptyset(&ours);
        (void) sigaddset(&ours, SIGTERM);
        (void) sigaddset(&ours, SIGINT);
        (void) sigaddset(&ours, SIGHUP);
        (void) pthread_sigmask(SIG_BLOCK, &ours, &before);
        r = pthread_create(&w->thread, NULL, worker_main, w);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        w->started = r == 0;
        return -r;
}

DEFINE_TRIVIAL_CLEANUP_FUNC(Worker *, worker_free)

int worker_new(unsigned index, Worker *const *crew, unsigned n_crew, Queue *main_queue, Snapshot *snapshot,
               const CrewPlan *plan, AccessRing *access, Worker **ret) {
        _cleanup_(worker_freep) Worker *w = NULL;
        int r;

        w = aligned_alloc(_Alignof(Worker), sizeof(Worker));
        if (!w)
                return -ENOMEM;
        memset(w, 0, offsetof(Worker, scratch));
        w->index = index;
        w->crew = crew;
        w->rooms = plan->rooms;
        while (w->rooms[w->n_rooms])
                w->n_rooms++;
        w->inbox_end = &w->inbox;
        w->n_crew = n_crew;
        w->pipes.large_max = MAX(PIPES_LARGE_BYTES / PIPE_SIZE / n_crew, 1U);
        w->main_queue = main_queue;
        w->access = access;
        w->queue.event_fd = w->loop.epoll_fd = -EBADF;
        w->snapshot = snapshot_ref(snapshot);
        w->figures = aligned_alloc(64, plan->figures_size);
        if (!w->figures)
                return -ENOMEM;
        memset(w->figures, 0, plan->figures_size);
        r = queue_init(&w->queue);
        if (r >= 0)
                r = loop_init(&w->loop);
        if (r < 0)
                return r;
        signer_init(&w->signer, &w->loop, n_crew);
        w->stranded.fire = on_stranded;
        take_memory(w);
        w->inbox_again.run = on_inbox_again;
        w->queue_handle = (Handle) { .fd = w->queue.event_fd, .on_event = on_queue };
        r = loop_add(&w->loop, &w->queue_handle, EPOLLIN);
        for (const Room *const *room = plan->rooms; *room && r >= 0; room++)
                if ((*room)->init)
                        r = (*room)->init(w);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

void worker_say(Worker *w, const MessageKind *kind) {
        Message *m = message_new(kind);

        if (m)
                queue_push(w->main_queue, m);
}

void worker_send(Worker *w, Message *m) {
        queue_push(&w->queue, m);
}

Worker *worker_free(Worker *w) {
        if (!w)
                return NULL;
        if (w->started)
                (void) pthread_join(w->thread, NULL);
        /* A timer that is freed while it is armed would be touched by the next one of its tick. */
        loop_forget(&w->loop);
        /* While the answers that they still wait for may lie in the queue. */
        ROOMS_DOWN(w, free);
        if (w->queue.event_fd >= 0)
                inbox_fill(w);
        for (Message *m; (m = inbox_pop(w));)
                message_free(m);
        loop_done(&w->loop);
        buffer_pool_done(&w->pool);
        pipe_pool_done(&w->pipes);
        queue_done(&w->queue);
        snapshot_unref(w->snapshot);
        free(w->figures);
        free(w);
        return NULL;
}
