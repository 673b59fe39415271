/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/upstream/upstream.h"
#include "libhagw/net/dial.h"
#include "libhagw/net/transport.h"
#include "libhagw/pure/linkfault.h"
#include "libhagw/pure/proxyprotocol.h"

/* One connection to an upstream, from connect() to close(). */

#define LINK_IDLE_MAX 32U     /* waiting connections per upstream and worker */
/* The same, of which those beyond LINK_IDLE_MAX wait for a moment only: a crowd comes again, or it is over.
 */
#define LINK_BURST_MAX 512U
#define LINK_BURST_USEC USEC_PER_SEC
#define LINK_IDLE_WEBD_MAX 2U /* the same to webd: it takes 256, and all workers share them */
#define LINK_IDLE_USEC                                                                                      \
        (50 * USEC_PER_SEC) /* shorter than nginx waits (75 s), or Home Assistant (an hour) */

/* What TLS to a service takes beside its buffers, generously: it counts with them, because a visitor may
 * have a hundred requests under way on one connection. */
#define LINK_TLS_BYTES (16U * 1024)

#define LINK_YOUNG_USEC USEC_PER_SEC /* shorter than any service waits that waits at all */

/* Who wants a connection to an upstream: part of an exchange, or of a passage. */
typedef struct LinkClientOps {
        void (*on_link)(LinkClient *l);                    /* l->link can be written to */
        void (*on_failed)(LinkClient *l, const char *why); /* there is none to be had; l->link is NULL */
        void (*on_event)(LinkClient *l);                   /* something happened to l->link */
        ProxyPair (*pair)(LinkClient *l); /* the visitor's, for a far side that wants to know */
} LinkClientOps;

struct LinkClient {
        const LinkClientOps *ops;
        LinkClient *next, **place; /* in upstream->waiting */
        Link *link; /* being made, or in use */
        LinkFault fault; /* for on_failed() */
};

typedef enum LinkState {
        LINK_CONNECTING,
        LINK_HANDSHAKE,
        LINK_BUSY, /* serves a client */
        LINK_IDLE, /* waits for the next */
        LINK_CLOSED,
        _LINK_STATE_MAX,
        _LINK_STATE_INVALID = -EINVAL,
} LinkState;

struct Link {
        Transport transport;
        Garbage garbage;
        Timer timer; /* handshake: until given up; idle: until closed */
        Dial *dial;  /* while connecting */
        Upstream *upstream;
        Link *next, **place; /* among the idle ones */
        LinkClient *client; /* whom it serves or is made for */
        LinkState state;
        uint64_t parked_usec; /* when it last began to wait */
        unsigned n_requests;
        unsigned trusted; /* upstream->trusted when it was made */
        Buffer *in;     /* plain bytes from the upstream */
        size_t charged; /* bytes, with the worker's buffers */
        /* To a house behind the relay: */
        void *far; /* the far side's own; NULL: none, or it is let go of */
        TransportPace *pace; /* NULL: none */
};

/* Starts a connection for the client, which hears of it, maybe before this returns. */
void link_connect(Upstream *u, LinkClient *l);

/* Ends it where its address here is gone; known: as in is_stranded(). */
void link_drop_stranded(Link *k, IpAddress *known);

/* The client is done with it: it waits for the next one. */
void link_park(Link *k);
void link_unpark(Link *k);
/* While it waits: nothing has come from the other side but TLS's own business, not even its end. Whatever
 * else came would be taken for the next request's answer. */
bool link_is_alive(Link *k);

/* The socket goes on with the client, who watches it himself; the link ends. Only where nothing has been
 * read from it. */
int link_take(Link *k);

/* Closes at once; freed from the loop. Returns NULL. */
Link *link_close(Link *k);

/* More bytes from the upstream, most of them at once, behind those in k->in; as transport_read(). */
ssize_t link_fill(Link *k, size_t most);

/* For a far side. NULL: no memory. */
Link *link_new(Upstream *u, LinkClient *l);
/* Its socket is connected, k->transport initialized: on with the loop and the handshake. */
void link_start_tls(Link *k, gnutls_session_t tls);
/* Closes it; the client hears why. */
void link_failed(Link *k, const char *why);
