/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors' connections. Runs in the worker's thread. */

#include <sys/socket.h>

#include "hagw-proxyd/visit/conn.h"
#include "libhagw/crew/crowd.h"
#include "libhagw/log.h"
#include "libhagw/pure/list.h"

#define READ_MAX (64U * 1024) /* bytes at once: what one transport_write() takes */
#define READ_FRAMES_MAX 16384U /* the same in HTTP/2, where each may be made of frames that want work */

const char *conn_state_text(ConnState s) {
        static const char *const texts[_CONN_STATE_MAX] = {
                [CONN_PROXY] = "proxy",     [CONN_HELLO] = "hello",     [CONN_HANDSHAKE] = "handshake",
                [CONN_IDLE] = "idle",       [CONN_REQUEST] = "request", [CONN_STREAMS] = "streams",
                [CONN_LINGER] = "linger",   [CONN_CLOSED] = "closed",
        };
        return s >= 0 && s < _CONN_STATE_MAX ? texts[s] : NULL;
}

void conn_set_state(Conn *c, ConnState s) {
        static const unsigned from[_CONN_STATE_MAX] = {
                [CONN_HELLO] = STEPS_FROM(CONN_PROXY),
                [CONN_HANDSHAKE] = STEPS_FROM(CONN_HELLO),
                [CONN_IDLE] = STEPS_FROM(CONN_PROXY, CONN_HANDSHAKE, CONN_REQUEST),
                [CONN_REQUEST] = STEPS_FROM(CONN_IDLE),
                [CONN_STREAMS] = STEPS_FROM(CONN_HANDSHAKE),
                [CONN_LINGER] = STEPS_FROM(CONN_HELLO, CONN_HANDSHAKE, CONN_IDLE, CONN_REQUEST,
                                           CONN_STREAMS),
                [CONN_CLOSED] = STEPS_FROM(CONN_PROXY, CONN_HELLO, CONN_HANDSHAKE, CONN_IDLE, CONN_REQUEST,
                                           CONN_STREAMS, CONN_LINGER),
        };

        assert_step(from, c->state, s);
        if (s == CONN_CLOSED || s == CONN_HANDSHAKE)
                log_debug("%s: %s -> %s", c->visit.address_text, conn_state_text(c->state),
                          conn_state_text(s));
        c->state = s;
        c->server = c->worker->visits->servers[s];
        if (s >= CONN_REQUEST)
                unfinished_remove(c);
}

static void free_conn(Garbage *g) {
        free(CONTAINER_OF(g, Conn, garbage));
}

void conn_not_old(Conn *c) {
        if (c->old)
                counter_sub(&c->worker->counters.old, 1);
        c->old = false;
}

static void drop_upstream(Conn *c) {
        c->upstream = upstream_let_go(c->upstream);
}

void conn_close(Conn *c) {
        const ConnServer *server = c->server;
        Worker *w = c->worker;

        if (c->state == CONN_CLOSED)
                return;
        conn_set_state(c, CONN_CLOSED);
        conn_not_old(c);
        if (server->end)
                server->end(c);
        crowd_leave(&c->crowd);
        if (arrival_is_relayed(c->visit.arrival))
                counter_add(&w->figures->agent_visits_ended, 1);
        loop_disarm(&w->loop, &c->timer);
        loop_not_again(&w->loop, &c->again);
        transport_done(&c->transport);
        c->in = buffer_put(&w->pool, c->in);
        drop_upstream(c);
        free(c->hello);
        free(c->visit.secret);
        c->hello = NULL;
        c->visit.secret = NULL;
        if (c->visit.probe)
                queue_push(w->main_queue, &TAKE_PTR(c->visit.probe)->message);
        c->snapshot = snapshot_unref(c->snapshot);
        review_pass_over(w, c);
        LIST_REMOVE(c);
        if (c->visit.arrival != ARRIVAL_PROBE)
                visitors_left(w);
        loop_defer_free(&w->loop, &c->garbage);
}

void conn_refuse(Conn *c) {
        if (c->state == CONN_HELLO)
                conn_note_outside(c, OUTSIDE_HTTPS);
        counter_add(&c->worker->figures->refused, 1);
        conn_close(c);
}

void conn_cut(Conn *c, const char *why) {
        if (c->server->cut)
                c->server->cut(c, why);
        else
                conn_close(c);
}

Visitor conn_leave(Conn *c) {
        Visitor v = {
                .kind = c->visit.kind,
                .address = c->visit.address,
                .port = c->visit.port,
                .here = c->visit.here,
                .here_port = c->visit.here_port,
                .arrival = c->visit.arrival,
                .crowd = crowd_move(&c->crowd),
                .noted = c->noted,
        };

        if (c->visit.secret)
                memcpy(v.secret, c->visit.secret, sizeof(v.secret));

        loop_remove(&c->worker->loop, &c->transport.handle);
        v.fd = TAKE_FD(c->transport.handle.fd);
        v.in = TAKE_PTR(c->transport.in);
        buffer_leave(&c->worker->pool, v.in);
        if (arrival_is_relayed(c->visit.arrival))
                c->visit.arrival = ARRIVAL_DIRECT; /* it has not ended */
        conn_close(c);
        return v;
}

void conn_hand_over(Conn *c, Worker *to) {
        VisitorMessage *m = visitor_message_new(c->worker);

        if (!m) {
                conn_close(c);
                return;
        }
        m->visitor = conn_leave(c);
        worker_send(to, &m->message);
}

void conn_linger(Conn *c) {
        Worker *w = c->worker;

        transport_shutdown(&c->transport);
        if (c->transport.error < 0) {
                conn_close(c);
                return;
        }
        conn_set_state(c, CONN_LINGER);
        c->in = buffer_put(&w->pool, c->in);
        c->since_usec = w->loop.now_usec;
        loop_arm(&w->loop, &c->timer,
                 w->loop.now_usec + (w->stage >= WORKER_PARTING ? CONN_LINGER_STOP_USEC : CONN_LINGER_USEC));
        loop_again(&w->loop, &c->again);
}

/* What still comes is thrown away unread: closing a socket with bytes in it would take back our last. */
static void serve_linger(Conn *c) {
        Worker *w = c->worker;
        ssize_t n;

        while (!loop_turn_is_over(&w->loop)) {
                n = recv(c->transport.handle.fd, w->scratch, sizeof(w->scratch), MSG_DONTWAIT);
                loop_spend(&w->loop, LOOP_WORK_CALL + (n > 0 ? (size_t) n : 0));
                if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
                        conn_close(c);
                        return;
                }
                if (n < 0)
                        return;
        }
        loop_again(&w->loop, &c->again);
}

ssize_t conn_fill(Conn *c) {
        Buffer *b = c->in;
        ssize_t n;

        if (!b)
                b = c->in = buffer_get(&c->worker->pool,
                                      c->state >= CONN_REQUEST ? BUFFER_SIZE : BUFFER_SIZE_SMALL);
        if (!b)
                return -ENOMEM;
        if (buffer_used(b) == 0)
                b->begin = b->end = 0;
        if (buffer_room(b) == 0)
                return -ENOBUFS;
        n = transport_read(&c->transport, b->data + b->end,
                           MIN(buffer_room(b),
                               (size_t) (c->state == CONN_STREAMS ? READ_FRAMES_MAX : READ_MAX)));
        if (n > 0)
                b->end += (size_t) n;
        else if (buffer_used(b) == 0)
                c->in = buffer_put(&c->worker->pool, b);
        return n;
}

/* A request is served by what is configured when it comes. */
int conn_refresh(Conn *c) {
        const Snapshot *now = c->worker->snapshot;
        const Route *route;

        if (c->snapshot == now)
                return 0;
        route = c->visit.kind == CONN_HTTP ? NULL : review_route(c, now);
        drop_upstream(c);
        conn_take_snapshot(c);
        c->route = route;
        if (c->visit.kind == CONN_HTTP)
                return 0;
        /* A tcp:// service gets nothing that was opened here. */
        return route && route->host.upstream_kind != CONF_UPSTREAM_TCP ? 0 : -ENOENT;
}

void conn_wait(Conn *c) {
        Worker *w = c->worker;

        /* Whose last answer is still on its way is being served. */
        if (!transport_pending(&c->transport) && (buffer_used(c->in) == 0 || c->since_usec == 0))
                unfinished_add(c);
        if (buffer_used(c->in) == 0) {
                c->since_usec = 0;
                loop_arm(&w->loop, &c->timer, w->loop.now_usec + c->snapshot->idle_usec);
                return;
        }
        if (c->since_usec == 0)
                c->since_usec = w->loop.now_usec;
        loop_arm(&w->loop, &c->timer, c->since_usec + c->snapshot->head_usec);
}

void conn_next(Conn *c) {
        Worker *w = c->worker;

        conn_not_old(c);
        if (buffer_used(c->in) == 0)
                c->in = buffer_put(&w->pool, c->in);
        c->answered = true;
        if (w->stage >= WORKER_PARTING && !c->in) {
                conn_linger(c);
                return;
        }
        conn_set_state(c, CONN_IDLE);
        conn_wait(c);
        if (c->in || transport_may_read(&c->transport))
                loop_again(&w->loop, &c->again);
}

void conn_serve(Conn *c) {
        c->server->serve(c);
}

static void on_again(Again *a) {
        conn_serve(CONTAINER_OF(a, Conn, again));
}

static void on_event(Handle *h, uint32_t events) {
        Conn *c = CONTAINER_OF(h, Conn, transport.handle);

        if (c->server->on_event) {
                c->server->on_event(c, events);
                return;
        }
        transport_note(&c->transport, events);
        if (transport_pending(&c->transport)) {
                int r = transport_flush(&c->transport);
                if (r < 0 && r != -EAGAIN && c->state != CONN_REQUEST) {
                        conn_cut(c, "gone");
                        return;
                }
        }
        conn_serve(c);
}

static void on_timer(Timer *t) {
        Conn *c = CONTAINER_OF(t, Conn, timer);

        c->server->on_timer(c);
}

static void on_linger_timer(Conn *c) {
        uint64_t now = c->worker->loop.now_usec;

        if (transport_pending(&c->transport) && now < c->since_usec + CONN_LINGER_MAX_USEC)
                loop_arm(&c->worker->loop, &c->timer, now + CONN_LINGER_USEC);
        else
                conn_close(c);
}

/* A closed one waits only to be freed. */
static void serve_nobody(Conn *c) {
}

const ConnServer conn_linger_server = { .serve = serve_linger, .on_timer = on_linger_timer };
const ConnServer conn_closed_server = { .serve = serve_nobody, .on_timer = serve_nobody };

void conn_take_snapshot(Conn *c) {
        snapshot_unref(c->snapshot);
        c->snapshot = snapshot_ref(c->worker->snapshot);
        c->inside = visit_is_inside(&c->visit, c->snapshot);
}

void conn_set_address(Conn *c, const IpAddress *address, uint16_t port) {
        c->visit.address = *address;
        c->visit.port = port;
        c->inside = visit_is_inside(&c->visit, c->snapshot);
        if (address->family == AF_UNSPEC)
                memcpy(c->visit.address_text, "0.0.0.0", sizeof("0.0.0.0"));
        else
                (void) ip_format(address, c->visit.address_text);
}

Conn *conn_make(Worker *w, Visitor *v) {
        Conn *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        if (v->kind == CONN_HTTPS)
                c->hello = calloc(1, sizeof(ClientHello));
        if (v->arrival == ARRIVAL_CHANNEL_OPENED)
                c->visit.secret = malloc(CHANNEL_SECRET_SIZE);
        if ((v->kind == CONN_HTTPS && !c->hello) ||
            (v->arrival == ARRIVAL_CHANNEL_OPENED && !c->visit.secret)) {
                free(c->hello);
                free(c->visit.secret);
                free(c);
                return NULL;
        }
        if (c->visit.secret)
                memcpy(c->visit.secret, v->secret, CHANNEL_SECRET_SIZE);
        c->worker = c->visit.worker = w;
        c->visit.kind = v->kind;
        c->state = v->arrival == ARRIVAL_BALANCER ? CONN_PROXY :
                   v->kind == CONN_HTTPS          ? CONN_HELLO :
                                                    CONN_IDLE;
        c->server = w->visits->servers[c->state];
        c->visit.arrival = v->arrival;
        c->crowd = crowd_move(&v->crowd);
        c->noted = v->noted;
        c->visit.here = v->here;
        c->visit.here_port = v->here_port;
        c->garbage.free = free_conn;
        c->timer.fire = on_timer;
        c->again.run = on_again;
        c->transport.handle.on_event = on_event;
        c->snapshot = snapshot_ref(w->snapshot);
        conn_set_address(c, &v->address, v->port);
        transport_init(&c->transport, &w->loop, &w->pool, TAKE_FD(v->fd));
        c->transport.in = TAKE_PTR(v->in);
        buffer_arrive(&w->pool, c->transport.in);
        if (arrival_is_relayed(v->arrival))
                c->transport.meter = &w->figures->agent_bytes;
        LIST_ADD(&w->visits->first, c);
        if (c->visit.arrival != ARRIVAL_PROBE)
                visitors_came(w);
        return c;
}

void conn_start(Conn *c) {
        Worker *w = c->worker;

        c->born_usec = w->loop.now_usec;
        c->since_usec = c->visit.kind == CONN_HTTPS ? w->loop.now_usec : 0;
        unfinished_add(c);
        if (c->state == CONN_IDLE)
                conn_note_outside(c, OUTSIDE_HTTP);
        loop_arm(&w->loop, &c->timer,
                 w->loop.now_usec +
                         (c->state == CONN_IDLE ? c->snapshot->head_usec : c->snapshot->hello_usec));
        if (loop_add(&w->loop, &c->transport.handle, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0)
                conn_close(c);
}

void conn_new(Worker *w, Visitor *v) {
        Conn *c = conn_make(w, v);

        if (c) {
                conn_start(c);
                return;
        }
        visitor_done(w, v);
}
