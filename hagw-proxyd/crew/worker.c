/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The worker's thread: its loop, its messages, its beginning and its end. */

#include <signal.h>
#include <stdio.h>

#include "hagw-proxyd/crew/worker.h"
#include "hagw-proxyd/main/attachments.h"
#include "hagw-proxyd/relay/control.h"
#include "libhagw/log.h"

#define STRANDED_USEC (10 * USEC_PER_SEC) /* an address that came back within this was not lost */

static void take_memory(Worker *w) {
        w->pool.max = w->snapshot->buffer_max;
        w->pool.wanted_max = w->pool.max / 4 * 3;
}

static void on_snapshot(Worker *w, SnapshotMessage *m) {
        snapshot_unref(w->snapshot);
        w->snapshot = TAKE_PTR(m->snapshot);
        take_memory(w);
        upstreams_sweep(w);
        agent_apply(w);
        review_start(w);
}

static void on_open(Worker *w) {
        w->tenants.open_usec = w->loop.now_usec;
        w->open = true;
        for (size_t i = 0; i < w->n_listeners; i++)
                listener_resume(&w->listeners[i]);
}

uint64_t relay_visitors(const Worker *w) {
        uint64_t n = 0;

        for (unsigned i = 0; i < w->n_crew; i++) {
                const WorkerCounters *c = &w->crew[i]->counters;

                n += atomic_load_explicit(&c->relay_visits, memory_order_relaxed) -
                     atomic_load_explicit(&c->relay_visits_ended, memory_order_relaxed);
        }
        return n;
}

static void on_network(Worker *w) {
        agent_nudge(w);
        upstreams_drop_stranded(w);
        loop_arm(&w->loop, &w->stranded, w->loop.now_usec + STRANDED_USEC);
}

static void on_stranded(Timer *t) {
        Worker *w = CONTAINER_OF(t, Worker, stranded);

        conns_drop_stranded(w);
        upstreams_drop_stranded(w);
}

static void on_message(Worker *w, Message *m) {
        switch (m->kind) {
        case MESSAGE_SNAPSHOT:
                on_snapshot(w, (SnapshotMessage *) m);
                break;
        case MESSAGE_OPEN:
                on_open(w);
                break;
        case MESSAGE_DRAIN:
                stop_drain(w);
                break;
        case MESSAGE_STOP:
                stop_now(w);
                break;
        case MESSAGE_FORGET:
                sessions_forget(w, (ForgetMessage *) m);
                break;
        case MESSAGE_VISITOR:
                conn_new(w, &((VisitorMessage *) m)->visitor);
                counter_add(&w->counters.taken, 1);
                break;
        case MESSAGE_TENANT:
                tenants_on_message(w, (TenantMessage *) m);
                break;
        case MESSAGE_ATTACHMENTS:
                attachments_collect(w, (AttachmentsMessage *) m);
                return;
        case MESSAGE_CONTROL:
                control_arrive(w, TAKE_PTR(((ControlMessage *) m)->control), ((ControlMessage *) m)->call);
                break;
        case MESSAGE_CHANNEL: {
                ChannelMessage *c = (ChannelMessage *) m;

                channel_arrive(w, TAKE_FD(c->fd), c->hello, c->uncounted ? NULL : &c->address);
                break;
        }
        case MESSAGE_PROBE:
                (void) conn_new_probe(w, (ProbeMessage *) m);
                return;
        case MESSAGE_SESSION:
                exchange_on_session((SessionMessage *) m);
                break;
        case MESSAGE_CALL:
                if (((CallMessage *) m)->asker)
                        ((CallMessage *) m)->on_answer((CallMessage *) m);
                break;
        case MESSAGE_RESOLVE:
                if (((ResolveMessage *) m)->asker)
                        ((ResolveMessage *) m)->on_answer((ResolveMessage *) m);
                break;
        case MESSAGE_NETWORK:
                on_network(w);
                break;
        case MESSAGE_RELAY_CALL:
                relay_call_start(w, (RelayCallMessage *) m);
                return;
        default:
                break;
        }
        message_free(m);
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
                loop_spend(&w->loop, LOOP_WORK_LETTER);
                on_message(w, inbox_pop(w));
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
        conns_done(w);
        tenants_done(w);
        signer_done(&w->signer);
        worker_say(w, MESSAGE_STOPPED);
        return NULL;
}

static void listen_all(Worker *w, ListenKind kind, const int *fds, size_t n) {
        for (size_t i = 0; i < n && w->n_listeners < LISTEN_MAX; i++)
                listener_init(&w->listeners[w->n_listeners++], w, kind, fds[i]);
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
               const int *https, size_t n_https, const int *http, size_t n_http, AccessRing *access,
               Worker **ret) {
        _cleanup_(worker_freep) Worker *w = NULL;
        int r;

        w = aligned_alloc(_Alignof(Worker), sizeof(Worker));
        if (!w)
                return -ENOMEM;
        memset(w, 0, offsetof(Worker, scratch));
        w->index = index;
        w->crew = crew;
        w->n_crew = n_crew;
        w->pipes.large_max = MAX(PIPES_LARGE_BYTES / PIPE_SIZE / n_crew, 1U);
        w->main_queue = main_queue;
        w->access = access;
        w->queue.event_fd = w->loop.epoll_fd = -EBADF;
        w->snapshot = snapshot_ref(snapshot);
        r = queue_init(&w->queue);
        if (r >= 0)
                r = loop_init(&w->loop);
        if (r < 0)
                return r;
        signer_init(&w->signer, &w->loop, n_crew);
        handshakes_init(w);
        w->stranded.fire = on_stranded;
        stop_init(w);
        pressure_init(w);
        take_memory(w);
        w->inbox_end = &w->inbox;
        w->inbox_again.run = on_inbox_again;
        review_init(w);
        upstreams_init(w);
        sessions_init(w);
        w->queue_handle = (Handle) { .fd = w->queue.event_fd, .on_event = on_queue };
        listen_all(w, LISTEN_HTTPS, https, n_https);
        listen_all(w, LISTEN_HTTP, http, n_http);
        r = loop_add(&w->loop, &w->queue_handle, EPOLLIN);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

VisitorMessage *worker_visitor_message(Worker *w) {
        VisitorMessage *m = message_new(MESSAGE_VISITOR);

        if (m)
                counter_add(&w->counters.sent_on, 1);
        atomic_thread_fence(memory_order_release); /* before the visitor leaves */
        return m;
}

void worker_say(Worker *w, MessageKind kind) {
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
        upstreams_done(w); /* while the answers that they still wait for may lie in the queue */
        if (w->queue.event_fd >= 0)
                inbox_fill(w);
        for (Message *m; (m = inbox_pop(w));)
                message_free(m);
        session_cache_clear(&w->sessions);
        session_uses_done(&w->uses);
        exchanges_done(w);
        handshakes_done(w);
        loop_done(&w->loop);
        buffer_pool_done(&w->pool);
        pipe_pool_done(&w->pipes);
        queue_done(&w->queue);
        snapshot_unref(w->snapshot);
        free(w);
        return NULL;
}
