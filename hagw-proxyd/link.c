/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connecting to an upstream, address after address, TLS on top where wanted, and waiting for the next
 * request. Runs in the worker's thread. */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "link.h"
#include "worker.h"

static void free_link(Garbage *g) {
        free(CONTAINER_OF(g, Link, garbage));
}

Link *link_close(Link *k) {
        Worker *w;

        if (!k || k->state == LINK_CLOSED)
                return NULL;
        w = k->upstream->worker;
        if (k->link)
                link_unpark(k);
        k->state = LINK_CLOSED;
        loop_disarm(&w->loop, &k->timer);
        transport_done(&k->transport);
        k->in = buffer_put(&w->pool, k->in);
        if (k->client)
                k->client->link = NULL;
        k->client = NULL;
        k->upstream->n_links--;
        loop_defer_free(&w->loop, &k->garbage);
        return NULL;
}

static void give_up(Link *k, const char *text) {
        LinkClient *l = k->client;

        link_close(k);
        if (l)
                l->ops->on_failed(l, text);
}

static void link_ready(Link *k) {
        Upstream *u = k->upstream;

        loop_disarm(&u->worker->loop, &k->timer);
        k->state = LINK_BUSY;
        if (k->client)
                k->client->ops->on_link(k->client);
        else
                link_park(k);
}

static void try_next(Link *k, const char *why);

static void link_handshake(Link *k) {
        char why[MESSAGE_TEXT_MAX];
        int r;

        r = transport_handshake(&k->transport);
        if (r == -EAGAIN) {
                (void) transport_flush(&k->transport);
                return;
        }
        if (r < 0) {
                give_up(k, tls_failure_text(k->transport.tls, k->transport.tls_error, why, sizeof(why)));
                return;
        }
        link_ready(k);
}

static void link_connected(Link *k) {
        Upstream *u = k->upstream;
        gnutls_session_t tls;

        k->trusted = u->trusted;
        u->preferred = (u->preferred + k->n_tried - 1) % MAX(u->n_addresses, (size_t) 1);
        if (u->kind != CONF_UPSTREAM_HTTPS) {
                link_ready(k);
                return;
        }
        if (tls_client_new(u->trust->credentials, u->verify ? u->server_name : NULL, u->sni, &tls) < 0) {
                give_up(k, "out of memory");
                return;
        }
        if (u->resumption.data) {
                /* Tickets are for one use (RFC 8446 appendix C.4); this connection brings the next. */
                (void) gnutls_session_set_data(tls, u->resumption.data, u->resumption.size);
                gnutls_free(u->resumption.data);
                u->resumption = (gnutls_datum_t) {};
        }
        transport_start_tls(&k->transport, tls);
        k->state = LINK_HANDSHAKE;
        link_handshake(k);
}

static void on_connect_event(Link *k, uint32_t events) {
        char why[MESSAGE_TEXT_MAX];
        socklen_t size = sizeof(int);
        int error = 0;

        if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
                return;
        (void) getsockopt(k->transport.handle.fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error == 0) {
                link_connected(k);
                return;
        }
        errno = error;
        (void) snprintf(why, sizeof(why), "connecting failed: %m");
        try_next(k, why);
}

static void on_event(Handle *h, uint32_t events) {
        Link *k = CONTAINER_OF(h, Link, transport.handle);

        transport_note(&k->transport, events);
        switch (k->state) {
        case LINK_CONNECTING:
                on_connect_event(k, events);
                break;
        case LINK_HANDSHAKE:
                link_handshake(k);
                break;
        case LINK_BUSY:
                k->client->ops->on_event(k->client);
                break;
        case LINK_IDLE:
                if (!link_is_alive(k))
                        link_close(k);
                break;
        default:
                break;
        }
}

static void on_timer(Timer *t) {
        Link *k = CONTAINER_OF(t, Link, timer);

        if (k->state == LINK_CONNECTING)
                try_next(k, "connecting took too long");
        else if (k->state == LINK_HANDSHAKE)
                give_up(k, "its TLS handshake took too long");
        else if (k->state == LINK_IDLE)
                link_close(k);
}

static socklen_t make_address(const Upstream *u, size_t i, struct sockaddr_storage *ret) {
        *ret = (struct sockaddr_storage) {};
        if (u->kind == CONF_UPSTREAM_UNIX) {
                struct sockaddr_un *a = (struct sockaddr_un *) ret;

                a->sun_family = AF_UNIX;
                if ((size_t) snprintf(a->sun_path, sizeof(a->sun_path), "%s", u->host) >=
                    sizeof(a->sun_path))
                        return 0;
                return sizeof(*a);
        }
        const IpAddress *ip = &u->addresses[(u->preferred + i) % u->n_addresses];
        if (ip->family == AF_INET) {
                struct sockaddr_in *a = (struct sockaddr_in *) ret;

                a->sin_family = AF_INET;
                a->sin_port = htobe16(u->port);
                memcpy(&a->sin_addr, ip->bytes, 4);
                return sizeof(*a);
        }
        struct sockaddr_in6 *a = (struct sockaddr_in6 *) ret;
        a->sin6_family = AF_INET6;
        a->sin6_port = htobe16(u->port);
        memcpy(&a->sin6_addr, ip->bytes, 16);
        return sizeof(*a);
}

/* Starts connecting to one address. Also an instant success is told by epoll. */
static int start_address(Link *k, size_t i) {
        Upstream *u = k->upstream;
        struct sockaddr_storage address;
        socklen_t size = make_address(u, i, &address);
        int fd;

        if (size == 0)
                return -ENAMETOOLONG;
        fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (address.ss_family != AF_UNIX)
                (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int));
        transport_init(&k->transport, &u->worker->pool, fd);
        if (connect(fd, (struct sockaddr *) &address, size) < 0 && errno != EINPROGRESS) {
                int r = -errno;
                transport_done(&k->transport);
                return r;
        }
        counter_add(&u->worker->counters.upstream_connects, 1);
        return loop_add(&u->worker->loop, &k->transport.handle, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static void try_next(Link *k, const char *why) {
        Upstream *u = k->upstream;
        size_t n = u->kind == CONF_UPSTREAM_UNIX ? 1 : u->n_addresses;
        char text[MESSAGE_TEXT_MAX];

        (void) snprintf(text, sizeof(text), "%s", why);
        while (k->n_tried < n) {
                transport_done(&k->transport);
                int r = start_address(k, k->n_tried++);
                if (r >= 0) {
                        loop_arm(&u->worker->loop, &k->timer, u->worker->loop.now_usec + u->connect_usec);
                        return;
                }
                errno = -r;
                (void) snprintf(text, sizeof(text), "connecting failed: %m");
        }
        give_up(k, text);
}

void link_connect(Upstream *u, LinkClient *l) {
        Link *k = calloc(1, sizeof(*k));

        if (!k) {
                l->ops->on_failed(l, "out of memory");
                return;
        }
        k->upstream = u;
        k->client = l;
        k->garbage.free = free_link;
        k->timer.fire = on_timer;
        k->transport.handle = (Handle) { .fd = -EBADF, .on_event = on_event };
        k->transport.pool = &u->worker->pool;
        u->n_links++;
        l->link = k;
        try_next(k, "no address");
}

/* For the next handshake. Only where a ticket has come: GnuTLS would wait for one, and block. */
static void keep_session(Link *k) {
        Upstream *u = k->upstream;

        if (!k->transport.tls || u->resumption.data ||
            !(gnutls_session_get_flags(k->transport.tls) & GNUTLS_SFLAGS_SESSION_TICKET))
                return;
        if (gnutls_session_get_data2(k->transport.tls, &u->resumption) < 0)
                u->resumption = (gnutls_datum_t) {};
}

void link_park(Link *k) {
        Upstream *u = k->upstream;

        if (k->client)
                k->client->link = NULL;
        k->client = NULL;
        k->in = buffer_put(&u->worker->pool, k->in);
        if (k->trusted != u->trusted) {
                link_close(k);
                return;
        }
        keep_session(k);
        if (u->n_idle >= u->idle_max || !u->current || u->worker->stopping || k->transport.hung_up) {
                link_close(k);
                return;
        }
        k->state = LINK_IDLE;
        k->next = u->idle;
        k->link = &u->idle;
        if (k->next)
                k->next->link = &k->next;
        u->idle = k;
        u->n_idle++;
        loop_arm(&u->worker->loop, &k->timer, u->worker->loop.now_usec + LINK_IDLE_USEC);
}

void link_unpark(Link *k) {
        *k->link = k->next;
        if (k->next)
                k->next->link = k->link;
        k->link = NULL;
        k->upstream->n_idle--;
        k->state = LINK_BUSY;
}

bool link_is_alive(Link *k) {
        char byte;

        if (k->transport.hung_up)
                return false;
        /* The event that would tell of it may stand behind the one that is being served. */
        k->transport.readable = true;
        return transport_read(&k->transport, &byte, 1) == -EAGAIN;
}
