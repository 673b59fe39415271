/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/snapshot.h"
#include "hagw-proxyd/door/handshake.h"
#include "hagw-proxyd/wire/clienthello.h"
#include "hagw-proxyd/wire/h1.h"
#include "libhagw/net/transport.h"
#include "libhagw/pure/channelframe.h"

/* A visitor's connection, from accept() to close(): who he is, the ClientHello, the handshake, and request
 * after request. */

#define CONN_LINGER_USEC (5 * USEC_PER_SEC) /* after our last byte: for the visitor to read it and close */
#define CONN_LINGER_STOP_USEC (500 * USEC_PER_MSEC) /* the same when the service stops */
#define CONN_LINGER_MAX_USEC USEC_PER_MINUTE /* while bytes are still on their way */

typedef struct Conn Conn;
typedef struct Exchange Exchange;
typedef struct Passage Passage;
typedef struct ProbeMessage ProbeMessage;
typedef struct Upstream Upstream;
typedef struct Worker Worker;

typedef enum ConnKind {
        CONN_HTTPS,
        CONN_HTTP,  /* port 80: redirects and challenges only */
        CONN_PROBE, /* our own, to see whether an upstream answers: plain, no login */
} ConnKind;

typedef enum ConnState {
        CONN_PROXY,     /* a load balancer's: who the visitor is, is not complete */
        CONN_HELLO,     /* the ClientHello is not complete */
        CONN_HANDSHAKE,
        CONN_IDLE,      /* between requests, or within a request's head */
        CONN_REQUEST,   /* an exchange is under way */
        CONN_PASSAGE,   /* goes on unopened to somebody else */
        CONN_LINGER,    /* we said our last word */
        CONN_CLOSED,
        _CONN_STATE_MAX,
        _CONN_STATE_INVALID = -EINVAL,
} ConnState;

/* Somebody who has come, on the way to who serves him. His address has been counted by crowd_enter(), unless
 * he is a load balancer. */
typedef struct Visitor {
        int fd;
        ConnKind kind;
        IpAddress address;
        uint16_t port;
        uint16_t here_port;
        IpAddress here; /* as in Conn */
        bool uncounted;
        bool opened; /* by the relay: its TLS has this secret */
        uint8_t secret[CHANNEL_SECRET_SIZE];
        bool announced; /* a PROXY protocol header comes first */
        bool channel;   /* he came by one, from our relay */
        Buffer *in; /* what was read from him already; NULL: nothing */
} Visitor;
/* Returns NULL. Not for one who has been counted. */
Visitor *visitor_done(Visitor *v);

struct Conn {
        Transport transport;
        Garbage garbage;
        Timer timer;
        Again again;
        Worker *worker;
        Conn *next, **link; /* in worker->conns */
        struct UnfinishedNetwork *unfinished; /* in worker->unfinished; NULL: it keeps nobody waiting */
        Conn *unfinished_next, *unfinished_previous;
        uint64_t unfinished_since; /* in their order */
        ConnKind kind;
        ConnState state;
        bool old; /* was under way when the worker began to drain, and is so since */
        bool answered; /* it has had a request, and may end between two */
        bool uncounted; /* crowd_leave() has nothing to take back */
        bool channel;   /* the visitor came by one, from our relay */
        Snapshot *snapshot;
        bool inside; /* as snapshot has it */
        const Route *route;
        Upstream *upstream; /* of route, found with the first request; valid while snapshot is the worker's,
                               or single */
        IpAddress address;
        uint16_t port; /* the visitor's; 0: not known */
        uint16_t here_port;
        IpAddress here; /* where he came to, as a load balancer said; AF_UNSPEC: the socket knows */
        char address_text[IP_TEXT_MAX];
        char name[HOSTNAME_MAX + 1]; /* asked for in the ClientHello, normalized */
        ClientHello *hello;
        Handshake *handshake; /* that may need a signature; NULL: none is under way */
        Buffer *in; /* plain bytes from the visitor */
        H1Scan scan;
        uint64_t born_usec;  /* when it came to this worker */
        uint64_t since_usec; /* PROXY, HELLO, HANDSHAKE: accepted; IDLE: first byte of the head, 0: none;
                                LINGER: begin */
        Exchange *exchange;
        Passage *passage;
        ProbeMessage *probe; /* CONN_PROBE: what is to be told at the end */
        uint8_t *secret; /* of the TLS that the relay speaks, which has opened the visitor's; or NULL */
};

/* Takes over what the visitor brings, and starts serving him. */
void conn_new(Worker *w, Visitor *v);
/* For CONN_PROBE, before anything is read. probe goes back to the main thread when the connection ends, or
 * at once where there is none. -ENOENT: no such host. */
int conn_new_probe(Worker *w, ProbeMessage *probe);

/* Closes without another byte; freed from the loop. */
void conn_close(Conn *c);
/* The same in whatever state: what is under way is broken off, and the log says why. */
void conn_cut(Conn *c, const char *why);
/* Ends the object and not the connection, of which nothing but the ClientHello has been read: it goes on
 * elsewhere, and stays counted. */
Visitor conn_leave(Conn *c);
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
/* Is the visitor inside the house, as s has it? Whose address is the relay's word alone is nobody's
 * neighbour. */
static inline bool conn_is_inside(const Conn *c, const Snapshot *s) {
        return !c->channel && inside_judge(&s->routes->lan, &s->hops, &c->address) == INSIDE_YES;
}
/* Request after request, for as long as bytes are there. */
void conn_serve_idle(Conn *c);

/* Reads more plain bytes behind those in c->in: n > 0, 0: end, -EAGAIN, -ENOBUFS: full, else broken. */
ssize_t conn_fill(Conn *c);

/* He has come for himself, whatever he wants: was it from the internet? */
void conn_note_outside(Conn *c);

/* Counts one who is here, and one who is no more. The main thread hears when a crowd has left, for its
 * memory. */
#define CONNS_CROWD 256U /* visitors at once, and three of four of them gone */
void conns_came(Worker *w);
void conns_left(Worker *w);

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
