/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/crowd.h"
#include "hagw-proxyd/crew/message.h"
#include "libhagw/net/buffer.h"
#include "libhagw/pure/channelframe.h"
#include "libhagw/pure/cidr.h"

/* Somebody who has come, as a value: on the way to who serves him, from one worker to another too. */

#define VISITOR_SLACK 2U /* visitors more than another worker has, before handing over */

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
        IpAddress here; /* as in Conn */
        CrowdPlace crowd; /* among those of his address */
        uint8_t secret[CHANNEL_SECRET_SIZE]; /* ARRIVAL_CHANNEL_OPENED: of the relay's TLS */
        Buffer *in; /* what was read from him already; NULL: nothing */
} Visitor;
/* He goes. Returns NULL. */
Visitor *visitor_done(Worker *w, Visitor *v);

/* To a worker, from another: serve this visitor, you have fewer, or you are his tenant's home. */
typedef struct VisitorMessage {
        Message message;
        Visitor visitor; /* given away */
} VisitorMessage;
extern const MessageKind visitor_message;
/* For one who is sent on from w: counted as on his way, so it has to be sent. NULL: no memory. */
VisitorMessage *visitor_message_new(Worker *w);

/* Lets in who has come by a channel: he is served, here or by another worker, or closed where there are too
 * many. Takes over what he brings. */
void visitor_enter(Worker *w, Visitor *v);
/* Who was counted and let in is served by the worker with clearly the fewest visitors, or this one. */
void visitor_place(Worker *w, Visitor *v);

/* Counts one who is here, and one who is no more. The main thread hears when a crowd has left, for its
 * memory. */
#define CONNS_CROWD 256U /* visitors at once, and three of four of them gone */
void conns_came(Worker *w);
void conns_left(Worker *w);
extern const MessageKind crowd_left_message;
