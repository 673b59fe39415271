/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"

/* What hagw-dnsd, which has no network of its own, and hagw-bind, which has nothing else, say to each other:
 * one packet a request on a SOCK_SEQPACKET socket of the runtime folder, one packet a reply, with the socket
 * in it (SCM_RIGHTS) where it could be opened. */

#define BIND_SOCKET "bind"
#define BIND_PORT 53U            /* the only one below BIND_PORT_UNPRIVILEGED */
#define BIND_PORT_UNPRIVILEGED 1024U
#define BIND_BACKLOG 256
#define BIND_BUFFER (4 * 1024 * 1024) /* bytes of a UDP socket, each way; net.core has the most */

typedef struct BindRequest {
        IpAddress address; /* one, never all */
        uint16_t port;
        uint16_t tcp; /* else UDP */
} BindRequest;

typedef struct BindReply {
        int32_t error; /* negative errno; 0: the socket came with it */
} BindReply;
