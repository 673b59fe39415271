/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Key material out of TLS (RFC 8446 section 7.5), and what is made with it. Any thread. */

#include <gnutls/crypto.h>

#include "libhagw/net/relaykeys.h"

#define EXPORTER_LABEL "EXPORTER-hagw-relay-1"

int relay_keys_export(gnutls_session_t tls, RelayKeys *ret) {
        gnutls_datum_t protocol;

        if (gnutls_protocol_get_version(tls) != GNUTLS_TLS1_3 ||
            gnutls_alpn_get_selected_protocol(tls, &protocol) < 0 || protocol.size != strlen(RELAY_ALPN) ||
            memcmp(protocol.data, RELAY_ALPN, protocol.size) != 0)
                return -EPROTO;
        if (gnutls_prf_rfc5705(tls, strlen(EXPORTER_LABEL), EXPORTER_LABEL, /* context_size= */ 0,
                               /* context= */ NULL, sizeof(*ret), (char *) ret) < 0)
                return -EPROTO;
        return 0;
}

void relay_keys_wipe(RelayKeys *k) {
        gnutls_memset(k, 0, sizeof(*k));
}

int relay_keys_sign_hello(const RelayKeys *k, const uint8_t *hello, uint8_t mac[static CHANNEL_MAC_SIZE]) {
        return gnutls_hmac_fast(GNUTLS_MAC_SHA256, k->channel, sizeof(k->channel), hello,
                                CHANNEL_HELLO_SIGNED, mac) < 0 ?
                       -EIO :
                       0;
}

int relay_keys_sign_header(const RelayKeys *k, uint64_t channel, const uint8_t *header, size_t size,
                           uint8_t mac[static CHANNEL_MAC_SIZE]) {
        uint8_t text[sizeof(uint64_t) + CHANNEL_HEADER_SIZE_MAX];
        uint64_t number = htobe64(channel);

        assert(size <= CHANNEL_HEADER_SIZE_MAX);
        memcpy(text, &number, sizeof(number));
        memcpy(text + sizeof(number), header, size);
        return gnutls_hmac_fast(GNUTLS_MAC_SHA256, k->visitor, sizeof(k->visitor), text,
                                sizeof(number) + size, mac) < 0 ?
                       -EIO :
                       0;
}

/* Another text than any header's: the first of those begins with a carriage return. */
int relay_keys_channel_secret(const RelayKeys *k, uint64_t channel,
                              uint8_t ret[static CHANNEL_SECRET_SIZE]) {
        uint8_t text[sizeof(uint64_t) + 6] = { [8] = 'o', 'p', 'e', 'n', 'e', 'd' };
        uint64_t number = htobe64(channel);

        memcpy(text, &number, sizeof(number));
        return gnutls_hmac_fast(GNUTLS_MAC_SHA256, k->visitor, sizeof(k->visitor), text, sizeof(text), ret) <
                               0 ?
                       -EIO :
                       0;
}

bool relay_mac_equal(const uint8_t a[static CHANNEL_MAC_SIZE], const uint8_t b[static CHANNEL_MAC_SIZE]) {
        return gnutls_memcmp(a, b, CHANNEL_MAC_SIZE) == 0;
}
