/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The worker's thread: its loop, its messages, its beginning and its end. */

#include <signal.h>
#include <stdio.h>

#include "attachments.h"
#include "control.h"
#include "log.h"
#include "tenantusage.h"
#include "worker.h"

#define STOP_USEC (5 * USEC_PER_SEC) /* for what is under way when nobody is accepted any more */
#define STOP_YOUNG_USEC USEC_PER_SEC /* who came within this is served as if nothing was, for so long */
#define STOP_LOOK_USEC (20 * USEC_PER_MSEC) /* how often it is seen whether the crew has nobody left */
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

static void say(Worker *w, MessageKind kind) {
        Message *m = message_new(kind);

        if (m)
                queue_push(w->main_queue, m);
}

/* Of the crew: any may have accepted whom another serves, and the channel that he waits for. */
static uint64_t crew_sum(const Worker *w, size_t counter) {
        uint64_t n = 0;

        for (unsigned i = 0; i < w->n_crew; i++)
                n += atomic_load_explicit(
                        (_Atomic uint64_t *) ((char *) &w->crew[i]->counters + counter),
                        memory_order_acquire);
        return n;
}

static void leave(Worker *w) {
        if (w->left)
                return;
        w->left = true;
        loop_disarm(&w->loop, &w->young);
        tenants_stop(w);
        w->agent = agent_free(w->agent);
        relay_calls_done(w);
        conns_stop(w, UINT64_MAX);
}

static void on_young(Timer *t) {
        leave(CONTAINER_OF(t, Worker, young));
}

/* Everybody is served as before; those who are here now are awaited. */
static void on_drain(Worker *w) {
        w->draining_usec = w->loop.now_usec;
        conns_drop_stranded(w);
        conns_drain(w);
}

/* A house that is on its way here needs the main thread to be let in, so its visitors are waited for as
 * those who were here are. */
static void tell_drained(Worker *w) {
        if (w->draining_usec == 0 || w->drained || w->n_old > 0 ||
            (w->loop.now_usec < w->draining_usec + TENANT_EXPECTED_USEC &&
             crew_sum(w, offsetof(WorkerCounters, waiting)) > 0))
                return;
        w->drained = true;
        tenant_usage_report(w); /* while there is still somebody to carry it */
        say(w, MESSAGE_DRAINED);
}

/* Who was accepted a moment ago cannot be left to the next process, and would feel himself refused: so it
 * accepts until everybody has what he needs of a socket that listens (his house's channel comes by it, and
 * the house itself), and then serves the youngest. */
static void stop_accepting(Worker *w) {
        uint64_t now = w->loop.now_usec;

        if (w->asked_usec == 0 || w->stopping)
                return;
        if (now < w->asked_usec + TENANT_EXPECTED_USEC &&
            crew_sum(w, offsetof(WorkerCounters, waiting)) > 0)
                return;
        if (now < w->asked_usec + STOP_YOUNG_USEC && crew_sum(w, offsetof(WorkerCounters, unnamed)) > 0)
                return;
        w->stopping = true;
        w->stop_usec = now + STOP_USEC;
        for (size_t i = 0; i < w->n_listeners; i++)
                listener_pause(&w->listeners[i]);
        atomic_store_explicit(&w->counters.shut, 1, memory_order_release);
        agent_leave(w);
        conns_stop(w, now - MIN(now, STOP_YOUNG_USEC));
        loop_arm(&w->loop, &w->young, now + STOP_YOUNG_USEC);
}

static void on_stop(Worker *w) {
        if (w->asked_usec == 0)
                w->asked_usec = w->loop.now_usec;
}

/* Nobody is here, nobody comes any more, and nobody is on his way from one worker to another: who is sent on
 * is counted before he leaves. */
static bool crew_is_empty(const Worker *w) {
        uint64_t shut = crew_sum(w, offsetof(WorkerCounters, shut)),
                 taken = crew_sum(w, offsetof(WorkerCounters, taken)),
                 here = crew_sum(w, offsetof(WorkerCounters, connections));

        return shut == w->n_crew && here == 0 && taken == crew_sum(w, offsetof(WorkerCounters, sent_on));
}

static bool is_over(Worker *w) {
        if (!w->stopping)
                return false;
        return crew_is_empty(w) || w->loop.now_usec >= w->stop_usec;
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
                on_drain(w);
                break;
        case MESSAGE_STOP:
                on_stop(w);
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
        while (r >= 0 && !is_over(w)) {
                bool ending = w->draining_usec > 0 || w->asked_usec > 0;

                r = loop_run(&w->loop, ending ? STOP_LOOK_USEC : USEC_INFINITY);
                tell_drained(w);
                stop_accepting(w);
        }
        if (r < 0)
                (void) log_error_errno(r, "Worker %u: the loop failed: %m", w->index);
        leave(w);
        conns_done(w);
        tenants_done(w);
        signer_done(&w->signer);
        say(w, MESSAGE_STOPPED);
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
        w->young.fire = on_young;
        pressure_init(w);
        take_memory(w);
        w->inbox_end = &w->inbox;
        w->inbox_again.run = on_inbox_again;
        review_init(w);
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
