/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pre-shared keys for GnuTLS, which asks for them by the session. Any thread. */

#include "libhagw/net/tls-psk.h"

/* "+ECDHE-PSK" stands for TLS 1.3's psk_dhe_ke (RFC 8446 section 4.2.9); without "+PSK" a key exchange is
 * always part of it. */
#define PSK_PRIORITY                                                                                 \
        "NONE:+VERS-TLS1.3:+AES-128-GCM:+CHACHA20-POLY1305:+AEAD:+ECDHE-PSK:+DHE-PSK:+GROUP-X25519"  \
        ":+GROUP-SECP256R1:+SIGN-ALL:+COMP-NULL:+CTYPE-ALL"
#define PSK_IDENTITY "hagw-relay"

static gnutls_psk_client_credentials_t client_credentials;
static gnutls_psk_server_credentials_t server_credentials;
static gnutls_priority_t priority;

static int copy_key(gnutls_session_t s, gnutls_datum_t *key) {
        const void *secret = gnutls_session_get_ptr(s);

        key->data = secret ? gnutls_malloc(CHANNEL_SECRET_SIZE) : NULL;
        if (!key->data)
                return -1;
        key->size = CHANNEL_SECRET_SIZE;
        memcpy(key->data, secret, CHANNEL_SECRET_SIZE);
        return 0;
}

static int client_key(gnutls_session_t s, gnutls_datum_t *identity, gnutls_datum_t *key) {
        if (copy_key(s, key) < 0)
                return -1;
        identity->data = (unsigned char *) gnutls_strdup(PSK_IDENTITY);
        identity->size = (unsigned) strlen(PSK_IDENTITY);
        return identity->data ? 0 : -1;
}

static int server_key(gnutls_session_t s, const gnutls_datum_t *identity, gnutls_datum_t *key) {
        return copy_key(s, key);
}

int tls_psk_global_init(void) {
        if (gnutls_priority_init(&priority, PSK_PRIORITY, NULL) < 0 ||
            gnutls_psk_allocate_client_credentials(&client_credentials) < 0 ||
            gnutls_psk_allocate_server_credentials(&server_credentials) < 0)
                return -EINVAL;
        gnutls_psk_set_client_credentials_function2(client_credentials, client_key);
        gnutls_psk_set_server_credentials_function2(server_credentials, server_key);
        return 0;
}

void tls_psk_global_done(void) {
        if (client_credentials)
                gnutls_psk_free_client_credentials(client_credentials);
        if (server_credentials)
                gnutls_psk_free_server_credentials(server_credentials);
        if (priority)
                gnutls_priority_deinit(priority);
        client_credentials = NULL;
        server_credentials = NULL;
        priority = NULL;
}

static int session_new(unsigned flags, void *credentials, const uint8_t *secret, gnutls_session_t *ret) {
        static const gnutls_datum_t protocol = { (unsigned char *) "http/1.1", 8 };
        gnutls_session_t s;
        int r;

        r = gnutls_init(&s, flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);
        if (r < 0)
                return -ENOMEM;
        gnutls_session_set_ptr(s, (void *) secret);
        r = gnutls_priority_set(s, priority);
        if (r >= 0)
                r = gnutls_credentials_set(s, GNUTLS_CRD_PSK, credentials);
        if (r >= 0)
                r = gnutls_alpn_set_protocols(s, &protocol, 1, GNUTLS_ALPN_MANDATORY);
        if (r < 0) {
                gnutls_deinit(s);
                return -EINVAL;
        }
        *ret = s;
        return 0;
}

int tls_psk_client_new(const uint8_t secret[static CHANNEL_SECRET_SIZE], const char *sni,
                       gnutls_session_t *ret) {
        gnutls_session_t s;
        int r;

        r = session_new(GNUTLS_CLIENT, client_credentials, secret, &s);
        if (r < 0)
                return r;
        if (gnutls_server_name_set(s, GNUTLS_NAME_DNS, sni, strlen(sni)) < 0) {
                gnutls_deinit(s);
                return -EINVAL;
        }
        *ret = s;
        return 0;
}

int tls_psk_server_new(const uint8_t secret[static CHANNEL_SECRET_SIZE], gnutls_session_t *ret) {
        return session_new(GNUTLS_SERVER, server_credentials, secret, ret);
}
