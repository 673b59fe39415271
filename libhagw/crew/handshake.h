/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/net/fiber.h"
#include "libhagw/net/transport.h"
#include "libhagw/pure/cidr.h"

/* TLS handshakes that may need a signature from hagw-keyd. Each runs on a fiber, so that nobody
 * else waits for its signature. So many are under way at once; the others wait for their turn, which goes
 * round the networks they come from: four hundred from one address delay each other. */

/* That wait for a signature, of those who have nothing to resume: as many as keep hagw-keyd busy, for
 * whoever comes next waits behind them there. And of those who say that they have; mostly they need none. */
#define HANDSHAKES_AT_ONCE 8U
#define HANDSHAKES_RESUMING_AT_ONCE 8U
#define HANDSHAKE_PLACES 1024U /* of the table in which those who wait are found by their network */

#define HANDSHAKE_BURST 4U /* seconds' worth of Terms.handshakes_per_address may come at once */

typedef struct Handshake Handshake;
typedef struct HandshakeClient HandshakeClient;
typedef struct Worker Worker;

/* There while it has somebody waiting. */
typedef struct HandshakeNetwork {
        struct HandshakeNetwork *next, **place; /* in the order of their turns */
        struct HandshakeNetwork *beside;          /* in the same place */
        uint64_t network;                         /* as crowd_network() says */
        Handshake *first, **last;
} HandshakeNetwork;

typedef struct HandshakeQueue {
        Worker *worker;
        Again again;
        Timer timer; /* all who wait have been here too often lately */
        unsigned n_signing, max;
        HandshakeNetwork *first, **end; /* whose turn is next */
        HandshakeNetwork *places[HANDSHAKE_PLACES];
} HandshakeQueue;

typedef enum HandshakeClass {
        HANDSHAKE_FULL,
        HANDSHAKE_RESUMING,
        _HANDSHAKE_CLASS_MAX,
} HandshakeClass;

typedef struct Handshakes {
        FiberPool fibers;
        HandshakeQueue queues[_HANDSHAKE_CLASS_MAX];
} Handshakes;

/* Hangs them on the worker. -ENOMEM. */
int handshakes_init(Worker *w);
void handshakes_done(Worker *w);

/* Whose handshake it is: part of a connection. */
struct HandshakeClient {
        Transport *transport; /* with its session on it */
        const IpAddress *address; /* whose turn it is goes by it */
        /* What transport_handshake() said at last, and -ENOMEM. May end the client. */
        void (*done)(HandshakeClient *c, int r);
        Handshake *handshake; /* NULL: none is under way */
};

/* c->done() hears of it, maybe before this returns. */
void handshake_begin(Worker *w, HandshakeClient *c, HandshakeClass class);
/* Something has happened to the socket. May end c. */
void handshake_serve(HandshakeClient *c);
/* The connection closes, or the handshake is over; nothing where none is under way. */
void handshake_end(HandshakeClient *c);

/* Since when, or from when on, the address may have one more signature; and that it has had one. */
uint64_t handshake_due_usec(const Worker *w, const IpAddress *address);
void handshake_note(const Worker *w, const IpAddress *address);
