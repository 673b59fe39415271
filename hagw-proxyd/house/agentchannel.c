/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Channels from the house to its relay. Runs in the worker's thread. */

#include <gnutls/crypto.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "hagw-proxyd/house/agent.h"
#include "hagw-proxyd/house/agentchannel.h"
#include "hagw-proxyd/snapshot/figures.h"
#include "hagw-proxyd/snapshot/snapshot.h"
#include "libhagw/crew/visitor.h"
#include "libhagw/crew/worker.h"
#include "libhagw/log.h"
#include "libhagw/pure/list.h"

struct AgentChannel {
        Handle handle;
        Garbage garbage;
        Timer timer;
        ChannelPool *pool;
        AgentChannel *next, **place;
        AgentChannelState state;
        uint64_t number;
        uint64_t since_usec; /* it waits */
};

static void fill(ChannelPool *p);

static void free_channel(Garbage *g) {
        free(CONTAINER_OF(g, AgentChannel, garbage));
}

static void set_state(AgentChannel *c, AgentChannelState s) {
        static const unsigned from[_AGENT_CHANNEL_STATE_MAX] = {
                [AGENT_CHANNEL_WAITING] = STEPS_FROM(AGENT_CHANNEL_CONNECTING),
                [AGENT_CHANNEL_CLOSED] = STEPS_FROM(AGENT_CHANNEL_CONNECTING, AGENT_CHANNEL_WAITING),
        };
        ChannelPool *p = c->pool;
        Figures *figures = p->worker->figures;

        assert_step(from, c->state, s);
        if (c->state == AGENT_CHANNEL_CONNECTING)
                p->n_connecting--;
        if (c->state == AGENT_CHANNEL_WAITING) {
                p->n_waiting--;
                counter_sub(&figures->agent_waiting, 1);
        }
        c->state = s;
        if (s == AGENT_CHANNEL_WAITING) {
                p->n_waiting++;
                counter_add(&figures->agent_waiting, 1);
        }
}

/* Returns the fd, which is the caller's. */
static int channel_release(AgentChannel *c) {
        Loop *loop = &c->pool->worker->loop;

        set_state(c, AGENT_CHANNEL_CLOSED);
        LIST_REMOVE(c);
        loop_disarm(loop, &c->timer);
        loop_remove(loop, &c->handle);
        loop_defer_free(loop, &c->garbage);
        return TAKE_FD(c->handle.fd);
}

/* It ended before a visitor came. */
static void channel_lost(AgentChannel *c) {
        ChannelPool *p = c->pool;
        uint64_t now = p->worker->loop.now_usec, random;

        if (c->state == AGENT_CHANNEL_WAITING && now - c->since_usec >= AGENT_CHANNEL_PROVEN_USEC)
                p->backoff = (Backoff) {};
        else if (now >= p->retry_usec) { /* several that fail together are one failure */
                if (gnutls_rnd(GNUTLS_RND_NONCE, &random, sizeof(random)) < 0)
                        random = now;
                p->retry_usec = now + backoff_next(&p->backoff, 0, AGENT_CHANNEL_RETRY_MIN_USEC,
                                                   AGENT_CHANNEL_RETRY_MAX_USEC, random);
        }
        safe_close(channel_release(c));
        fill(p);
}

/* What came is no visitor of this relay's. */
static void channel_reject(AgentChannel *c, const char *why) {
        Worker *w = c->pool->worker;

        counter_add(&w->figures->agent_rejected, 1);
        if (w->loop.now_usec >= w->house->rejected_usec + USEC_PER_MINUTE || w->house->rejected_usec == 0) {
                w->house->rejected_usec = w->loop.now_usec;
                log_warning("A channel from the relay %s was closed: %s. (Said once a minute at most; the "
                            "metric hagw_proxy_agent_rejected_total counts all.)",
                            c->pool->target->address, why);
        }
        channel_lost(c);
}

/* NULL: good. */
static const char *judge(const AgentChannel *c, const uint8_t *header, size_t size, const ProxyPair *pair,
                         ChannelVisitor kind) {
        const ChannelPool *p = c->pool;
        uint8_t mac[CHANNEL_MAC_SIZE];

        if (relay_keys_sign_header(&p->keys, c->number, header, size - CHANNEL_MAC_SIZE, mac) < 0 ||
            !relay_mac_equal(mac, header + size - CHANNEL_MAC_SIZE))
                return "its header is not signed by this session's relay";
        if (kind == CHANNEL_VISITOR_OPENED && !p->target->opened)
                return "the relay has opened the visitor's TLS, and relay.opened is \"refuse\"";
        return relay_target_refuses(p->target, &p->worker->snapshot->routes->lan,
                                    &pair->source);
}

static void channel_visited(AgentChannel *c, size_t size, const ProxyPair *pair, ChannelVisitor kind) {
        ChannelPool *p = c->pool;
        Visitor v = {
                .kind = CONN_HTTPS,
                .address = pair->source,
                .port = pair->source_port,
                .here = pair->destination,
                .here_port = pair->destination_port,
                .arrival = kind == CHANNEL_VISITOR_OPENED ? ARRIVAL_CHANNEL_OPENED : ARRIVAL_CHANNEL_PASSED,
        };
        uint8_t header[CHANNEL_HEADER_SIZE_MAX];

        /* It has been seen to be there. */
        if (recv(c->handle.fd, header, size, MSG_DONTWAIT) != (ssize_t) size) {
                channel_lost(c);
                return;
        }
        if (kind == CHANNEL_VISITOR_OPENED && relay_keys_channel_secret(&p->keys, c->number, v.secret) < 0) {
                channel_lost(c);
                return;
        }
        p->backoff = (Backoff) {};
        v.fd = channel_release(c);
        visitor_give(p->worker, &v);
        fill(p);
}

static void serve_header(AgentChannel *c, uint32_t events) {
        uint8_t header[CHANNEL_HEADER_SIZE_MAX];
        Loop *loop = &c->pool->worker->loop;
        ChannelVisitor kind;
        ProxyResult result;
        const char *why;
        ProxyPair pair;
        size_t size;
        ssize_t n;

        /* What is behind the header belongs to the visitor's TLS and stays in the socket. */
        n = recv(c->handle.fd, header, sizeof(header), MSG_PEEK | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                channel_lost(c);
                return;
        }
        result = channel_header_read(header, (size_t) n, &pair, &kind, &size);
        if (result == PROXY_MORE && n < (ssize_t) sizeof(header) &&
            !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
                if (!c->timer.place)
                        loop_arm(loop, &c->timer, loop->now_usec + AGENT_CHANNEL_HEADER_USEC);
                return;
        }
        if (result != PROXY_OK) {
                channel_reject(c, "it does not begin with a whole header");
                return;
        }
        why = judge(c, header, size, &pair, kind);
        if (why)
                channel_reject(c, why);
        else
                channel_visited(c, size, &pair, kind);
}

static int say_hello(AgentChannel *c) {
        ChannelPool *p = c->pool;
        uint8_t hello[CHANNEL_HELLO_SIZE];
        ChannelHello h = { .number = c->number };
        int r;

        memcpy(h.session_id, p->session_id, sizeof(h.session_id));
        channel_hello_write(&h, hello);
        r = relay_keys_sign_hello(&p->keys, hello, hello + CHANNEL_HELLO_SIGNED);
        if (r < 0)
                return r;
        /* A new socket has room for so much. */
        return send(c->handle.fd, hello, sizeof(hello), MSG_NOSIGNAL) == sizeof(hello) ? 0 : -EIO;
}

static void on_event(Handle *h, uint32_t events) {
        AgentChannel *c = CONTAINER_OF(h, AgentChannel, handle);
        Loop *loop = &c->pool->worker->loop;

        if (c->state == AGENT_CHANNEL_CONNECTING) {
                if (events & (EPOLLERR | EPOLLHUP)) {
                        channel_lost(c);
                        return;
                }
                if (!(events & EPOLLOUT))
                        return;
                if (say_hello(c) < 0) {
                        channel_lost(c);
                        return;
                }
                loop_disarm(loop, &c->timer);
                c->since_usec = loop->now_usec;
                set_state(c, AGENT_CHANNEL_WAITING);
                fill(c->pool);
                return;
        }
        if (c->state == AGENT_CHANNEL_WAITING)
                serve_header(c, events);
}

static void on_timer(Timer *t) {
        AgentChannel *c = CONTAINER_OF(t, AgentChannel, timer);

        if (c->state == AGENT_CHANNEL_WAITING)
                channel_reject(c, "its header did not come to an end");
        else
                channel_lost(c);
}

/* Whoever waits long wants to know whether the other side is still there (docs/relay-protocol.md, "Alive?").
 */
static void set_options(int fd) {
        static const struct {
                int level, option, value;
        } options[] = {
                { IPPROTO_TCP, TCP_NODELAY, 1 },    { SOL_SOCKET, SO_KEEPALIVE, 1 },
                { IPPROTO_TCP, TCP_KEEPIDLE, 30 },  { IPPROTO_TCP, TCP_KEEPINTVL, 5 },
                { IPPROTO_TCP, TCP_KEEPCNT, 3 },
        };

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                (void) setsockopt(fd, options[i].level, options[i].option, &options[i].value, sizeof(int));
}

static int channel_connect(AgentChannel *c) {
        ChannelPool *p = c->pool;
        struct sockaddr_storage address;
        socklen_t size = ip_to_sockaddr(&p->address, p->target->port, &address);

        c->handle.fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (c->handle.fd < 0)
                return -errno;
        set_options(c->handle.fd);
        if (connect(c->handle.fd, (struct sockaddr *) &address, size) < 0 && errno != EINPROGRESS)
                return -errno;
        return loop_add(&p->worker->loop, &c->handle, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static int channel_new(ChannelPool *p) {
        AgentChannel *c = calloc(1, sizeof(*c));
        Loop *loop = &p->worker->loop;
        int r;

        if (!c)
                return -ENOMEM;
        c->handle = (Handle) { .fd = -EBADF, .on_event = on_event };
        c->garbage.free = free_channel;
        c->timer.fire = on_timer;
        c->pool = p;
        c->number = ++p->number;
        r = channel_connect(c);
        if (r < 0) {
                safe_close(c->handle.fd);
                free(c);
                return r;
        }
        p->n_connecting++;
        LIST_ADD(&p->channels, c);
        loop_arm(loop, &c->timer, loop->now_usec + AGENT_CHANNEL_CONNECT_USEC);
        return 0;
}

/* How many should wait now. *ret_full: there would be more, were there not so many visitors. */
static unsigned wanted(const ChannelPool *p, bool *ret_full) {
        unsigned wish = MAX(p->wish, p->target->channels_min);
        uint64_t visitors = agent_visitors(p->worker);
        uint64_t room = p->limit > visitors ? p->limit - visitors : 0;

        *ret_full = wish > room;
        return (unsigned) MIN((uint64_t) wish, room);
}

static void fill(ChannelPool *p) {
        Loop *loop = &p->worker->loop;
        unsigned n;
        bool full;

        if (!p->open || p->worker->stage >= WORKER_SHUT)
                return;
        n = wanted(p, &full);
        while (p->n_waiting + p->n_connecting < n && p->n_connecting < AGENT_CHANNELS_CONNECTING_MAX) {
                if (loop->now_usec >= p->retry_usec && channel_new(p) < 0)
                        p->retry_usec = loop->now_usec + AGENT_CHANNEL_RETRY_MAX_USEC;
                if (loop->now_usec < p->retry_usec) {
                        loop_arm(loop, &p->timer, p->retry_usec);
                        return;
                }
        }
        if (full)
                loop_arm(loop, &p->timer, loop->now_usec + AGENT_CHANNEL_FULL_USEC);
}

static void on_pool_timer(Timer *t) {
        fill(CONTAINER_OF(t, ChannelPool, timer));
}

void channel_pool_init(ChannelPool *p, Worker *w) {
        *p = (ChannelPool) { .worker = w, .timer = { .fire = on_pool_timer } };
}

void channel_pool_set_limit(ChannelPool *p, uint64_t limit) {
        p->limit = (unsigned) MIN(limit, (uint64_t) p->target->channels_max);
}

void channel_pool_open(ChannelPool *p, RelayTarget *target, const uint8_t *session_id, const RelayKeys *keys,
                       const IpAddress *address, uint64_t limit, uint64_t wish) {
        p->target = relay_target_ref(target);
        p->open = true;
        memcpy(p->session_id, session_id, sizeof(p->session_id));
        p->keys = *keys;
        p->address = *address;
        p->number = 0;
        channel_pool_set_limit(p, limit);
        p->backoff = (Backoff) {};
        p->retry_usec = 0;
        channel_pool_set_wish(p, wish);
}

static bool has_visitor(const AgentChannel *c) {
        char byte;

        return recv(c->handle.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* The oldest: the relay takes the newest first, so that hardly ever a visitor is just being put on one that
 * goes. */
static AgentChannel *find_spare(const ChannelPool *p) {
        AgentChannel *oldest = NULL;

        for (AgentChannel *c = p->channels; c; c = c->next)
                if (c->state == AGENT_CHANNEL_WAITING)
                        oldest = c;
        return oldest && !has_visitor(oldest) ? oldest : NULL;
}

void channel_pool_set_wish(ChannelPool *p, uint64_t wish) {
        unsigned before = p->wish;
        AgentChannel *spare;
        bool full;

        p->wish = (unsigned) MIN(wish, (uint64_t) p->limit);
        while (p->wish < before && p->n_waiting > wanted(p, &full) && (spare = find_spare(p)))
                safe_close(channel_release(spare));
        fill(p);
}

void channel_pool_close(ChannelPool *p) {
        if (!p->open)
                return;
        p->open = false;
        loop_disarm(&p->worker->loop, &p->timer);
        while (p->channels)
                safe_close(channel_release(p->channels));
        relay_keys_wipe(&p->keys);
        p->target = relay_target_unref(p->target);
}
