/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors who pass unopened. Runs in the worker's thread. */

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "libhagw/crew/passage.h"

/* It is the beginning of what was allocated. */
static void free_passage(Garbage *g) {
        free(CONTAINER_OF(g, Passage, garbage));
}

static void set_state(Passage *p, PassageState s) {
        static const unsigned from[_PASSAGE_STATE_MAX] = {
                [PASSAGE_WAITING] = STEPS_FROM(PASSAGE_PUMPING), /* what it had was dead */
                [PASSAGE_PUMPING] = STEPS_FROM(PASSAGE_WAITING),
                [PASSAGE_CLOSED] = STEPS_FROM(PASSAGE_WAITING, PASSAGE_PUMPING),
        };

        assert_step(from, p->state, s);
        p->state = s;
}

static bool is_probe(const Passage *p) {
        return p->visitor.arrival == ARRIVAL_PROBE;
}

static void write_log(const Passage *p) {
        Worker *w = p->worker;
        AccessEntry e = {
                .passage = true,
                .address = slice_from(p->address_text),
                .host = slice_from(p->name),
                .received = p->pump.sides[0].received,
                .sent = p->pump.sides[1].received,
                .duration_usec = w->loop.now_usec - p->begin_usec,
                .upstream_usec = p->joined_usec > 0 ? p->joined_usec - p->begin_usec : USEC_INFINITY,
                .verdict = p->verdict,
                .upstream = p->to,
        };

        if (worker_terms(w)->log_access && !access_ring_put(w->access, &e))
                counter_add(&w->counters.log_dropped, 1);
}

/* As they come, for a passage may last for days. */
static void count_bytes(Passage *p) {
        WorkerCounters *c = &p->worker->counters;
        uint64_t received = p->pump.sides[0].received, sent = p->pump.sides[1].received;

        if (is_probe(p))
                return;
        counter_add(&c->passage_received, received - p->counted[0]);
        counter_add(&c->passage_sent, sent - p->counted[1]);
        if (p->meter) {
                counter_add(&p->meter->received, received - p->counted[0]);
                counter_add(&p->meter->sent, sent - p->counted[1]);
        }
        p->counted[0] = received;
        p->counted[1] = sent;
}

static void forget_place(Passage *p) {
        if (p->old)
                counter_sub(&p->worker->counters.old, 1);
        passages_remove(p);
        if (!is_probe(p))
                visitors_left(p->worker);
}

void passage_abort(Passage *p, const char *verdict) {
        Worker *w = p->worker;

        if (p->state == PASSAGE_CLOSED)
                return;
        p->verdict = verdict;
        count_bytes(p);
        if (!is_probe(p)) {
                counter_sub(&w->counters.passages_open, 1);
                write_log(p);
        }
        p->far->end(p);
        set_state(p, PASSAGE_CLOSED);
        pump_done(&p->pump);
        p->first = buffer_put(&w->pool, p->first);
        p->visitor.in = buffer_put(&w->pool, p->visitor.in);
        loop_disarm(&w->loop, &p->timer);
        loop_not_again(&w->loop, &p->again);
        p->other.fd = safe_close(p->other.fd);
        p->near.fd = safe_close(p->near.fd);
        p->visitor.fd = -EBADF;
        visitor_let_go(&p->visitor);
        forget_place(p);
        loop_defer_free(&w->loop, &p->garbage);
}

/* When it is given up unless something passes. */
static uint64_t deadline(const Passage *p) {
        uint64_t due = p->moved_usec + p->idle_usec;

        if (pump_is_stuck(&p->pump))
                due = MIN(due, p->moved_usec + PASSAGE_STUCK_USEC);
        return worker_quiet_usec(p->worker, p->old, p->moved_usec, due);
}

static void wait_more(Passage *p) {
        uint64_t due = deadline(p);

        if (p->pump.resume_usec > 0)
                due = MIN(due, p->pump.resume_usec);
        passage_wait(p, due);
}

static ssize_t look_at(int fd) {
        char byte;
        ssize_t n = recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);

        return n < 0 ? -errno : n;
}

static bool visitor_is_there(const Passage *p) {
        ssize_t n = look_at(p->near.fd);

        return n > 0 || n == -EAGAIN;
}

/* It was reset or vanished, or was closed before our first bytes came: nobody in the house has read them. A
 * house that turns somebody away has. */
static bool channel_is_lost(const Passage *p, ssize_t looked) {
        int unread = 0;

        return looked == 0 ? ioctl(p->other.fd, SIOCOUTQ, &unread) >= 0 && unread > 0 :
                             looked < 0 && looked != -EAGAIN;
}

bool passage_again(Passage *p) {
        Worker *w = p->worker;

        if (p->state != PASSAGE_PUMPING || !p->first || !p->far->again || p->tries >= PASSAGE_TRIES_MAX ||
            p->pump.sides[0].ended || p->pump.sides[0].received != buffer_used(p->first) ||
            p->pump.sides[1].received > 0)
                return false;
        pump_done(&p->pump);
        loop_remove(&w->loop, &p->other);
        p->other.fd = safe_close(p->other.fd);
        p->visitor.in = TAKE_PTR(p->first);
        set_state(p, PASSAGE_WAITING);
        p->far->again(p);
        return true;
}

static void passage_run(Passage *p) {
        Worker *w = p->worker;

        p->pump.turn = worker_is_shared(w, p) ? PUMP_SHARED_BYTES : PUMP_ALONE_BYTES;
        switch (pump_run(&p->pump, w->loop.now_usec)) {
        case PUMP_AGAIN:
                loop_again(&w->loop, &p->again);
                break;
        case PUMP_WAIT:
                break;
        case PUMP_DONE:
                passage_abort(p, p->verdict);
                return;
        default:
                if (!visitor_is_there(p) || !passage_again(p))
                        passage_abort(p, "broken off");
                return;
        }
        if (p->pump.moved != p->moved) {
                count_bytes(p);
                p->moved = p->pump.moved;
                p->moved_usec = w->loop.now_usec;
        }
        wait_more(p);
}

static void on_again(Again *a) {
        Passage *p = CONTAINER_OF(a, Passage, again);

        if (p->state == PASSAGE_PUMPING)
                passage_run(p);
}

static void on_timer(Timer *t) {
        Passage *p = CONTAINER_OF(t, Passage, timer);
        const Worker *w = p->worker;

        if (p->state != PASSAGE_PUMPING)
                p->far->late(p);
        else if (w->loop.now_usec < deadline(p))
                passage_run(p);
        else
                passage_abort(p, p->old                  ? "stopped" :
                                 pump_is_stuck(&p->pump) ? "stuck" :
                                                           "idle");
}

/* Of the visitor's side. */
static void on_near_event(Handle *h, uint32_t events) {
        Passage *p = CONTAINER_OF(h, Passage, near);

        if (p->state == PASSAGE_PUMPING) {
                pump_note(&p->pump, 0, events);
                passage_run(p);
        } else if (events & (EPOLLHUP | EPOLLERR))
                passage_abort(p, "gone");
}

static void set_vanished(int fd, uint64_t usec) {
        (void) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int) { (int) (usec / USEC_PER_MSEC) },
                          sizeof(int));
}

/* From now on keepalive finds its end, and what is stuck has its own deadline: a window that is full for a
 * while is no sign of an end. */
static void house_has_spoken(Passage *p) {
        p->first = buffer_put(&p->worker->pool, p->first);
        set_vanished(p->other.fd, 0);
}

static void on_other_event(Handle *h, uint32_t events) {
        Passage *p = CONTAINER_OF(h, Passage, other);
        ssize_t n;

        if (p->first && (events & ~(uint32_t) EPOLLOUT)) {
                n = look_at(p->other.fd);
                if (n > 0)
                        house_has_spoken(p);
                else if (channel_is_lost(p, n) && passage_again(p))
                        return;
        }
        pump_note(&p->pump, 1, events);
        passage_run(p);
}

void passage_wait(Passage *p, uint64_t due_usec) {
        loop_arm(&p->worker->loop, &p->timer, due_usec);
}

ProxyPair passage_pair(const Passage *p) {
        return visitor_pair(&p->visitor);
}

size_t passage_held(const Passage *p) {
        return (p->visitor.in ? p->visitor.in->size : 0) + (p->first ? p->first->size : 0);
}

static void take_visitor(Passage *p, Visitor *v, const char *name) {
        p->visitor = *v;
        p->visitor.crowd = crowd_move(&v->crowd);
        p->near.fd = TAKE_FD(v->fd); /* visitor.fd stays for who looks at the address */
        v->in = NULL;
        buffer_arrive(&p->worker->pool, p->visitor.in);
        if (v->address.family == AF_UNSPEC)
                memcpy(p->address_text, "0.0.0.0", sizeof("0.0.0.0"));
        else
                (void) ip_format(&v->address, p->address_text);
        memcpy(p->name, name, MIN(strlen(name), sizeof(p->name) - 1));
}

Passage *passage_new(Worker *w, const PassageFar *far, Visitor *v, const char *name, uint64_t wait_usec) {
        Passage *p = calloc(1, far->size);

        if (!p)
                return NULL;
        p->worker = w;
        p->garbage.free = free_passage;
        p->timer.fire = on_timer;
        p->again.run = on_again;
        p->near = (Handle) { .fd = v->fd, .on_event = on_near_event };
        if (loop_add(&w->loop, &p->near, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
                free(p);
                return NULL;
        }
        take_visitor(p, v, name);
        p->other = (Handle) { .fd = -EBADF, .on_event = on_other_event };
        p->begin_usec = w->loop.now_usec;
        p->verdict = "pass";
        p->far = far;
        p->idle_usec = PASSAGE_IDLE_USEC;
        passages_add(p);
        if (!is_probe(p)) {
                visitors_came(w);
                counter_add(&w->counters.passages, 1);
                counter_add(&w->counters.passages_open, 1);
        }
        passage_wait(p, w->loop.now_usec + wait_usec);
        return p;
}

/* What goes to the far side first: the given head, and what was read from the visitor. */
static Buffer *make_head(Passage *p, const void *head, size_t size) {
        BufferPool *pool = &p->worker->pool;
        Buffer *in = p->visitor.in, *b;

        if (size == 0)
                return TAKE_PTR(p->visitor.in);
        b = buffer_get(pool, size + buffer_used(in));
        if (!b)
                return NULL;
        buffer_append(b, head, size);
        buffer_append(b, buffer_at(in), buffer_used(in));
        if (p->far->again)
                p->first = TAKE_PTR(p->visitor.in);
        else
                p->visitor.in = buffer_put(pool, in);
        return b;
}

static void watch_peer(int fd) {
        static const struct {
                int level, name, value;
        } options[] = {
                { SOL_SOCKET, SO_KEEPALIVE, 1 },
                { IPPROTO_TCP, TCP_KEEPIDLE, PASSAGE_KEEPALIVE_SEC },
                { IPPROTO_TCP, TCP_KEEPINTVL, PASSAGE_KEEPALIVE_INTERVAL_SEC },
        };

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                (void) setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
        set_vanished(fd, PASSAGE_VANISHED_USEC);
}

void passage_join(Passage *p, int fd, const void *head, size_t head_size, RateLimit *limit) {
        Worker *w = p->worker;
        Buffer *b = make_head(p, head, head_size);

        watch_peer(p->near.fd);
        /* A channel is watched already, and may have died while it waited: its first bytes want to be
         * acknowledged soon. */
        if (p->far->again)
                set_vanished(fd, PASSAGE_CHANNEL_USEC);
        else
                watch_peer(fd);
        p->other.fd = fd;
        set_state(p, PASSAGE_PUMPING);
        p->moved_usec = p->joined_usec = w->loop.now_usec;
        p->moved = 0;
        pump_init(&p->pump, &w->pipes, &w->pool, p->near.fd, fd, limit);
        p->pump.sides[1].head = b;
        p->pump.sides[0].received = buffer_used(b) - (b ? head_size : 0);
        if (p->meter && p->tries == 0) /* it has these already */
                counter_sub(&p->meter->received, p->pump.sides[0].received);
        p->tries++;
        if (!b || loop_add(&w->loop, &p->other, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
                passage_abort(p, "out of memory");
                return;
        }
        passage_run(p);
}
