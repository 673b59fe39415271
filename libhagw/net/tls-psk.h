/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>

#include "libhagw/pure/channelframe.h"

/* TLS between a relay that has opened a visitor's TLS and the house: TLS 1.3 with a pre-shared key that only
 * the two ends of the control connection can make (docs/relay-protocol.md, "Channels"), and an ephemeral key
 * exchange. Each end proves itself by it; there are no certificates. */

int tls_psk_global_init(void);
void tls_psk_global_done(void);

/* ALPN http/1.1. secret must stay until the handshake is done. sni: the host that the visitor wants. */
int tls_psk_client_new(const uint8_t secret[static CHANNEL_SECRET_SIZE], const char *sni,
                       gnutls_session_t *ret);
int tls_psk_server_new(const uint8_t secret[static CHANNEL_SECRET_SIZE], gnutls_session_t *ret);
