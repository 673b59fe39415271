/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connections to upstreams: dialled, TLS on top where wanted, and waiting for the next request. Runs in the
 * worker's thread. */

#include <stdio.h>
#include <sys/socket.h>

#include "hagw-proxyd/snapshot/figures.h"
#include "hagw-proxyd/upstream/link.h"
#include "libhagw/crew/worker.h"
#include "libhagw/net/ownaddress.h"
#include "libhagw/pure/list.h"

#define LINK_READ_MAX (64UL * 1024) /* bytes at once */

static void free_link(Garbage *g) {
        Link *k = CONTAINER_OF(g, Link, garbage);

        free(k->far);
        free(k);
}

static void set_state(Link *k, LinkState s) {
        static const unsigned from[_LINK_STATE_MAX] = {
                [LINK_HANDSHAKE] = STEPS_FROM(LINK_CONNECTING),
                [LINK_BUSY] = STEPS_FROM(LINK_CONNECTING, LINK_HANDSHAKE, LINK_IDLE),
                [LINK_IDLE] = STEPS_FROM(LINK_BUSY),
                [LINK_CLOSED] = STEPS_FROM(LINK_CONNECTING, LINK_HANDSHAKE, LINK_BUSY, LINK_IDLE),
        };

        assert_step(from, k->state, s);
        k->state = s;
}

Link *link_close(Link *k) {
        Worker *w;

        if (!k || k->state == LINK_CLOSED)
                return NULL;
        w = k->upstream->worker;
        if (k->place)
                link_unpark(k);
        set_state(k, LINK_CLOSED);
        k->dial = dial_free(k->dial);
        if (k->far)
                w->upstreams->far->end(k);
        loop_disarm(&w->loop, &k->timer);
        transport_done(&k->transport);
        k->in = buffer_put(&w->pool, k->in);
        buffer_pool_discharge(&w->pool, k->charged);
        if (k->client)
                k->client->link = NULL;
        k->client = NULL;
        k->upstream->n_links--;
        loop_defer_free(&w->loop, &k->garbage);
        return NULL;
}

int link_take(Link *k) {
        int fd;

        loop_remove(&k->upstream->worker->loop, &k->transport.handle);
        fd = TAKE_FD(k->transport.handle.fd);
        link_close(k);
        return fd;
}

void link_failed(Link *k, const char *text) {
        LinkClient *l = k->client;

        link_close(k);
        if (l)
                l->ops->on_failed(l, text);
}

static void link_failed_by(Link *k, LinkFault fault, const char *text) {
        if (k->client)
                k->client->fault = fault;
        link_failed(k, text);
}

static void serve(Link *k) {
        set_state(k, LINK_BUSY);
        k->transport.pace = k->pace && k->pace->limit ? k->pace : NULL;
}

static void link_ready(Link *k) {
        loop_disarm(&k->upstream->worker->loop, &k->timer);
        serve(k);
        if (k->client)
                k->client->ops->on_link(k->client);
        else
                link_park(k);
}

/* A house says that it has no such host as TLS has it (RFC 6066 section 3). */
static LinkFault handshake_fault(const Link *k) {
        const Transport *t = &k->transport;

        if (tls_refuses_certificate(t->tls))
                return LINK_FAULT_CERTIFICATE;
        if (k->upstream->kind == CONF_UPSTREAM_TENANT && t->tls_error == GNUTLS_E_FATAL_ALERT_RECEIVED &&
            gnutls_alert_get(t->tls) == GNUTLS_A_UNRECOGNIZED_NAME)
                return LINK_FAULT_HOST;
        return LINK_FAULT_TLS;
}

static void link_handshake(Link *k) {
        char why[MESSAGE_TEXT_MAX];
        int r;

        r = transport_handshake(&k->transport);
        if (r == -EAGAIN) {
                (void) transport_flush(&k->transport);
                return;
        }
        if (r < 0) {
                link_failed_by(k, handshake_fault(k),
                               tls_failure_text(k->transport.tls, k->transport.tls_error, why, sizeof(why)));
                return;
        }
        link_ready(k);
}

/* False: no memory; k is gone. */
static bool watch(Link *k) {
        if (loop_add(&k->upstream->worker->loop, &k->transport.handle,
                     EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) >= 0)
                return true;
        link_failed(k, "out of memory");
        return false;
}

void link_start_tls(Link *k, gnutls_session_t tls) {
        Loop *loop = &k->upstream->worker->loop;

        transport_start_tls(&k->transport, tls);
        if (buffer_pool_charge(&k->upstream->worker->pool, LINK_TLS_BYTES) < 0) {
                link_failed(k, "out of memory");
                return;
        }
        k->charged = LINK_TLS_BYTES;
        if (!watch(k))
                return;
        set_state(k, LINK_HANDSHAKE);
        loop_spend(loop, LOOP_WORK_HANDSHAKE);
        loop_arm(loop, &k->timer, loop->now_usec + k->upstream->connect_usec);
        link_handshake(k);
}

static void link_connected(Link *k, size_t index) {
        Upstream *u = k->upstream;
        gnutls_session_t tls;

        k->trusted = u->trusted;
        u->preferred = index;
        if (u->kind != CONF_UPSTREAM_HTTPS) {
                if (watch(k))
                        link_ready(k);
                return;
        }
        if (tls_client_new(u->trust->credentials, u->verify ? &u->wanted : NULL, u->sni, &tls) < 0) {
                link_failed(k, "out of memory");
                return;
        }
        if (u->resumption.data) {
                /* Tickets are for one use (RFC 8446 appendix C.4); this connection brings the next. */
                (void) gnutls_session_set_data(tls, u->resumption.data, u->resumption.size);
                gnutls_free(u->resumption.data);
                u->resumption = (gnutls_datum_t) {};
        }
        link_start_tls(k, tls);
}

static void on_event(Handle *h, uint32_t events) {
        Link *k = CONTAINER_OF(h, Link, transport.handle);

        transport_note(&k->transport, events);
        switch (k->state) {
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
                link_failed(k, "no channel came in time");
        else if (k->state == LINK_HANDSHAKE)
                /* A channel may have died while it waited. */
                link_failed_by(k, k->upstream->kind == CONF_UPSTREAM_TENANT ? LINK_FAULT_SILENT :
                                                                             LINK_FAULT_TLS,
                               "its TLS handshake took too long");
        else if (k->state == LINK_IDLE)
                link_close(k);
}

static void on_dialled(int fd, size_t index, void *userdata) {
        Link *k = userdata;
        char why[MESSAGE_TEXT_MAX];

        k->dial = NULL;
        if (fd >= 0) {
                transport_init(&k->transport, &k->upstream->worker->loop, &k->upstream->worker->pool, fd);
                link_connected(k, index);
                return;
        }
        errno = -fd;
        (void) snprintf(why, sizeof(why),
                        fd == -ETIMEDOUT ? "connecting took too long" : "connecting failed: %m");
        link_failed_by(k, link_fault_from_error(fd), why);
}

Link *link_new(Upstream *u, LinkClient *l) {
        Link *k = calloc(1, sizeof(*k));

        if (!k)
                return NULL;
        k->upstream = u;
        k->client = l;
        k->garbage.free = free_link;
        k->timer.fire = on_timer;
        k->transport.handle.on_event = on_event;
        transport_init(&k->transport, &u->worker->loop, &u->worker->pool, -EBADF);
        k->trusted = u->trusted;
        u->n_links++;
        l->link = k;
        l->fault = LINK_FAULT_OTHER;
        return k;
}

void link_connect(Upstream *u, LinkClient *l) {
        const DialTarget target = {
                .path = u->kind == CONF_UPSTREAM_UNIX ? u->host : NULL,
                .addresses = u->addresses,
                .n_addresses = u->n_addresses,
                .preferred = u->preferred,
                .port = u->port,
                .timeout_usec = u->connect_usec,
        };
        Link *k;

        if (u->kind == CONF_UPSTREAM_TENANT) {
                u->worker->upstreams->far->connect(u, l);
                return;
        }
        k = link_new(u, l);
        if (!k)
                l->ops->on_failed(l, "out of memory");
        else if (dial_new(&u->worker->loop, &target, &u->worker->figures->upstream_connects, on_dialled, k,
                          &k->dial) < 0)
                link_failed(k, "out of memory");
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

void link_drop_stranded(Link *k, IpAddress *known) {
        if (k->transport.handle.fd >= 0 && is_stranded(k->transport.handle.fd, known))
                (void) shutdown(k->transport.handle.fd, SHUT_RDWR); /* whom it serves sees its end */
}

void link_park(Link *k) {
        Upstream *u = k->upstream;

        if (k->client)
                k->client->link = NULL;
        k->client = NULL;
        k->transport.pace = NULL;
        k->in = buffer_put(&u->worker->pool, k->in);
        if (k->trusted != u->trusted) {
                link_close(k);
                return;
        }
        keep_session(k);
        if (u->n_idle >= u->burst_max || !u->current || u->worker->stage >= WORKER_SHUT ||
            k->transport.hung_up) {
                link_close(k);
                return;
        }
        set_state(k, LINK_IDLE);
        LIST_ADD(&u->idle, k);
        u->n_idle++;
        k->parked_usec = u->worker->loop.now_usec;
        loop_arm(&u->worker->loop, &k->timer,
                 k->parked_usec + (u->n_idle > u->idle_max ? LINK_BURST_USEC : LINK_IDLE_USEC));
}

void link_unpark(Link *k) {
        LIST_REMOVE(k);
        k->upstream->n_idle--;
        serve(k);
}

bool link_is_alive(Link *k) {
        return !k->transport.hung_up && transport_is_silent(&k->transport);
}

ssize_t link_fill(Link *k, size_t most) {
        BufferPool *pool = &k->upstream->worker->pool;
        Buffer *b = k->in;
        ssize_t n;

        if (!b)
                b = k->in = buffer_get(pool, most <= BUFFER_SIZE_SMALL ? BUFFER_SIZE_SMALL : BUFFER_SIZE);
        if (!b)
                return -ENOMEM;
        if (buffer_used(b) == 0)
                b->begin = b->end = 0;
        if (buffer_room(b) == 0)
                buffer_compact(b);
        if (buffer_room(b) == 0) {
                Buffer *larger = buffer_get(pool, b->size * 2);

                if (!larger)
                        return -ENOMEM;
                buffer_append(larger, buffer_at(b), buffer_used(b));
                buffer_put(pool, b);
                b = k->in = larger;
        }
        most = MIN(most, LINK_READ_MAX);
        k->transport.lean = most <= BUFFER_SIZE_SMALL;
        n = transport_read(&k->transport, b->data + b->end, MIN(buffer_room(b), most));
        if (n > 0)
                b->end += (size_t) n;
        else if (buffer_used(b) == 0)
                k->in = buffer_put(pool, b);
        return n;
}
