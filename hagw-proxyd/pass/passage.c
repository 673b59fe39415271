/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors who pass unopened. Runs in the worker's thread. */

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "hagw-proxyd/crew/worker.h"
#include "hagw-proxyd/pass/passage.h"
#include "hagw-proxyd/relay/tenantrefusal.h"

static void free_passage(Garbage *g) {
        free(CONTAINER_OF(g, Passage, garbage));
}

static void write_log(const Passage *p) {
        const Conn *c = p->conn;
        Worker *w = c->worker;
        AccessEntry e = {
                .passage = true,
                .address = slice_from(c->address_text),
                .host = slice_from(c->name),
                .received = p->pump.sides[0].received,
                .sent = p->pump.sides[1].received,
                .duration_usec = w->loop.now_usec - p->begin_usec,
                .upstream_usec = p->joined_usec > 0 ? p->joined_usec - p->begin_usec : USEC_INFINITY,
                .verdict = p->verdict,
        };

        if (p->upstream)
                e.upstream = p->upstream->authority;
        if (c->snapshot->log_access && !access_ring_put(w->access, &e))
                counter_add(&w->counters.log_dropped, 1);
}

/* As they come, for a passage may last for days. */
static void count_bytes(Passage *p) {
        WorkerCounters *c = &p->conn->worker->counters;
        uint64_t received = p->pump.sides[0].received, sent = p->pump.sides[1].received;
        TransportMeter *meter = p->conn->transport.meter;

        if (p->conn->probe)
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

static HostCounters *counters_of(const Passage *p) {
        return &p->stats->workers[p->conn->worker->index];
}

void passage_done(Passage *p) {
        Worker *w = p->conn->worker;

        if (p->state == PASSAGE_CLOSED)
                return;
        count_bytes(p);
        if (!p->conn->probe) {
                counter_sub(&w->counters.passages_open, 1);
                write_log(p);
        }
        channel_client_done(&p->channel);
        p->state = PASSAGE_CLOSED;
        pump_done(&p->pump);
        p->first = buffer_put(&w->pool, p->first);
        p->other.fd = safe_close(p->other.fd);
        if (p->conn->probe) {
                p->conn->probe->result.asked = true;
                p->conn->probe->result.fault = p->client.fault;
                if (p->upstream)
                        p->conn->probe->result.peer = upstream_peer(p->upstream);
        }
        if (p->upstream) {
                upstream_forget(&p->client);
                p->upstream->n_clients--;
        }
        if (p->client.link)
                link_close(p->client.link);
        if (p->stats) {
                if (!p->conn->probe)
                        counter_sub(&counters_of(p)->active, 1);
                host_stats_unref(p->stats);
        }
        p->conn->passage = NULL;
        loop_defer_free(&w->loop, &p->garbage);
}

void passage_abort(Passage *p, const char *verdict) {
        p->verdict = verdict;
        conn_close(p->conn);
}

void passage_refuse(Passage *p, Tenant *t) {
        Worker *w = p->conn->worker;
        Refusal r = tenant_refusal(w, t);

        tenant_refuse(w, t, r);
        passage_abort(p, refusal_name(r));
}

/* When it is given up unless something passes. */
static uint64_t deadline(const Passage *p) {
        const Worker *w = p->conn->worker;
        uint64_t due = p->moved_usec + (p->upstream ? p->upstream->idle_usec : PASSAGE_IDLE_USEC);

        if (pump_is_stuck(&p->pump))
                due = MIN(due, p->moved_usec + PASSAGE_STUCK_USEC);
        return worker_quiet_usec(w, p->conn, p->moved_usec, due);
}

static void wait_more(Passage *p) {
        uint64_t due = deadline(p);

        if (p->pump.resume_usec > 0)
                due = MIN(due, p->pump.resume_usec);
        loop_arm(&p->conn->worker->loop, &p->conn->timer, due);
}

void passage_drain(Passage *p) {
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
        Tenant *t = p->channel.tenant;

        if (p->state != PASSAGE_PUMPING || !p->first || !t || p->tries >= PASSAGE_TRIES_MAX ||
            p->pump.sides[0].ended || p->pump.sides[0].received != buffer_used(p->first) ||
            p->pump.sides[1].received > 0)
                return false;
        channel_client_done(&p->channel);
        pump_done(&p->pump);
        loop_remove(&w->loop, &p->other);
        p->other.fd = safe_close(p->other.fd);
        p->conn->transport.in = TAKE_PTR(p->first);
        p->state = PASSAGE_WAITING;
        loop_arm(&w->loop, &p->conn->timer, p->begin_usec + TENANT_WAIT_USEC);
        if (tenant_want(w, t, &p->channel) < 0)
                passage_refuse(p, t);
        return true;
}

static void run(Passage *p) {
        Worker *w = p->conn->worker;

        p->pump.turn = worker_is_shared(w, p->conn) ? PUMP_SHARED_BYTES : PUMP_ALONE_BYTES;
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

void passage_on_again(Passage *p) {
        if (p->state == PASSAGE_PUMPING)
                run(p);
}

void passage_on_timer(Passage *p) {
        const Worker *w = p->conn->worker;

        if (p->state != PASSAGE_PUMPING && p->channel.tenant)
                passage_refuse(p, p->channel.tenant);
        else if (p->state != PASSAGE_PUMPING)
                passage_abort(p, "nobody there");
        else if (w->loop.now_usec < deadline(p))
                run(p);
        else
                passage_abort(p, p->conn->old               ? "stopped" :
                                 pump_is_stuck(&p->pump) ? "stuck" :
                                                           "idle");
}

/* Of the visitor's side. */
void passage_on_event(Passage *p, uint32_t events) {
        if (p->state == PASSAGE_PUMPING) {
                pump_note(&p->pump, 0, events);
                run(p);
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
        run(p);
}

Passage *passage_new(Conn *c, uint64_t wait_usec) {
        Worker *w = c->worker;
        Passage *p = calloc(1, sizeof(*p));

        if (!p)
                return NULL;
        p->conn = c;
        p->garbage.free = free_passage;
        p->other = (Handle) { .fd = -EBADF, .on_event = on_other_event };
        p->begin_usec = w->loop.now_usec;
        p->verdict = "pass";
        c->passage = p;
        if (!c->probe) {
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
        if (p->channel.ops)
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
        if (p->channel.ops)
                set_vanished(fd, PASSAGE_CHANNEL_USEC);
        else
                watch_peer(fd);
        p->other.fd = fd;
        p->state = PASSAGE_PUMPING;
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
        run(p);
}

/* Where the visitor came to; what cannot be known is not told. */
ProxyPair passage_pair(const Conn *c) {
        struct sockaddr_storage here = {};
        socklen_t size = sizeof(here);
        ProxyPair pair = { c->address, c->here, c->port, c->here_port };

        if (c->here.family == AF_UNSPEC &&
            getsockname(c->transport.handle.fd, (struct sockaddr *) &here, &size) >= 0)
                (void) proxy_endpoint_from_sockaddr((struct sockaddr *) &here, &pair.destination,
                                                    &pair.destination_port);
        return pair;
}

/* What the service expects in front of the first byte; of an unknown pair, that nobody is meant. */
static size_t write_header(const Passage *p, const ProxyPair *pair, char out[static PROXY_V1_SIZE_MAX]) {
        switch (p->conn->route->host.proxy_protocol) {
        case CONF_PROXY_V1:
                return proxy_v1_write(pair, out);
        case CONF_PROXY_V2:
                return proxy_v2_write(pair, 0, (uint8_t *) out);
        default:
                return 0;
        }
}

/* It connects: that is all we wanted. Silence would be an error in its log at each trial. */
static void end_trial(Passage *p, const Link *k) {
        char head[PROXY_V1_SIZE_MAX];
        size_t size = write_header(p, &(ProxyPair) {}, head);

        if (size > 0)
                (void) send(k->transport.handle.fd, head, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        p->conn->probe->result.connected = true;
        passage_abort(p, "probe");
}

static void on_link(LinkClient *l) {
        Passage *p = CONTAINER_OF(l, Passage, client);
        char head[PROXY_V1_SIZE_MAX];
        ProxyPair pair;
        size_t size;

        atomic_store_explicit(&counters_of(p)->ok_usec, p->conn->worker->loop.now_usec,
                              memory_order_relaxed);
        l->fault = LINK_FAULT_NONE;
        if (p->conn->probe) {
                end_trial(p, l->link);
                return;
        }
        atomic_store_explicit(&counters_of(p)->good_usec, p->conn->worker->loop.now_usec,
                              memory_order_relaxed);
        pair = passage_pair(p->conn);
        size = write_header(p, &pair, head);
        passage_join(p, link_take(l->link), head, size, /* limit= */ NULL);
}

static void on_link_failed(LinkClient *l, const char *why) {
        Passage *p = CONTAINER_OF(l, Passage, client);

        if (p->conn->probe)
                (void) snprintf(p->conn->probe->result.text, sizeof(p->conn->probe->result.text), "%s", why);
        else
                upstream_report(p->upstream, p->stats, why);
        passage_abort(p, "upstream failed");
}

/* Events of the link come to the passage's own handle. */
static void on_link_event(LinkClient *l) {
}

static const LinkClientOps link_ops = {
        .on_link = on_link,
        .on_failed = on_link_failed,
        .on_event = on_link_event,
};

void passage_to_service(Conn *c) {
        const SnapshotHost *host = snapshot_host(c->snapshot, c->route);
        Passage *p = passage_new(c, c->route->host.timeouts.connect_usec * 2);

        if (!p) {
                conn_close(c);
                return;
        }
        p->client.ops = &link_ops;
        p->stats = host_stats_ref(host->stats);
        if (!c->probe) {
                counter_add(&counters_of(p)->requests, 1);
                counter_add(&counters_of(p)->active, 1);
        }
        p->upstream = upstream_get(c->worker, &c->route->host, host->trust);
        if (!p->upstream) {
                passage_abort(p, "out of memory");
                return;
        }
        p->upstream->n_clients++;
        if (upstream_acquire(p->upstream, &p->client, UPSTREAM_FRESH) < 0)
                passage_abort(p, "out of memory");
}
