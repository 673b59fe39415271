/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>

#include "libhagw/pure/channelframe.h"

/* The keys that both ends of a control connection share: docs/relay-protocol.md, "Keys of a connection". */

#define RELAY_ALPN "hagw-relay/1"

typedef struct RelayKeys {
        uint8_t binding[32]; /* what proofs are bound to */
        uint8_t channel[32]; /* signs channels' hellos */
        uint8_t visitor[32]; /* signs visitors' headers */
} RelayKeys;

/* -EPROTO: the connection is not TLS 1.3 with ALPN RELAY_ALPN. */
int relay_keys_export(gnutls_session_t tls, RelayKeys *ret);
void relay_keys_wipe(RelayKeys *k);

/* Over the first CHANNEL_HELLO_SIGNED bytes of a hello. */
int relay_keys_sign_hello(const RelayKeys *k, const uint8_t *hello, uint8_t mac[static CHANNEL_MAC_SIZE]);
/* Over the channel's number and the header's signed part. */
int relay_keys_sign_header(const RelayKeys *k, uint64_t channel, const uint8_t *header, size_t size,
                           uint8_t mac[static CHANNEL_MAC_SIZE]);
/* The pre-shared key of the TLS within a channel whose visitor the relay has opened. */
int relay_keys_channel_secret(const RelayKeys *k, uint64_t channel, uint8_t ret[static CHANNEL_SECRET_SIZE]);
/* In constant time. */
bool relay_mac_equal(const uint8_t a[static CHANNEL_MAC_SIZE], const uint8_t b[static CHANNEL_MAC_SIZE]);
