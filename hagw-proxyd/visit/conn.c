/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors' connections and their requests; what comes before the first request is hello.c. Runs in the
 * worker's thread. */

#include <sys/socket.h>

#include "hagw-proxyd/crew/crowd.h"
#include "hagw-proxyd/crew/worker.h"
#include "hagw-proxyd/door/hello.h"
#include "libhagw/log.h"

#define READ_MAX (64U * 1024) /* bytes at once: what one transport_write() takes */

const char *conn_state_text(ConnState s) {
        static const char *const texts[_CONN_STATE_MAX] = {
                [CONN_PROXY] = "proxy",     [CONN_HELLO] = "hello",     [CONN_HANDSHAKE] = "handshake",
                [CONN_IDLE] = "idle",       [CONN_REQUEST] = "request", [CONN_PASSAGE] = "passage",
                [CONN_LINGER] = "linger",   [CONN_CLOSED] = "closed",
        };
        return s >= 0 && s < _CONN_STATE_MAX ? texts[s] : NULL;
}

void conn_set_state(Conn *c, ConnState s) {
        if (s == CONN_CLOSED || s == CONN_HANDSHAKE)
                log_debug("%s: %s -> %s", c->address_text, conn_state_text(c->state), conn_state_text(s));
        c->state = s;
        if (s >= CONN_REQUEST)
                unfinished_remove(c);
}

static void free_conn(Garbage *g) {
        free(CONTAINER_OF(g, Conn, garbage));
}

/* Who was counted is so no more. */
static void visitor_left(Worker *w, const IpAddress *address, bool uncounted, bool channel) {
        if (!uncounted)
                crowd_leave(address);
        if (channel)
                counter_add(&w->counters.relay_visits_ended, 1);
}

static void conn_not_old(Conn *c) {
        if (c->old)
                counter_sub(&c->worker->counters.old, 1);
        c->old = false;
}

static void drop_upstream(Conn *c) {
        c->upstream = upstream_let_go(c->upstream);
}

void conn_close(Conn *c) {
        Worker *w = c->worker;

        if (c->state == CONN_CLOSED)
                return;
        conn_set_state(c, CONN_CLOSED);
        conn_not_old(c);
        if (c->passage)
                passage_done(c->passage);
        visitor_left(w, &c->address, c->uncounted, c->channel);
        loop_disarm(&w->loop, &c->timer);
        loop_not_again(&w->loop, &c->again);
        c->handshake = handshake_free(c->handshake);
        transport_done(&c->transport);
        c->in = buffer_put(&w->pool, c->in);
        drop_upstream(c);
        free(c->hello);
        free(c->secret);
        c->hello = NULL;
        c->secret = NULL;
        if (c->probe)
                queue_push(w->main_queue, &TAKE_PTR(c->probe)->message);
        c->snapshot = snapshot_unref(c->snapshot);
        review_pass_over(w, c);
        *c->link = c->next;
        if (c->next)
                c->next->link = c->link;
        if (c->kind != CONN_PROBE)
                conns_left(w);
        for (size_t i = 0; i < w->n_listeners; i++)
                listener_resume(&w->listeners[i]);
        loop_defer_free(&w->loop, &c->garbage);
}

Visitor conn_leave(Conn *c) {
        Visitor v = {
                .kind = c->kind,
                .address = c->address,
                .port = c->port,
                .here = c->here,
                .here_port = c->here_port,
                .uncounted = c->uncounted,
                .channel = c->channel,
                .opened = c->secret,
        };

        if (c->secret)
                memcpy(v.secret, c->secret, sizeof(v.secret));

        loop_remove(&c->worker->loop, &c->transport.handle);
        v.fd = TAKE_FD(c->transport.handle.fd);
        v.in = TAKE_PTR(c->transport.in);
        buffer_leave(&c->worker->pool, v.in);
        c->uncounted = true;
        c->channel = false;
        conn_close(c);
        return v;
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
                b = c->in = buffer_get(&c->worker->pool, c->exchange ? BUFFER_SIZE : BUFFER_SIZE_SMALL);
        if (!b)
                return -ENOMEM;
        if (buffer_used(b) == 0 && !(c->exchange && c->exchange->head_held))
                b->begin = b->end = 0;
        if (buffer_room(b) == 0)
                return -ENOBUFS;
        n = transport_read(&c->transport, b->data + b->end, MIN(buffer_room(b), (size_t) READ_MAX));
        if (n > 0)
                b->end += (size_t) n;
        else if (buffer_used(b) == 0 && !(c->exchange && c->exchange->head_held))
                c->in = buffer_put(&c->worker->pool, b);
        return n;
}

/* The head may be larger than a buffer from the pool. */
static int make_room(Conn *c) {
        Buffer *b = c->in, *larger;

        if (buffer_room(b) > 0)
                return 0;
        if (b->begin > 0) {
                buffer_compact(b);
                return 0;
        }
        larger = buffer_grow(&c->worker->pool, b,
                             b->size < BUFFER_SIZE ? 0 : MAX(b->size * 2, c->snapshot->head_size + 4096));
        if (!larger)
                return -ENOMEM;
        c->in = larger;
        return 0;
}

/* A request is served by what is configured when it comes. */
int conn_refresh(Conn *c) {
        const Snapshot *now = c->worker->snapshot;
        const Route *route;

        if (c->snapshot == now)
                return 0;
        route = c->kind == CONN_HTTP ? NULL : review_route(c, now);
        drop_upstream(c);
        conn_take_snapshot(c);
        c->route = route;
        if (c->kind == CONN_HTTP)
                return 0;
        /* A tcp:// service gets nothing that was opened here. */
        return route && route->host.upstream_kind != CONF_UPSTREAM_TCP ? 0 : -ENOENT;
}

/* Looks for a whole head in c->in. */
static H1Verdict read_head(Conn *c, Exchange **ret) {
        H1Limits limits = { c->snapshot->head_size, c->snapshot->header_count };
        Exchange *x;
        H1Verdict v;

        x = exchange_new(c);
        if (!x)
                return H1_TOO_LARGE;
        v = h1_read_request(&c->scan, buffer_at(c->in), buffer_used(c->in), &limits, &x->request);
        if (v == H1_MORE)
                exchange_free(x);
        else
                *ret = x;
        return v;
}

static void wait_for_head(Conn *c) {
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

static void serve_request(Conn *c, H1Verdict v, Exchange *x) {
        loop_spend(&c->worker->loop, LOOP_WORK_REQUEST);
        conn_set_state(c, CONN_REQUEST);
        c->exchange = x;
        c->scan = (H1Scan) {};
        c->since_usec = 0;
        if (v != H1_OK) {
                exchange_refuse(x, v);
                return;
        }
        c->in->begin += x->request.head_size;
        exchange_begin(x);
}

void conn_serve_idle(Conn *c) {
        bool parse = buffer_used(c->in) > 0;

        while (c->state == CONN_IDLE && !transport_pending(&c->transport)) {
                Exchange *x = NULL;
                H1Verdict v = H1_MORE;
                ssize_t n;

                /* Requests that lie here already want no reading, which would end with the turn. */
                if (loop_turn_is_over(&c->worker->loop)) {
                        loop_again(&c->worker->loop, &c->again);
                        return;
                }
                if (parse && conn_refresh(c) < 0) {
                        conn_linger(c);
                        return;
                }
                if (parse)
                        v = read_head(c, &x);
                if (v != H1_MORE && !x) { /* no memory */
                        conn_close(c);
                        return;
                }
                if (v != H1_MORE) {
                        serve_request(c, v, x);
                        parse = buffer_used(c->in) > 0;
                        continue;
                }
                if (c->in && make_room(c) < 0) {
                        conn_close(c);
                        return;
                }
                n = conn_fill(c);
                if (n == -EAGAIN) {
                        wait_for_head(c);
                        return;
                }
                if (n <= 0) {
                        conn_close(c);
                        return;
                }
                parse = true;
        }
}

void conn_next(Conn *c) {
        Worker *w = c->worker;

        conn_not_old(c);
        c->exchange = NULL;
        if (buffer_used(c->in) == 0)
                c->in = buffer_put(&w->pool, c->in);
        c->answered = true;
        if (w->stage >= WORKER_PARTING && !c->in) {
                conn_linger(c);
                return;
        }
        conn_set_state(c, CONN_IDLE);
        wait_for_head(c);
        if (c->in || transport_may_read(&c->transport))
                loop_again(&w->loop, &c->again);
}

static void conn_serve(Conn *c) {
        static void (*const serve[_CONN_STATE_MAX])(Conn *c) = {
                [CONN_PROXY] = hello_serve_proxy, [CONN_HELLO] = hello_serve,
                [CONN_HANDSHAKE] = hello_serve_handshake, [CONN_IDLE] = conn_serve_idle,
                [CONN_LINGER] = serve_linger,
        };

        if (c->state == CONN_REQUEST)
                exchange_run(c->exchange);
        else if (c->state == CONN_PASSAGE)
                passage_on_again(c->passage);
        else if (serve[c->state])
                serve[c->state](c);
}

static void on_again(Again *a) {
        conn_serve(CONTAINER_OF(a, Conn, again));
}

static void on_event(Handle *h, uint32_t events) {
        Conn *c = CONTAINER_OF(h, Conn, transport.handle);

        if (c->state == CONN_PASSAGE) {
                passage_on_event(c->passage, events);
                return;
        }
        transport_note(&c->transport, events);
        if (transport_pending(&c->transport)) {
                int r = transport_flush(&c->transport);
                if (r < 0 && r != -EAGAIN && c->state != CONN_REQUEST) {
                        conn_close(c);
                        return;
                }
        }
        conn_serve(c);
}

static void on_timer(Timer *t) {
        Conn *c = CONTAINER_OF(t, Conn, timer);
        uint64_t now = c->worker->loop.now_usec;

        switch (c->state) {
        case CONN_REQUEST:
                exchange_on_timeout(c->exchange);
                break;
        case CONN_PASSAGE:
                passage_on_timer(c->passage);
                break;
        case CONN_IDLE:
                if (c->kind == CONN_HTTPS && buffer_used(c->in) > 0 && !transport_pending(&c->transport))
                        exchange_refuse_timeout(c);
                else if (c->kind == CONN_HTTPS)
                        conn_linger(c);
                else
                        conn_close(c);
                break;
        case CONN_LINGER:
                if (transport_pending(&c->transport) && now < c->since_usec + CONN_LINGER_MAX_USEC)
                        loop_arm(&c->worker->loop, t, now + CONN_LINGER_USEC);
                else
                        conn_close(c);
                break;
        default:
                counter_add(&c->worker->counters.refused, 1);
                conn_close(c);
                break;
        }
}

void conn_take_snapshot(Conn *c) {
        snapshot_unref(c->snapshot);
        c->snapshot = snapshot_ref(c->worker->snapshot);
        c->inside = conn_is_inside(c, c->snapshot);
}

void conn_set_address(Conn *c, const IpAddress *address, uint16_t port) {
        c->address = *address;
        c->port = port;
        c->inside = conn_is_inside(c, c->snapshot);
        if (address->family == AF_UNSPEC)
                memcpy(c->address_text, "0.0.0.0", sizeof("0.0.0.0"));
        else
                (void) ip_format(address, c->address_text);
}

static Conn *make_conn(Worker *w, Visitor *v) {
        Conn *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        if (v->kind == CONN_HTTPS)
                c->hello = calloc(1, sizeof(ClientHello));
        if (v->opened)
                c->secret = malloc(CHANNEL_SECRET_SIZE);
        if ((v->kind == CONN_HTTPS && !c->hello) || (v->opened && !c->secret)) {
                free(c->hello);
                free(c->secret);
                free(c);
                return NULL;
        }
        if (v->opened)
                memcpy(c->secret, v->secret, CHANNEL_SECRET_SIZE);
        c->worker = w;
        c->kind = v->kind;
        c->state = v->announced ? CONN_PROXY : v->kind == CONN_HTTPS ? CONN_HELLO : CONN_IDLE;
        c->uncounted = v->uncounted;
        c->channel = v->channel;
        c->here = v->here;
        c->here_port = v->here_port;
        c->garbage.free = free_conn;
        c->timer.fire = on_timer;
        c->again.run = on_again;
        c->transport.handle.on_event = on_event;
        c->snapshot = snapshot_ref(w->snapshot);
        conn_set_address(c, &v->address, v->port);
        transport_init(&c->transport, &w->loop, &w->pool, TAKE_FD(v->fd));
        c->transport.in = TAKE_PTR(v->in);
        buffer_arrive(&w->pool, c->transport.in);
        if (v->channel)
                c->transport.meter = &w->counters.relay_bytes;
        c->next = w->conns;
        c->link = &w->conns;
        if (c->next)
                c->next->link = &c->next;
        w->conns = c;
        if (c->kind != CONN_PROBE)
                conns_came(w);
        return c;
}

static void conn_start(Conn *c) {
        Worker *w = c->worker;

        c->born_usec = w->loop.now_usec;
        c->since_usec = c->kind == CONN_HTTPS ? w->loop.now_usec : 0;
        unfinished_add(c);
        if (c->state != CONN_PROXY)
                conn_note_outside(c);
        loop_arm(&w->loop, &c->timer,
                 w->loop.now_usec +
                         (c->state == CONN_IDLE ? c->snapshot->head_usec : c->snapshot->hello_usec));
        if (loop_add(&w->loop, &c->transport.handle, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0)
                conn_close(c);
}

void conn_new(Worker *w, Visitor *v) {
        Conn *c = make_conn(w, v);

        if (c) {
                conn_start(c);
                return;
        }
        visitor_left(w, &v->address, v->uncounted, v->channel);
        visitor_done(v);
}

int conn_new_probe(Worker *w, ProbeMessage *probe) {
        Visitor v = {
                .fd = TAKE_FD(probe->fd),
                .kind = CONN_PROBE,
                .address = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } },
                .uncounted = true,
        };
        const Route *route = route_find(w->snapshot->routes, probe->name);
        Conn *c = route ? make_conn(w, &v) : NULL;

        if (!c) {
                visitor_done(&v);
                queue_push(w->main_queue, &probe->message);
                return -ENOENT;
        }
        c->probe = probe;
        c->route = route;
        memcpy(c->name, probe->name, sizeof(c->name));
        conn_start(c);
        if (c->state != CONN_CLOSED && route->host.upstream_kind == CONF_UPSTREAM_TCP)
                passage_to_service(c);
        return 0;
}
