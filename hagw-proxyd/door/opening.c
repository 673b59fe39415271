/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TLS at the door: who gets which, and what is spoken in it. Runs in the worker's thread. */

#include "hagw-proxyd/door/opening.h"
#include "hagw-proxyd/visit/conn.h"
#include "libhagw/crew/handshake.h"
#include "libhagw/net/relaykeys.h"
#include "libhagw/net/tls-psk.h"

/* What is agreed upon, and who speaks it. */
static const Voice *voice_find(const Conn *c) {
        gnutls_datum_t spoken;

        if (gnutls_alpn_get_selected_protocol(c->transport.tls, &spoken) < 0)
                return NULL;
        for (const Voice *v = c->worker->visits->voices; v->protocol; v++)
                if (slice_equal((Slice) { (const char *) spoken.data, spoken.size },
                                slice_from(v->protocol)))
                        return v;
        return NULL;
}

void opening_on_handshake(Conn *c, int r) {
        Worker *w = c->worker;
        const Voice *voice;

        if (r == -EAGAIN)
                return;
        handshake_end(&c->handshake);
        if (r == -ENOMEM) {
                conn_close(c);
                return;
        }
        if (r < 0) {
                counter_add(&w->figures->failed_handshakes, 1);
                if (gnutls_error_is_fatal(c->transport.tls_error) && !c->transport.ended) {
                        c->transport.error = 0;
                        (void) tls_send_alert(c->transport.tls, c->snapshot->tls, c->transport.tls_error);
                        conn_linger(c);
                } else
                        conn_close(c);
                return;
        }
        counter_add(&w->figures->handshakes, 1);
        if (gnutls_session_is_resumed(c->transport.tls))
                counter_add(&w->figures->resumed, 1);
        voice = voice_find(c);
        if (voice) {
                voice->begin(c);
                return;
        }
        conn_set_state(c, CONN_IDLE);
        c->since_usec = 0;
        conn_serve(c);
}

void opening_serve(Conn *c) {
        if (c->handshake.handshake)
                handshake_serve(&c->handshake);
        else
                opening_on_handshake(c, transport_handshake(&c->transport));
}

static void on_signed_handshake(HandshakeClient *h, int r) {
        opening_on_handshake(CONTAINER_OF(h, Conn, handshake), r);
}

static void tls_start(Conn *c, const char *const *protocols, const uint8_t *ticket_secret,
                      HandshakeClass class) {
        const TlsCertificate *certificate = snapshot_find_certificate(c->snapshot, c->visit.name);
        gnutls_session_t tls;

        if (!certificate ||
            tls_server_new(certificate, c->snapshot->tls, ticket_secret, c->visit.name, protocols, &tls) <
                    0) {
                conn_refuse(c);
                return;
        }
        transport_start_tls(&c->transport, tls);
        conn_set_state(c, CONN_HANDSHAKE);
        c->handshake = (HandshakeClient) {
                .transport = &c->transport, .address = &c->visit.address, .done = on_signed_handshake,
        };
        handshake_begin(c->worker, &c->handshake, class);
}

static Claim nameless_claims(const Conn *c, const Knock *k) {
        return c->visit.secret && !route_find(c->snapshot->routes, c->visit.name) ? CLAIM_MINE : CLAIM_NONE;
}

/* The relay is told, who opened his TLS; the visitor himself hears nothing of this end's. */
static bool nameless_enter(Conn *c, const Knock *k) {
        gnutls_session_t tls;

        if (tls_psk_server_new(c->visit.secret, &tls) < 0) {
                conn_refuse(c);
                return true;
        }
        counter_add(&c->worker->figures->refused, 1);
        transport_start_tls(&c->transport, tls);
        (void) gnutls_alert_send(tls, GNUTLS_AL_FATAL, GNUTLS_A_UNRECOGNIZED_NAME);
        conn_linger(c);
        return true;
}

const Entrance nameless_entrance = { "nameless", KNOCK_HELLO, nameless_claims, nameless_enter };

static Claim opened_claims(const Conn *c, const Knock *k) {
        return c->visit.secret ? CLAIM_MINE : CLAIM_NONE;
}

/* The house agrees to that (relay.opened). */
static bool opened_enter(Conn *c, const Knock *k) {
        gnutls_session_t tls;

        if (!c->route || c->route->host.upstream_kind == CONF_UPSTREAM_TCP ||
            c->route->host.upstream_kind == CONF_UPSTREAM_TENANT ||
            tls_psk_server_new(c->visit.secret, &tls) < 0) {
                conn_refuse(c);
                return true;
        }
        atomic_store_explicit(&c->worker->figures->opened_usec, c->worker->loop.now_usec,
                              memory_order_relaxed);
        transport_start_tls(&c->transport, tls);
        conn_set_state(c, CONN_HANDSHAKE);
        loop_spend(&c->worker->loop, LOOP_WORK_HANDSHAKE);
        opening_serve(c);
        return true;
}

const Entrance opened_entrance = { "opened", KNOCK_HELLO, opened_claims, opened_enter };

static Claim agent_claims(const Conn *c, const Knock *k) {
        const char *name = c->snapshot->routes->tenants_name;

        return (k->hello->alpn & CLIENTHELLO_ALPN_RELAY) && name && streq(name, c->visit.name) ? CLAIM_MINE :
                                                                                                CLAIM_NONE;
}

static bool agent_enter(Conn *c, const Knock *k) {
        static const char *const protocols[] = { RELAY_ALPN, NULL };

        tls_start(c, protocols, /* ticket_secret= */ NULL, HANDSHAKE_FULL);
        return true;
}

const Entrance agent_entrance = { "agent", KNOCK_HELLO, agent_claims, agent_enter, OUTSIDE_RELAY };

/* In front of a tenant's house each request that is under way wants a channel for itself: a page's hundred
 * would be the house's last. */
static bool host_takes_http2(const Conn *c) {
        return c->snapshot->http2 && c->route->host.upstream_kind != CONF_UPSTREAM_TENANT;
}

static Claim host_claims(const Conn *c, const Knock *k) {
        return c->route ? CLAIM_MINE : CLAIM_NONE;
}

static bool host_enter(Conn *c, const Knock *k) {
        static const char *const protocols[] = { TLS_ALPN_HTTP2, TLS_ALPN_HTTP1, NULL };

        tls_start(c, host_takes_http2(c) ? protocols : protocols + 1, c->snapshot->ticket_secret,
                  k->hello->resumes ? HANDSHAKE_RESUMING : HANDSHAKE_FULL);
        return true;
}

const Entrance host_entrance = { "host", KNOCK_HELLO, host_claims, host_enter };
