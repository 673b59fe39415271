/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/message.h"
#include "hagw-proxyd/wire/balancer.h"

typedef struct Conn Conn;

/* What comes before a visitor's first request: who it is, whom he wants, and the TLS handshake. */

/* To main: somebody came by a hop. */
typedef struct HiddenMessage {
        Message message;
        IpAddress address;
        bool balancer; /* no hop, but a load balancer that begins like this: */
        BalancerHeader header;
} HiddenMessage;
extern const MessageKind hidden_message;

/* Closes without a byte. */
void hello_refuse(Conn *c);
/* For CONN_PROXY, CONN_HELLO and CONN_HANDSHAKE. */
void hello_serve_proxy(Conn *c);
void hello_serve(Conn *c);
void hello_serve_handshake(Conn *c);
/* What transport_handshake() said at last. */
void hello_on_handshake(Conn *c, int r);
