/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/crew/crowd.h"
#include "libhagw/crew/message.h"
#include "libhagw/net/buffer.h"
#include "libhagw/pure/channelframe.h"
#include "libhagw/pure/cidr.h"
#include "libhagw/pure/proxyprotocol.h"

/* Somebody who has come, as a value: on the way to who serves him, from one worker to another too. */

typedef struct Worker Worker;

/* What is spoken where he came to. */
typedef enum ConnKind {
        CONN_HTTPS,
        CONN_HTTP,  /* port 80: redirects and challenges only */
        CONN_PLAIN, /* as within TLS, without it */
} ConnKind;

/* By which way he came. */
typedef enum Arrival {
        ARRIVAL_DIRECT,         /* from the address that he is seen at, or that a balancer has told */
        ARRIVAL_BALANCER,       /* a load balancer itself, which has not said yet whom it brings */
        ARRIVAL_CHANNEL_PASSED, /* by a channel from our relay, his TLS untouched */
        ARRIVAL_CHANNEL_OPENED, /* by a channel, and the relay has opened his TLS */
        ARRIVAL_PROBE,          /* our own, to see whether a service answers: no login */
        _ARRIVAL_MAX,
} Arrival;

static inline bool arrival_is_relayed(Arrival a) {
        return a == ARRIVAL_CHANNEL_PASSED || a == ARRIVAL_CHANNEL_OPENED;
}

typedef struct Visitor {
        int fd;
        ConnKind kind;
        Arrival arrival;
        IpAddress address;
        uint16_t port;
        uint16_t here_port;
        IpAddress here; /* as in Visit */
        CrowdPlace crowd; /* among those of his address */
        bool noted; /* by conn_note_outside(), at the worker that he comes from */
        uint8_t secret[CHANNEL_SECRET_SIZE]; /* ARRIVAL_CHANNEL_OPENED: of the relay's TLS */
        Buffer *in; /* what was read from him already; NULL: nothing. Of no worker's pool */
} Visitor;
/* Lets go of what he holds. Where he came by a channel, who counts those counts him. */
void visitor_let_go(Visitor *v);
/* Where he comes from, and to; what cannot be known is not told. */
ProxyPair visitor_pair(const Visitor *v);

/* Counts one who is here, and one who is no more. The main thread hears when a crowd has left, for its
 * memory. */
#define VISITORS_CROWD 256U /* at once, and three of four of them gone */
void visitors_came(Worker *w);
void visitors_left(Worker *w);
extern const MessageKind crowd_left_message;

/* Gives him to the room that serves visitors, with all that he brings: he has come by another way than the
 * door. */
void visitor_give(Worker *w, Visitor *v);
