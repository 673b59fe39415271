/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/balancer.h"
#include "libhagw/crew/message.h"

typedef struct Conn Conn;

/* A visitor's first bytes: who it is, and whom he wants. */

/* To main: somebody came by a hop. */
typedef struct HiddenMessage {
        Message message;
        IpAddress address;
        bool balancer; /* no hop, but a load balancer that begins like this: */
        BalancerHeader header;
} HiddenMessage;
extern const MessageKind hidden_message;

/* For CONN_PROXY and CONN_HELLO. */
void hello_serve_proxy(Conn *c);
void hello_serve(Conn *c);
