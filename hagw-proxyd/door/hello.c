/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The first bytes of a connection. Until the name is known and admitted not one byte is sent, not even a TLS
 * alert. Runs in the worker's thread. */

#include "hagw-proxyd/door/door.h"
#include "hagw-proxyd/door/hello.h"
#include "hagw-proxyd/visit/conn.h"
#include "libhagw/log.h"
#include "libhagw/pure/proxyprotocol.h"

const MessageKind hidden_message = { .size = sizeof(HiddenMessage) };

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
                if (admit_address(c->worker, &pair.source, &c->crowd) != ADMISSION_GRANTED) {
                        admission_count(c->worker, ADMISSION_CROWDED);
                        return -EUSERS;
                }
                unfinished_remove(c);
                conn_set_address(c, &pair.source, pair.source_port);
                unfinished_add(c);
                c->visit.here = pair.destination;
                c->visit.here_port = pair.destination_port;
                if (c->visit.kind == CONN_HTTP)
                        conn_note_outside(c, OUTSIDE_HTTP);
                break;
        default:
                judge_balancer(c, data, size);
                counter_add(&c->worker->figures->refused, 1);
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
                        conn_refuse(c);
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

#define HIDDEN_TELL_USEC USEC_PER_SEC /* a worker says it so often at most */

/* Who would be inside, were his address no hop, is told to the main thread, where a person may ask. */
static void note_hidden(Conn *c) {
        Worker *w = c->worker;
        HiddenMessage *m;

        if (c->inside || arrival_is_relayed(c->visit.arrival) ||
            !route_find(c->snapshot->routes, c->visit.name) ||
            inside_judge(&c->snapshot->routes->lan, &c->snapshot->hops, &c->visit.address) != INSIDE_HOP)
                return;
        counter_add(&w->figures->hidden, 1);
        if (w->door->hidden_usec > 0 && w->loop.now_usec < w->door->hidden_usec + HIDDEN_TELL_USEC)
                return;
        w->door->hidden_usec = w->loop.now_usec;
        m = message_new(&hidden_message);
        if (!m)
                return;
        m->address = c->visit.address;
        queue_push(w->main_queue, &m->message);
}

/* Whom he wants, and where that leads. */
static void name_take(Conn *c) {
        const ClientHello *h = c->hello;

        conn_take_snapshot(c); /* he may have come before the newest */
        memcpy(c->visit.name, h->name, sizeof(c->visit.name));
        /* Who knows the relay by its address has no name to ask for (RFC 6066 section 3). */
        if (!*c->visit.name && (h->alpn & CLIENTHELLO_ALPN_RELAY) && c->snapshot->routes->tenants_name)
                strcpy(c->visit.name, c->snapshot->routes->tenants_name);
        if (*c->visit.name) {
                c->route = review_route(c, c->snapshot);
                note_hidden(c);
        }
}

/* Nobody's. */
static void stranger_refuse(Conn *c, const Knock *k) {
        const Route *route;

        if (k->hello)
                log_debug("%s is turned away: %s.", c->visit.address_text,
                          admission_text(admit_name(&c->visit, c->snapshot, c->visit.name, &route)));
        conn_refuse(c);
}

/* False: more has to come. */
static bool bytes_serve(Conn *c, const uint8_t *bytes, size_t size) {
        Knock k = { .kind = KNOCK_BYTES, .bytes = bytes, .size = size };
        Claim claim;

        switch (clienthello_read(c->hello, bytes, size)) {
        case CLIENTHELLO_MORE:
                return false;
        case CLIENTHELLO_OK:
                name_take(c);
                k.kind = KNOCK_HELLO;
                k.hello = c->hello;
                break;
        case CLIENTHELLO_NOT_TLS:
                break;
        default:
                conn_refuse(c);
                return true;
        }
        claim = entrance_serve(c, &k);
        if (claim == CLAIM_NONE)
                stranger_refuse(c, &k);
        return claim != CLAIM_MAYBE;
}

void hello_serve(Conn *c) {
        ssize_t n = (ssize_t) buffer_used(c->transport.in); /* of one who was handed over */

        for (;;) {
                if (n > 0 && bytes_serve(c, (const uint8_t *) buffer_at(c->transport.in), (size_t) n)) {
                        free(c->hello);
                        c->hello = NULL;
                        return;
                }
                n = transport_peek(&c->transport);
                if (n == -EAGAIN) {
                        if (buffer_used(c->transport.in) == 0)
                                c->transport.in = buffer_put(&c->worker->pool, c->transport.in);
                        return;
                }
                if (n <= 0) {
                        conn_refuse(c);
                        return;
                }
        }
}
