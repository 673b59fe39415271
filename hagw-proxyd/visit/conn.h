/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/upstream/upstream.h"
#include "hagw-proxyd/visit/entrance.h"
#include "hagw-proxyd/visit/review.h"
#include "hagw-proxyd/visit/unfinished.h"
#include "hagw-proxyd/visit/visit.h"
#include "hagw-proxyd/visit/visitor.h"
#include "hagw-proxyd/wire/finding.h"
#include "hagw-proxyd/wire/h1.h"
#include "libhagw/crew/handshake.h"
#include "libhagw/crew/worker.h"
#include "libhagw/net/transport.h"


/* A visitor's connection, from accept() to close(): who he is, and what is true of it whoever serves it. Who
 * that is in each state, rooms above have said. */

#define CONN_LINGER_USEC (5 * USEC_PER_SEC) /* after our last byte: for the visitor to read it and close */
#define CONN_LINGER_STOP_USEC (500 * USEC_PER_MSEC) /* the same when the service stops */
#define CONN_LINGER_MAX_USEC USEC_PER_MINUTE /* while bytes are still on their way */

typedef struct Conn Conn;
typedef struct H1 H1;
typedef struct Streams Streams;

typedef enum ConnState {
        CONN_PROXY,     /* a load balancer's: who the visitor is, is not complete */
        CONN_HELLO,     /* the ClientHello is not complete */
        CONN_HANDSHAKE,
        CONN_IDLE,      /* between requests, or within a request's head */
        CONN_REQUEST,   /* an exchange is under way */
        CONN_STREAMS,   /* HTTP/2, with any number of them */
        CONN_LINGER,    /* we said our last word */
        CONN_CLOSED,
        _CONN_STATE_MAX,
        _CONN_STATE_INVALID = -EINVAL,
} ConnState;

/* Who serves a connection in a state. Each may end it. */
typedef struct ConnServer {
        void (*serve)(Conn *c); /* something has happened, or there is more to do */
        void (*on_event)(Conn *c, uint32_t events); /* NULL: the transport is told, then serve() */
        void (*on_timer)(Conn *c);
        void (*part)(Conn *c); /* it waits for nothing, and is let go of; NULL: only by cut() */
        void (*cut)(Conn *c, const char *why); /* breaks off what is under way; NULL: conn_close() */
        void (*end)(Conn *c);                  /* it closes; NULL: nothing to be let go of */
        /* For a connection that has something under way; NULL: it has not. */
        void (*drain)(Conn *c); /* the worker drains: c->old is set */
        const char *(*review)(Conn *c, const Snapshot *s); /* why s forbids it to go on; NULL: it does not */
        bool (*is_busy)(const Conn *c, uint64_t young_usec, uint64_t request_usec); /* conns_busy() */
        size_t (*held)(const Conn *c); /* bytes, beside the connection's own buffers */
        uint64_t (*due_usec)(const Conn *c); /* when its time is up; NULL: with its timer */
        void (*drop_stranded)(Conn *c, IpAddress *known); /* what goes over addresses that are gone */
} ConnServer;

/* A worker's visitors. */
typedef struct Visits {
        Worker *worker;
        Conn *first;
        const ConnServer *servers[_CONN_STATE_MAX]; /* by state */
        const Entrance *const *entrances; /* in the order in which they are asked; NULL-ended */
        const Voice *voices;
        Unfinished unfinished;
        Again full_again; /* too much memory is in use */
        Review review;
        Timer young; /* who came just before the door was shut is served until then */
} Visits;

extern const Room visit_room;
/* conn.c's own. */
extern const ConnServer conn_linger_server, conn_closed_server;

struct Conn {
        Transport transport;
        Garbage garbage;
        Timer timer;
        Again again;
        Worker *worker;
        const ConnServer *server; /* of its state */
        Conn *next, **place; /* in worker->visits->first */
        struct UnfinishedNetwork *unfinished; /* in visits->unfinished; NULL: it keeps nobody waiting */
        Conn *unfinished_next, *unfinished_previous;
        uint64_t unfinished_since; /* in their order */
        Visit visit;
        ConnState state;
        bool old; /* was under way when the worker began to drain, and is so since */
        bool noted; /* by conn_note_outside() */
        bool answered; /* it has had a request, and may end between two */
        CrowdPlace crowd; /* the visitor's */
        Snapshot *snapshot;
        bool inside; /* as snapshot has it */
        const Route *route;
        Upstream *upstream; /* of route, found with the first request, and held */
        ClientHello *hello;
        HandshakeClient handshake; /* that may need a signature */
        Buffer *in; /* plain bytes from the visitor */
        H1Scan scan;
        size_t skipped; /* bytes of a request line that is too long */
        uint64_t born_usec;  /* when it came to this worker */
        uint64_t since_usec; /* PROXY, HELLO, HANDSHAKE: accepted; IDLE: first byte of the head, 0: none;
                                STREAMS: the same; LINGER: begin */
        H1 *h1; /* the request that is under way on it, as HTTP/1.1 */
        Streams *streams; /* as HTTP/2 */
};

/* Takes over what the visitor brings, and starts serving him. */
void conn_new(Worker *w, Visitor *v);
/* The same, in two steps. NULL: no memory, and v is as before. */
Conn *conn_make(Worker *w, Visitor *v);
void conn_start(Conn *c);

/* Closes without another byte; freed from the loop. */
void conn_close(Conn *c);
/* The same for one who has been refused, and is counted so. */
void conn_refuse(Conn *c);
/* The same in whatever state: what is under way is broken off, and the log says why. */
void conn_cut(Conn *c, const char *why);
/* Ends the object and not the connection, of which nothing but the ClientHello has been read: it goes on
 * elsewhere, and keeps his place. Where it is a probe, who takes it over has taken c->visit.probe. */
Visitor conn_leave(Conn *c);
/* The same, to another worker, who reads again what has been read. */
void conn_hand_over(Conn *c, Worker *to);
/* What was under way when the worker began to drain is not any more. */
void conn_not_old(Conn *c);
/* Ends our direction and waits for the visitor to end his. */
void conn_linger(Conn *c);
/* The exchange is over and the connection stays: goes on with the next request. */
void conn_next(Conn *c);

void conn_set_state(Conn *c, ConnState s);
void conn_set_address(Conn *c, const IpAddress *address, uint16_t port);
/* From now on it is served by what the worker serves by. c->route is another one's then. */
void conn_take_snapshot(Conn *c);
/* The same for one who has been let in before. -ENOENT: he would not be now. */
int conn_refresh(Conn *c);
/* Lets who serves its state go on. */
void conn_serve(Conn *c);
/* Between two requests, or within a head: until when it may take. */
void conn_wait(Conn *c);

/* Reads more plain bytes behind those in c->in: n > 0, 0: end, -EAGAIN, -ENOBUFS: full, else broken. */
ssize_t conn_fill(Conn *c);

/* Where the visitor comes from, and to. */
ProxyPair conn_pair(const Conn *c);
/* What he wants is known, or that he wants nothing: has he come from the internet? Counted once. */
void conn_note_outside(Conn *c, OutsideKind kind);

/* Cuts those who came to an address that the machine has no more. */
void conns_drop_stranded(Worker *w);
/* Marks those who are under way as old. */
void conns_drain(Worker *w);
/* Ends those that wait for nothing, most of them at once. True: there are no more. */
bool conns_part(Worker *w, size_t most);
/* How many there are for whom the door stays open: who has just come, requests until they are too old to be
 * waited for, and last words that are still on their way. */
size_t conns_busy(const Worker *w);
/* Cuts everything that did not begin in the last young_usec. */
void conns_stop(Worker *w, uint64_t young_usec);
void conns_done(Worker *w);

const char *conn_state_text(ConnState s);
