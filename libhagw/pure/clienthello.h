/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/hostname.h"

/* What a TLS ClientHello asks for (RFC 8446 section 4.1.2, RFC 6066 section 3, RFC 7301), read from the
 * first bytes of a connection without consuming them. The hello may be cut over any number of TCP segments
 * and TLS records. Pure. */

#define CLIENTHELLO_SIZE_MAX (64U * 1024) /* bytes on the wire, record headers included */

typedef enum ClientHelloResult {
        CLIENTHELLO_OK,
        CLIENTHELLO_MORE,      /* nothing is wrong so far */
        CLIENTHELLO_NOT_TLS,   /* the first bytes are no TLS handshake record */
        CLIENTHELLO_MALFORMED, /* also: several names, a name that is none */
        CLIENTHELLO_TOO_LONG,
        _CLIENTHELLO_RESULT_MAX,
} ClientHelloResult;

typedef enum ClientHelloAlpn {
        CLIENTHELLO_ALPN_OFFERED = 1 << 0, /* the extension is there */
        CLIENTHELLO_ALPN_HTTP1 = 1 << 1,   /* http/1.1 */
        CLIENTHELLO_ALPN_H2 = 1 << 2,
        CLIENTHELLO_ALPN_RELAY = 1 << 3,   /* hagw-relay/1 */
        CLIENTHELLO_ALPN_ACME = 1 << 4,    /* acme-tls/1 (RFC 8737) */
} ClientHelloAlpn;

typedef enum ClientHelloVersion {
        CLIENTHELLO_TLS10 = 1 << 0, /* or older */
        CLIENTHELLO_TLS11 = 1 << 1,
        CLIENTHELLO_TLS12 = 1 << 2,
        CLIENTHELLO_TLS13 = 1 << 3,
} ClientHelloVersion;

/* {} before the first call. The three offsets carry the work over from call to call, so that each byte is
 * walked once. */
typedef struct ClientHello {
        size_t offset;  /* start of the record that is not complete yet */
        size_t have;    /* handshake bytes in the complete records */
        uint32_t need;  /* handshake bytes of the message with its header; 0: not known yet */
        /* Set on CLIENTHELLO_OK: */
        char name[HOSTNAME_MAX + 1]; /* normalized; "": no server_name extension */
        unsigned alpn;     /* ClientHelloAlpn */
        unsigned versions; /* ClientHelloVersion */
        bool resumes;      /* offers a TLS 1.3 pre-shared key or a TLS 1.2 ticket */
} ClientHello;

/* data: all bytes since the start of the connection; they may have moved since the last call, and only
 * grown. */
ClientHelloResult clienthello_read(ClientHello *h, const uint8_t *data, size_t size);

const char *clienthello_result_text(ClientHelloResult r);
