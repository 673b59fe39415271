/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>
#include <stdatomic.h>

#include "libhagw/conf.h"
#include "libhagw/pure/macro.h"

/* TLS as hagw speaks it: versions and ciphers, certificates whose key is elsewhere, sessions, tickets. */

#define TLS_CHAIN_MAX 16U     /* certificates in one chain */
#define TLS_TICKET_SECRET_SIZE 64U

/* A certificate that can be served. Immutable, shared by all threads, counted. */
typedef struct TlsCertificate {
        atomic_uint n_refs;
        gnutls_certificate_credentials_t credentials;
        char **names;   /* DNS names, normalized, NULL-ended */
        char *key_id;   /* io.hagw.Key's */
        char *chain;    /* PEM, to see whether it changed */
        int algorithm;  /* gnutls_pk_algorithm_t */
        unsigned bits;
        int64_t not_after; /* CLOCK_REALTIME seconds */
        bool leftover; /* nobody asks for it any more; set before others see it */
} TlsCertificate;

int tls_global_init(void);
void tls_global_done(void);

/* -EBADMSG: not a chain. names: as acmed told them; those that are no host names are left out. */
int tls_certificate_new(const char *chain, const char *key_id, char *const *names, TlsCertificate **ret);
TlsCertificate *tls_certificate_ref(TlsCertificate *c);
TlsCertificate *tls_certificate_unref(TlsCertificate *c);
DEFINE_TRIVIAL_CLEANUP_FUNC(TlsCertificate *, tls_certificate_unref)

#define TLS_ALPN_HTTP1 "http/1.1"
#define TLS_ALPN_HTTP2 "h2"
#define TLS_ALPN_MAX 2U /* protocols to choose from */

/* A visitor's session in the oldest version or a newer one. protocols (ALPN): NULL-ended; the first that
 * the visitor has, too, is spoken. Tickets are sealed
 * with a key made of the secret, the name the visitor asked for and the oldest version, so that a ticket
 * resumes under no other; without a secret there are none. */
int tls_server_new(const TlsCertificate *c, ConfTls oldest, const uint8_t *ticket_secret,
                   const char *server_name, const char *const *protocols, gnutls_session_t *ret);

/* Tells a visitor why the handshake has failed. */
int tls_send_alert(gnutls_session_t s, ConfTls oldest, int error);

/* What the other side's certificate must be: for that name, and for servers, where it says at all what it is
 * for. Outlives the sessions that want it, and the name outlives it. */
typedef struct TlsWanted {
        gnutls_typed_vdata_st data[2];
} TlsWanted;

void tls_wanted_init(TlsWanted *w, const char *name);
void tls_want_server(gnutls_session_t s, TlsWanted *w);

/* A session to an upstream. wanted NULL: any certificate will do (verify = insecure). sni: the name to ask
 * for, NULL: none. */
int tls_client_new(gnutls_certificate_credentials_t trust, TlsWanted *wanted, const char *sni,
                   gnutls_session_t *ret);
/* What is trusted: ca_file, or the system's roots where it is NULL and verify is true. */
int tls_trust_new(const char *ca_file, bool verify, gnutls_certificate_credentials_t *ret);

/* The other side's certificate was looked at, and is not what it should be. */
bool tls_refuses_certificate(gnutls_session_t tls);
/* Why the last handshake with an upstream failed, in words. Static or session-owned. */
const char *tls_failure_text(gnutls_session_t tls, int error, char *buffer, size_t size);
