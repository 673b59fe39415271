/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors who pass unopened. Runs in the worker's thread. */

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "hagw-proxyd/pass/passage.h"


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

static void write_log(const Passage *p) {
        const Conn *c = p->conn;
        Worker *w = c->worker;
        AccessEntry e = {
                .passage = true,
                .address = slice_from(c->visit.address_text),
                .host = slice_from(c->visit.name),
                .received = p->pump.sides[0].received,
                .sent = p->pump.sides[1].received,
                .duration_usec = w->loop.now_usec - p->begin_usec,
                .upstream_usec = p->joined_usec > 0 ? p->joined_usec - p->begin_usec : USEC_INFINITY,
                .verdict = p->verdict,
                .upstream = p->to,
        };

        if (c->snapshot->log_access && !access_ring_put(w->access, &e))
                counter_add(&w->counters.log_dropped, 1);
}

/* As they come, for a passage may last for days. */
static void count_bytes(Passage *p) {
        WorkerCounters *c = &p->conn->worker->counters;
        uint64_t received = p->pump.sides[0].received, sent = p->pump.sides[1].received;
        TransportMeter *meter = p->conn->transport.meter;

        if (p->conn->visit.probe)
                return;
        counter_add(&c->passage_received, received - p->counted[0]);
        counter_add(&c->passage_sent, sent - p->counted[1]);
        if (meter) {
                counter_add(&meter->received, received - p->counted[0]);
                counter_add(&meter->sent, sent - p->counted[1]);
        }
        p->counted[0] = received;
        p->counted[1] = sent;
}

static void end(Conn *c) {
        Passage *p = c->passage;
        Worker *w = c->worker;

        if (!p || p->state == PASSAGE_CLOSED)
                return;
        count_bytes(p);
        if (!c->visit.probe) {
                counter_sub(&w->counters.passages_open, 1);
                write_log(p);
        }
        p->far->end(p);
        set_state(p, PASSAGE_CLOSED);
        pump_done(&p->pump);
        p->first = buffer_put(&w->pool, p->first);
        p->other.fd = safe_close(p->other.fd);
        c->passage = NULL;
        loop_defer_free(&w->loop, &p->garbage);
}

void passage_abort(Passage *p, const char *verdict) {
        p->verdict = verdict;
        conn_close(p->conn);
}

/* When it is given up unless something passes. */
static uint64_t deadline(const Passage *p) {
        uint64_t due = p->moved_usec + p->idle_usec;

        if (pump_is_stuck(&p->pump))
                due = MIN(due, p->moved_usec + PASSAGE_STUCK_USEC);
        return conn_quiet_usec(p->conn, p->moved_usec, due);
}

static void wait_more(Passage *p) {
        uint64_t due = deadline(p);

        if (p->pump.resume_usec > 0)
                due = MIN(due, p->pump.resume_usec);
        loop_arm(&p->conn->worker->loop, &p->conn->timer, due);
}

static void drain(Conn *c) {
        Passage *p = c->passage;

        if (p->state == PASSAGE_PUMPING)
                wait_more(p);
}

static ssize_t look_at(int fd) {
        char byte;
        ssize_t n = recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);

        return n < 0 ? -errno : n;
}

static bool visitor_is_there(const Passage *p) {
        ssize_t n = look_at(p->conn->transport.handle.fd);

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
        Worker *w = p->conn->worker;

        if (p->state != PASSAGE_PUMPING || !p->first || !p->far->again || p->tries >= PASSAGE_TRIES_MAX ||
            p->pump.sides[0].ended || p->pump.sides[0].received != buffer_used(p->first) ||
            p->pump.sides[1].received > 0)
                return false;
        pump_done(&p->pump);
        loop_remove(&w->loop, &p->other);
        p->other.fd = safe_close(p->other.fd);
        p->conn->transport.in = TAKE_PTR(p->first);
        set_state(p, PASSAGE_WAITING);
        p->far->again(p);
        return true;
}

static void passage_run(Passage *p) {
        Worker *w = p->conn->worker;

        p->pump.turn = conn_is_one_of_many(p->conn) ? PUMP_SHARED_BYTES : PUMP_ALONE_BYTES;
        switch (pump_run(&p->pump, w->loop.now_usec)) {
        case PUMP_AGAIN:
                loop_again(&w->loop, &p->conn->again);
                break;
        case PUMP_WAIT:
                break;
        case PUMP_DONE:
                conn_close(p->conn);
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

static void serve(Conn *c) {
        Passage *p = c->passage;

        if (p->state == PASSAGE_PUMPING)
                passage_run(p);
}

static void on_timer(Conn *c) {
        Passage *p = c->passage;
        const Worker *w = c->worker;

        if (p->state != PASSAGE_PUMPING)
                p->far->late(p);
        else if (w->loop.now_usec < deadline(p))
                passage_run(p);
        else
                passage_abort(p, p->conn->old               ? "stopped" :
                                 pump_is_stuck(&p->pump) ? "stuck" :
                                                           "idle");
}

/* Of the visitor's side. */
static void on_event(Conn *c, uint32_t events) {
        Passage *p = c->passage;

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
        p->first = buffer_put(&p->conn->worker->pool, p->first);
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

Passage *passage_new(Conn *c, const PassageFar *far, uint64_t wait_usec) {
        Worker *w = c->worker;
        Passage *p = calloc(1, far->size);

        if (!p)
                return NULL;
        p->conn = c;
        p->garbage.free = free_passage;
        p->other = (Handle) { .fd = -EBADF, .on_event = on_other_event };
        p->begin_usec = w->loop.now_usec;
        p->verdict = "pass";
        p->far = far;
        p->idle_usec = PASSAGE_IDLE_USEC;
        c->passage = p;
        if (!c->visit.probe) {
                counter_add(&w->counters.passages, 1);
                counter_add(&w->counters.passages_open, 1);
        }
        conn_set_state(c, CONN_PASSAGE);
        loop_arm(&w->loop, &c->timer, w->loop.now_usec + wait_usec);
        return p;
}

/* What goes to the far side first: the given head, and what was read from the visitor. */
static Buffer *make_head(Passage *p, const void *head, size_t size) {
        Transport *t = &p->conn->transport;
        size_t used = buffer_used(t->in);
        Buffer *b;

        if (size == 0)
                return TAKE_PTR(t->in);
        b = buffer_get(t->pool, size + used);
        if (!b)
                return NULL;
        buffer_append(b, head, size);
        buffer_append(b, buffer_at(t->in), used);
        if (p->far->again)
                p->first = TAKE_PTR(t->in);
        else
                t->in = buffer_put(t->pool, t->in);
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
        Conn *c = p->conn;
        Worker *w = c->worker;
        Buffer *b = make_head(p, head, head_size);

        watch_peer(c->transport.handle.fd);
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
        pump_init(&p->pump, &w->pipes, &w->pool, c->transport.handle.fd, fd, limit);
        p->pump.sides[1].head = b;
        p->pump.sides[0].received = buffer_used(b) - (b ? head_size : 0);
        if (c->transport.meter && p->tries == 0) /* it has these already */
                counter_sub(&c->transport.meter->received, p->pump.sides[0].received);
        p->tries++;
        if (!b || loop_add(&w->loop, &p->other, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
                passage_abort(p, "out of memory");
                return;
        }
        passage_run(p);
}

static void cut(Conn *c, const char *why) {
        passage_abort(c->passage, why);
}

static const char *review(Conn *c, const Snapshot *s) {
        return c->passage->far->review(c->passage, s);
}

static const ConnServer server = {
        .serve = serve,
        .on_event = on_event,
        .on_timer = on_timer,
        .cut = cut,
        .end = end,
        .drain = drain,
        .review = review,
};

static int init(Worker *w) {
        w->visits->servers[CONN_PASSAGE] = &server;
        return 0;
}

const Room pass_room = { .init = init };
