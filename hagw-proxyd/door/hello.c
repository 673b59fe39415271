/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The first bytes of a connection. Until the name is known and admitted not one byte is sent, not even a TLS
 * alert. Runs in the worker's thread. */

#include "hagw-proxyd/crew/crowd.h"
#include "hagw-proxyd/door/door.h"
#include "hagw-proxyd/door/hello.h"
#include "hagw-proxyd/door/tenantdoor.h"
#include "hagw-proxyd/pass/service.h"
#include "hagw-proxyd/relay/channel.h"
#include "hagw-proxyd/relay/control.h"
#include "hagw-proxyd/streams/streams.h"
#include "hagw-proxyd/visit/conn.h"
#include "libhagw/log.h"
#include "libhagw/net/tls-psk.h"
#include "libhagw/pure/proxyprotocol.h"

const MessageKind hidden_message = { .size = sizeof(HiddenMessage) };

void hello_refuse(Conn *c) {
        counter_add(&c->worker->counters.refused, 1);
        conn_close(c);
}

/* By what it begins with, the balancer is set wrongly or well. */
static void note_balancer(Conn *c, BalancerHeader header) {
        static const char *const complaints[_BALANCER_HEADER_MAX] = {
                [BALANCER_HEADER_VERSION_1] = "sends a PROXY protocol header of version 1: set it to "
                                              "version 2 (in HAProxy send-proxy-v2)",
                [BALANCER_HEADER_MISSING] = "sends visitors without a PROXY protocol header: have it send "
                                            "one of version 2 (in HAProxy send-proxy-v2), or take it out "
                                            "of there",
        };
        Worker *w = c->worker;
        HiddenMessage *m;

        if (!balancer_is_due(&w->door->balancers, &c->visit.address, header, w->loop.now_usec))
                return;
        if (complaints[header])
                log_warning("%s is in proxy_protocol_from and %s; they are turned away.",
                            c->visit.address_text, complaints[header]);
        m = message_new(&hidden_message);
        if (!m)
                return;
        m->address = c->visit.address;
        m->balancer = true;
        m->header = header;
        queue_push(w->main_queue, &m->message);
}

/* A balancer that is set wrongly serves nobody, and nobody else would say why. What asks for one of our
 * hosts is a visitor; anything else may be a look at whether we are there. */
static void judge_balancer(Conn *c, const uint8_t *data, size_t size) {
        static const char begin[] = "PROXY ";

        if (size >= strlen(begin) && memcmp(data, begin, strlen(begin)) == 0)
                note_balancer(c, BALANCER_HEADER_VERSION_1);
        else if (c->hello && clienthello_read(c->hello, data, size) == CLIENTHELLO_OK &&
                 route_find(c->snapshot->routes, c->hello->name))
                note_balancer(c, BALANCER_HEADER_MISSING);
}

/* Whom the load balancer brings; its own connection (LOCAL) is served as its own. 0: not known yet. */
static int read_visitor(Conn *c, const uint8_t *data, size_t size) {
        ProxyPair pair;
        size_t tlv, used;

        switch (proxy_v2_read(data, size, &pair, &tlv, &used)) {
        case PROXY_MORE:
                return 0;
        case PROXY_LOCAL:
                break;
        case PROXY_OK:
                note_balancer(c, BALANCER_HEADER_PROPER);
                if (!crowd_enter(&c->place, &pair.source, c->snapshot->connections_per_address)) {
                        counter_add(&c->worker->counters.crowded, 1);
                        return -EUSERS;
                }
                unfinished_remove(c);
                conn_set_address(c, &pair.source, pair.source_port);
                unfinished_add(c);
                c->visit.here = pair.destination;
                c->visit.here_port = pair.destination_port;
                conn_note_outside(c);
                break;
        default:
                judge_balancer(c, data, size);
                counter_add(&c->worker->counters.refused, 1);
                return -EBADMSG;
        }
        c->transport.in->begin += used;
        return 1;
}

void hello_serve_proxy(Conn *c) {
        Transport *t = &c->transport;

        for (;;) {
                ssize_t n = transport_peek(t);
                int r;

                if (n == -EAGAIN) {
                        if (buffer_used(t->in) == 0)
                                t->in = buffer_put(&c->worker->pool, t->in);
                        return;
                }
                if (n <= 0) {
                        hello_refuse(c);
                        return;
                }
                r = read_visitor(c, (const uint8_t *) buffer_at(t->in), (size_t) n);
                if (r < 0) {
                        conn_close(c);
                        return;
                }
                if (r > 0)
                        break;
        }
        c->visit.arrival = ARRIVAL_DIRECT;
        if (buffer_used(t->in) > 0)
                buffer_compact(t->in);
        else
                t->in = buffer_put(&c->worker->pool, t->in);
        conn_set_state(c, c->visit.kind == CONN_HTTPS ? CONN_HELLO : CONN_IDLE);
        if (c->visit.kind == CONN_HTTPS)
                hello_serve(c);
        else {
                c->since_usec = 0;
                conn_serve(c);
        }
}

static bool is_spoken(const Conn *c, const char *protocol) {
        gnutls_datum_t spoken;

        return gnutls_alpn_get_selected_protocol(c->transport.tls, &spoken) >= 0 &&
               slice_equal((Slice) { (const char *) spoken.data, spoken.size }, slice_from(protocol));
}

void hello_on_handshake(Conn *c, int r) {
        Worker *w = c->worker;

        if (r == -EAGAIN)
                return;
        c->handshake = handshake_free(c->handshake);
        if (r < 0) {
                counter_add(&w->counters.failed_handshakes, 1);
                if (gnutls_error_is_fatal(c->transport.tls_error) && !c->transport.ended) {
                        c->transport.error = 0;
                        (void) tls_send_alert(c->transport.tls, c->snapshot->tls, c->transport.tls_error);
                        conn_linger(c);
                } else
                        conn_close(c);
                return;
        }
        counter_add(&w->counters.handshakes, 1);
        if (gnutls_session_is_resumed(c->transport.tls))
                counter_add(&w->counters.resumed, 1);
        if (is_spoken(c, RELAY_ALPN)) {
                control_begin(c);
                return;
        }
        if (is_spoken(c, TLS_ALPN_HTTP2)) {
                streams_begin(c);
                return;
        }
        conn_set_state(c, CONN_IDLE);
        c->since_usec = 0;
        conn_serve(c);
}

void hello_serve_handshake(Conn *c) {
        if (c->handshake)
                handshake_serve(c);
        else
                hello_on_handshake(c, transport_handshake(&c->transport));
}

static void start_tls(Conn *c, const char *const *protocols, const uint8_t *ticket_secret,
                      HandshakeClass class) {
        const TlsCertificate *certificate = snapshot_find_certificate(c->snapshot, c->visit.name);
        gnutls_session_t tls;

        if (!certificate ||
            tls_server_new(certificate, c->snapshot->tls, ticket_secret, c->visit.name, protocols, &tls) <
                    0) {
                hello_refuse(c);
                return;
        }
        transport_start_tls(&c->transport, tls);
        conn_set_state(c, CONN_HANDSHAKE);
        handshake_begin(c, class);
}

/* The relay is told, who opened his TLS; the visitor himself hears nothing of this end's. */
static void refuse_name(Conn *c) {
        gnutls_session_t tls;

        if (tls_psk_server_new(c->visit.secret, &tls) < 0) {
                hello_refuse(c);
                return;
        }
        counter_add(&c->worker->counters.refused, 1);
        transport_start_tls(&c->transport, tls);
        (void) gnutls_alert_send(tls, GNUTLS_AL_FATAL, GNUTLS_A_UNRECOGNIZED_NAME);
        conn_linger(c);
}

/* The relay has opened this visitor's TLS, and the house agrees to that (relay.opened). */
static void start_opened(Conn *c) {
        gnutls_session_t tls;

        if (!c->route || c->route->host.upstream_kind == CONF_UPSTREAM_TCP ||
            c->route->host.upstream_kind == CONF_UPSTREAM_TENANT ||
            tls_psk_server_new(c->visit.secret, &tls) < 0) {
                hello_refuse(c);
                return;
        }
        atomic_store_explicit(&c->worker->counters.opened_usec, c->worker->loop.now_usec,
                              memory_order_relaxed);
        transport_start_tls(&c->transport, tls);
        conn_set_state(c, CONN_HANDSHAKE);
        loop_spend(&c->worker->loop, LOOP_WORK_HANDSHAKE);
        hello_serve_handshake(c);
}

#define HIDDEN_TELL_USEC USEC_PER_SEC /* a worker says it so often at most */

/* Who would be inside, were his address no hop, is told to the main thread, where a person may ask. */
static void note_hidden(Conn *c) {
        Worker *w = c->worker;
        HiddenMessage *m;

        if (c->inside || arrival_is_relayed(c->visit.arrival) ||
            !route_find(c->snapshot->routes, c->visit.name) ||
            inside_judge(&c->snapshot->routes->lan, &c->snapshot->hops, &c->visit.address) != INSIDE_HOP)
                return;
        counter_add(&w->counters.hidden, 1);
        if (w->door->hidden_usec > 0 && w->loop.now_usec < w->door->hidden_usec + HIDDEN_TELL_USEC)
                return;
        w->door->hidden_usec = w->loop.now_usec;
        m = message_new(&hidden_message);
        if (!m)
                return;
        m->address = c->visit.address;
        queue_push(w->main_queue, &m->message);
}

static const char *const relay_protocols[] = { RELAY_ALPN, NULL };
static const char *const http_protocols[] = { TLS_ALPN_HTTP2, TLS_ALPN_HTTP1, NULL };

/* In front of a tenant's house each request that is under way wants a channel for itself: a page's hundred
 * would be the house's last. */
static bool takes_http2(const Conn *c) {
        return c->snapshot->http2 && c->route->host.upstream_kind != CONF_UPSTREAM_TENANT;
}

/* Somebody who wants to speak hagw-relay/1 with the relay. */
static bool is_agent(const Conn *c, unsigned alpn) {
        const char *name = c->snapshot->routes->tenants_name;

        return (alpn & CLIENTHELLO_ALPN_RELAY) && name && streq(name, c->visit.name);
}

/* The name decides whether there is anybody at home. */
static void start_handshake(Conn *c) {
        HandshakeClass class = c->hello->resumes ? HANDSHAKE_RESUMING : HANDSHAKE_FULL;
        unsigned alpn = c->hello->alpn;

        conn_take_snapshot(c); /* he may have come before the newest */
        memcpy(c->visit.name, c->hello->name, sizeof(c->visit.name));
        free(c->hello);
        c->hello = NULL;
        /* Who knows the relay by its address has no name to ask for (RFC 6066 section 3). */
        if (!*c->visit.name && (alpn & CLIENTHELLO_ALPN_RELAY) && c->snapshot->routes->tenants_name)
                strcpy(c->visit.name, c->snapshot->routes->tenants_name);
        if (*c->visit.name) {
                c->route = review_route(c, c->snapshot);
                note_hidden(c);
        }
        if (c->visit.secret && !route_find(c->snapshot->routes, c->visit.name)) {
                refuse_name(c);
                return;
        }
        if (c->visit.secret) {
                start_opened(c);
                return;
        }
        if (is_agent(c, alpn)) {
                start_tls(c, relay_protocols, /* ticket_secret= */ NULL, HANDSHAKE_FULL);
                return;
        }
        if (tenant_door(c))
                return;
        if (c->route && c->route->host.upstream_kind == CONF_UPSTREAM_TCP)
                passage_to_service(c);
        else if (c->route)
                start_tls(c, takes_http2(c) ? http_protocols : http_protocols + 1,
                          c->snapshot->ticket_secret, class);
        else
                hello_refuse(c);
}

/* A channel's hello: nothing may follow it before the relay has spoken. 1: it is one, c is gone; 0: more is
 * to come; negative errno: it is none. */
static int read_channel(Conn *c, const uint8_t *data, size_t size) {
        uint8_t bytes[CHANNEL_HELLO_SIZE];
        ChannelMessage *m;
        Worker *w = c->worker;
        unsigned worker;
        Visitor v;

        /* A relay puts visitors on our channels, and no channels. */
        if (memcmp(data, CHANNEL_HELLO_MAGIC, MIN(size, CHANNEL_HELLO_MAGIC_SIZE)) != 0 ||
            size > CHANNEL_HELLO_SIZE || arrival_is_relayed(c->visit.arrival))
                return -EBADMSG;
        if (size < CHANNEL_HELLO_SIZE)
                return 0;
        worker = channel_session_worker(data + CHANNEL_HELLO_MAGIC_SIZE);
        if (worker >= w->n_crew)
                return -EBADMSG;
        memcpy(bytes, data, sizeof(bytes));
        if (w->index == worker) {
                c->transport.in = buffer_put(&w->pool, c->transport.in);
                v = conn_leave(c);
                channel_arrive(w, v.fd, bytes, &v.place);
                return 1;
        }
        m = message_new(&channel_message);
        if (!m)
                return -ENOMEM;
        c->transport.in = buffer_put(&w->pool, c->transport.in);
        v = conn_leave(c);
        m->fd = v.fd;
        m->place = crowd_move(&v.place);
        memcpy(m->hello, bytes, sizeof(bytes));
        worker_send(w->crew[worker], &m->message);
        return 1;
}

void hello_serve(Conn *c) {
        ssize_t n = (ssize_t) buffer_used(c->transport.in); /* of one who was handed over */

        for (;;) {
                ClientHelloResult r = CLIENTHELLO_MORE;

                if (n > 0)
                        r = clienthello_read(c->hello, (const uint8_t *) buffer_at(c->transport.in),
                                             (size_t) n);
                if (r == CLIENTHELLO_OK) {
                        start_handshake(c);
                        return;
                }
                if (r == CLIENTHELLO_NOT_TLS && c->snapshot->routes->tenants_zone) {
                        int q = read_channel(c, (const uint8_t *) buffer_at(c->transport.in), (size_t) n);

                        if (q > 0)
                                return;
                        r = q == 0 ? CLIENTHELLO_MORE : r;
                }
                if (r != CLIENTHELLO_MORE) {
                        hello_refuse(c);
                        return;
                }
                n = transport_peek(&c->transport);
                if (n == -EAGAIN) {
                        if (buffer_used(c->transport.in) == 0)
                                c->transport.in = buffer_put(&c->worker->pool, c->transport.in);
                        return;
                }
                if (n <= 0) {
                        hello_refuse(c);
                        return;
                }
        }
}
