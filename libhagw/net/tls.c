/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GnuTLS objects. Credentials are read by all workers and written by none. */

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>

#include "libhagw/pure/hostname.h"
#include "libhagw/net/signer.h"
#include "libhagw/pure/linkfault.h"
#include "libhagw/pure/strv.h"
#include "libhagw/net/tls.h"
#include "libhagw/net/witness.h"

/* No static RSA: keyd signs and does not decrypt. */
#define SERVER_PRIORITY(versions)                                                                   \
        "NONE:" versions ":+ECDHE-ECDSA:+ECDHE-RSA:+AES-128-GCM:+CHACHA20-POLY1305"    \
        ":+AES-256-GCM:+AEAD:+SIGN-ALL:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:+GROUP-X25519"               \
        ":+GROUP-SECP256R1:+GROUP-SECP384R1:+COMP-NULL:+CTYPE-SRV-X509:+CTYPE-CLI-X509:%SERVER_PRECEDENCE"
#define CLIENT_PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define VERIFIED_PRIORITY CLIENT_PRIORITY ":%PROFILE_MEDIUM" /* keys and signatures of today's strength */

static gnutls_priority_t server_priorities[_CONF_TLS_MAX], client_priority, verified_priority;

int tls_global_init(void) {
        static const char *const texts[_CONF_TLS_MAX] = {
                [CONF_TLS_1_2] = SERVER_PRIORITY("+VERS-TLS1.3:+VERS-TLS1.2"),
                [CONF_TLS_1_3] = SERVER_PRIORITY("+VERS-TLS1.3"),
        };

        for (unsigned i = 0; i < _CONF_TLS_MAX; i++)
                if (gnutls_priority_init(&server_priorities[i], texts[i], NULL) < 0)
                        return -EINVAL;
        if (gnutls_priority_init(&client_priority, CLIENT_PRIORITY, NULL) < 0 ||
            gnutls_priority_init(&verified_priority, VERIFIED_PRIORITY, NULL) < 0)
                return -EINVAL;
        return 0;
}

void tls_global_done(void) {
        for (unsigned i = 0; i < _CONF_TLS_MAX; i++) {
                if (server_priorities[i])
                        gnutls_priority_deinit(server_priorities[i]);
                server_priorities[i] = NULL;
        }
        if (client_priority)
                gnutls_priority_deinit(client_priority);
        if (verified_priority)
                gnutls_priority_deinit(verified_priority);
        client_priority = verified_priority = NULL;
}

/* What GnuTLS asks before it picks a signature algorithm (gnutls_privkey_info_func). */
static int key_info(gnutls_privkey_t key, unsigned flags, void *userdata) {
        const TlsCertificate *c = userdata;

        if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
                return c->algorithm;
        if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
                return (int) c->bits;
        if (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO)
                return signer_scheme(c->algorithm, c->bits, GNUTLS_FLAGS_TO_SIGN_ALGO(flags)) ? 1 : 0;
        return -1;
}

/* The hash is what GnuTLS gives; keyd wants to see what was hashed. */
static int key_sign(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *userdata, unsigned flags,
                    const gnutls_datum_t *hash, gnutls_datum_t *signature) {
        const TlsCertificate *c = userdata;
        gnutls_digest_algorithm_t digest;
        gnutls_datum_t data;
        const char *scheme;

        if (witness_find(hash, &data, &digest) < 0)
                return GNUTLS_E_PK_SIGN_FAILED;
        /* PKCS #1 v1.5 comes as a DigestInfo that is ready. */
        if (algorithm == GNUTLS_SIGN_RSA_RAW)
                algorithm = gnutls_pk_to_sign(GNUTLS_PK_RSA, digest);
        scheme = signer_scheme(c->algorithm, c->bits, algorithm);
        if (!scheme)
                return GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
        return signer_sign(c->key_id, scheme, &data, signature) < 0 ? GNUTLS_E_PK_SIGN_FAILED : 0;
}

static int copy_names(char *const *names, char ***ret) {
        size_t n = strv_length(names), k = 0;
        char **copy;

        copy = calloc(n + 1, sizeof(char *));
        if (!copy)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                char name[HOSTNAME_MAX + 3];
                const char *rest = startswith(names[i], "*.");
                int r = hostname_normalize(rest ?: names[i], strlen(rest ?: names[i]),
                                           name + (rest ? 2 : 0));

                if (r < 0)
                        continue;
                if (rest)
                        memcpy(name, "*.", 2);
                copy[k] = strdup(name);
                if (copy[k])
                        k++;
        }
        *ret = copy;
        return 0;
}

static int load_chain(TlsCertificate *c, const char *pem) {
        gnutls_datum_t data = { (unsigned char *) pem, (unsigned) strlen(pem) };
        unsigned n = TLS_CHAIN_MAX;
        gnutls_pcert_st *chain;
        gnutls_x509_crt_t leaf;
        gnutls_privkey_t key;
        int r;

        chain = calloc(TLS_CHAIN_MAX, sizeof(*chain));
        if (!chain)
                return -ENOMEM;
        r = gnutls_pcert_list_import_x509_raw(chain, &n, &data, GNUTLS_X509_FMT_PEM,
                                              GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
        if (r < 0) {
                free(chain);
                return -EBADMSG;
        }
        c->algorithm = gnutls_pubkey_get_pk_algorithm(chain[0].pubkey, &c->bits);
        if (gnutls_pcert_export_x509(&chain[0], &leaf) >= 0) {
                c->not_after = gnutls_x509_crt_get_expiration_time(leaf);
                gnutls_x509_crt_deinit(leaf);
        }
        r = gnutls_privkey_init(&key);
        if (r >= 0) {
                r = gnutls_privkey_import_ext4(key, c, /* sign_data_fn= */ NULL, key_sign,
                                               /* decrypt_fn= */ NULL,
                                               /* deinit_fn= */ NULL, key_info, /* flags= */ 0);
                /* Matching the key against the certificate would need a signature that keyd rightly refuses.
                 */
                gnutls_certificate_set_flags(c->credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
                if (r >= 0)
                        r = gnutls_certificate_set_key(c->credentials, NULL, 0, chain, (int) n, key);
                if (r < 0)
                        gnutls_privkey_deinit(key);
        }
        if (r < 0)
                for (unsigned i = 0; i < n; i++)
                        gnutls_pcert_deinit(&chain[i]);
        free(chain); /* the certificates in it belong to the credentials now */
        return r < 0 ? -EBADMSG : 0;
}

int tls_certificate_new(const char *chain, const char *key_id, char *const *names, TlsCertificate **ret) {
        _cleanup_(tls_certificate_unrefp) TlsCertificate *c = NULL;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        atomic_init(&c->n_refs, 1);
        c->chain = strdup(chain);
        c->key_id = strdup(key_id);
        if (!c->chain || !c->key_id || gnutls_certificate_allocate_credentials(&c->credentials) < 0)
                return -ENOMEM;
        r = copy_names(names, &c->names);
        if (r < 0)
                return r;
        r = load_chain(c, chain);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

TlsCertificate *tls_certificate_ref(TlsCertificate *c) {
        if (c)
                atomic_fetch_add_explicit(&c->n_refs, 1, memory_order_relaxed);
        return c;
}

TlsCertificate *tls_certificate_unref(TlsCertificate *c) {
        if (!c || atomic_fetch_sub_explicit(&c->n_refs, 1, memory_order_acq_rel) != 1)
                return NULL;
        if (c->credentials)
                gnutls_certificate_free_credentials(c->credentials);
        for (char **n = c->names; n && *n; n++)
                free(*n);
        free(c->names);
        free(c->key_id);
        free(c->chain);
        free(c);
        return NULL;
}

/* A visitor who offers protocols, but not ours, gets the alert for that (RFC 7301 section 3.2); a service's
 * answer without one is HTTP/1.1 as well. */
static int set_alpn(gnutls_session_t s, const char *const *protocols, unsigned flags) {
        gnutls_datum_t data[TLS_ALPN_MAX];
        unsigned n = 0;

        for (; protocols[n]; n++) {
                assert(n < TLS_ALPN_MAX);
                data[n] = (gnutls_datum_t) { (unsigned char *) protocols[n],
                                             (unsigned) strlen(protocols[n]) };
        }
        return gnutls_alpn_set_protocols(s, data, n, flags);
}

static int enable_tickets(gnutls_session_t s, ConfTls oldest, const uint8_t *secret,
                          const char *server_name) {
        uint8_t digest[64];
        gnutls_datum_t key = { digest, sizeof(digest) };
        char use[HOSTNAME_MAX + 4];
        int r, n;

        /* GnuTLS resumes a session in its version, were it switched off since. */
        n = snprintf(use, sizeof(use), "%s/%u", server_name, (unsigned) oldest);
        if (n < 0 || (size_t) n >= sizeof(use))
                return GNUTLS_E_INVALID_REQUEST;
        r = gnutls_hmac_fast(GNUTLS_MAC_SHA512, secret, TLS_TICKET_SECRET_SIZE, use, (size_t) n, digest);
        if (r >= 0)
                r = gnutls_session_ticket_enable_server(s, &key);
        gnutls_memset(digest, 0, sizeof(digest));
        return r;
}

int tls_server_new(const TlsCertificate *c, ConfTls oldest, const uint8_t *ticket_secret,
                   const char *server_name, const char *const *protocols, gnutls_session_t *ret) {
        gnutls_session_t s;
        int r;

        r = gnutls_init(&s, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
        if (r < 0)
                return -ENOMEM;
        r = gnutls_priority_set(s, server_priorities[oldest]);
        if (r >= 0)
                r = gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, c->credentials);
        if (r >= 0)
                r = set_alpn(s, protocols, GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE);
        if (r >= 0 && ticket_secret)
                r = enable_tickets(s, oldest, ticket_secret, server_name);
        if (r < 0) {
                gnutls_deinit(s);
                return -EINVAL;
        }
        gnutls_certificate_server_set_request(s, GNUTLS_CERT_IGNORE);
        *ret = s;
        return 0;
}

int tls_send_alert(gnutls_session_t s, ConfTls oldest, int error) {
        /* GnuTLS looks for a suite first, and finds none of a version that is off (RFC 8446 section 4.2.1).
         */
        if (error == GNUTLS_E_NO_CIPHER_SUITES && oldest == CONF_TLS_1_3 &&
            gnutls_protocol_get_version(s) < GNUTLS_TLS1_3)
                return gnutls_alert_send(s, GNUTLS_AL_FATAL, GNUTLS_A_PROTOCOL_VERSION);
        return gnutls_alert_send_appropriate(s, error);
}

int tls_trust_new(const char *ca_file, bool verify, gnutls_certificate_credentials_t *ret) {
        gnutls_certificate_credentials_t c;
        int r = 0;

        if (gnutls_certificate_allocate_credentials(&c) < 0)
                return -ENOMEM;
        if (ca_file)
                r = gnutls_certificate_set_x509_trust_file(c, ca_file, GNUTLS_X509_FMT_PEM);
        else if (verify)
                r = gnutls_certificate_set_x509_system_trust(c);
        if (r < 0 || (ca_file && r == 0)) {
                gnutls_certificate_free_credentials(c);
                return r == GNUTLS_E_FILE_ERROR ? -ENOENT : -EBADMSG;
        }
        *ret = c;
        return 0;
}

void tls_wanted_init(TlsWanted *w, const char *name) {
        w->data[0] = (gnutls_typed_vdata_st) { .type = GNUTLS_DT_DNS_HOSTNAME,
                                               .data = (unsigned char *) name };
        w->data[1] = (gnutls_typed_vdata_st) { .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                               .data = (unsigned char *) GNUTLS_KP_TLS_WWW_SERVER };
}

void tls_want_server(gnutls_session_t s, TlsWanted *w) {
        gnutls_session_set_verify_cert2(s, w->data, ELEMENTSOF(w->data), /* flags= */ 0);
}

int tls_client_new(gnutls_certificate_credentials_t trust, TlsWanted *wanted, const char *sni,
                   gnutls_session_t *ret) {
        gnutls_session_t s;
        int r;

        r = gnutls_init(&s, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
        if (r < 0)
                return -ENOMEM;
        r = gnutls_priority_set(s, wanted ? verified_priority : client_priority);
        if (r >= 0)
                r = gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, trust);
        if (r >= 0)
                r = set_alpn(s, (const char *const[]) { TLS_ALPN_HTTP1, NULL }, /* flags= */ 0);
        if (r >= 0 && sni)
                r = gnutls_server_name_set(s, GNUTLS_NAME_DNS, sni, strlen(sni));
        if (r < 0) {
                gnutls_deinit(s);
                return -EINVAL;
        }
        if (wanted)
                tls_want_server(s, wanted);
        *ret = s;
        return 0;
}

bool tls_refuses_certificate(gnutls_session_t tls) {
        unsigned status = gnutls_session_get_verify_cert_status(tls);

        return status != 0 && status != (unsigned) -1;
}

const char *tls_failure_text(gnutls_session_t tls, int error, char *buffer, size_t size) {
        gnutls_datum_t text;
        unsigned status = gnutls_session_get_verify_cert_status(tls);

        if (tls_refuses_certificate(tls) &&
            gnutls_certificate_verification_status_print(
                    status, gnutls_certificate_type_get2(tls, GNUTLS_CTYPE_SERVER), &text, /* flags= */ 0) >=
                    0) {
                while (text.size > 0 && text.data[text.size - 1] == ' ')
                        text.size--;
                (void) snprintf(buffer, size, TLS_CERTIFICATE_REFUSED "%.*s", (int) text.size, text.data);
                gnutls_free(text.data);
        } else {
                const char *why = gnutls_strerror(error);
                size_t n = strlen(why);

                /* Its sentences end in a full stop, and this one goes on. */
                (void) snprintf(buffer, size, "TLS failed: %.*s", (int) (n - (n > 0 && why[n - 1] == '.')),
                                why);
        }
        return buffer;
}
