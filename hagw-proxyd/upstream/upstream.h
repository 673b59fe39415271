/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/snapshot/figures.h"
#include "hagw-proxyd/snapshot/snapshot.h"
#include "hagw-proxyd/upstream/farside.h"
#include "libhagw/crew/message.h"
#include "libhagw/crew/room.h"
#include "libhagw/net/loop.h"
#include "libhagw/net/tls.h"
#include "libhagw/pure/nametable.h"
#include "libhagw/pure/slice.h"

/* The services behind the hosts, as one worker sees them: their addresses, the connections that wait for the
 * next request, and how a new one is made. */

/* All of a worker's. */
typedef struct Upstreams {
        Worker *worker;
        const FarSide *far; /* NULL: there is no relay room */
        NameTable table; /* by key */
        Upstream *list;
        Again sweep;
        uint64_t round;         /* of sweeping: one for each snapshot */
        size_t next_route;      /* of the snapshot, whose upstream is to be marked */
        Upstream *next;         /* to be looked at, once all are marked */
} Upstreams;

extern const Room upstream_room;

struct Upstream {
        NameEntry entry; /* not of a single one's */
        Upstream *next, **place;
        Worker *worker;
        char *key;     /* what makes it the same after a reload */
        int kind;      /* ConfUpstreamKind */
        char *host;    /* name, address, or path */
        uint16_t port;
        bool literal;  /* host is an address */
        char *server_name; /* whose certificate is wanted */
        const char *sni;   /* what we ask for, one of the two above; NULL: an address is not sent */
        bool verify;
        TlsWanted wanted;
        Trust *trust;
        unsigned trusted; /* goes up when trust changes: what was trusted before is asked again */
        uint64_t connect_usec, idle_usec;
        Slice authority; /* for the log; part of key */
        IpAddress addresses[MESSAGE_ADDRESSES_MAX];
        size_t n_addresses, preferred;
        uint64_t resolved_until_usec;
        ResolveMessage *asked; /* under way */
        LinkClient *waiting;   /* for addresses */
        Link *idle;
        unsigned n_idle, n_links, n_clients;
        unsigned n_holders; /* visitors' connections whose next request goes there */
        uint64_t round;     /* of the sweep that found it in the snapshot */
        gnutls_datum_t resumption; /* TLS session data of the last connection */
        uint64_t failure_usec;     /* when the main thread was told last */
        bool current;              /* in the newest snapshot */
        bool single;               /* of one visitor's or probe's connection, and not among the worker's */
        unsigned idle_max;         /* connections that may wait for the next request */
        unsigned burst_max;        /* and for a moment */
};

/* The one for a host of the worker's snapshot, made where there is none. webd's pages: host NULL. NULL: no
 * memory. */
Upstream *upstream_get(Worker *w, const ConfHost *host, Trust *trust);

/* A tenant's house as one visitor reaches it: his channels carry his address, so no other may use them.
 * name: the host he wants. NULL: no memory. */
Upstream *upstream_new_single(Worker *w, const ConfHost *host, const char *tenant, const char *name);
/* The same service spoken to with the other of http and https, whoever it is. For one probe. NULL: no
 * memory. */
Upstream *upstream_new_other(Worker *w, const ConfHost *host);
/* Where it is, or was looked for last; AF_UNSPEC: not known, or no address. */
IpAddress upstream_peer(const Upstream *u);

/* Ends idle connections whose address here is gone: the next request would wait on one for minutes. */
void upstreams_drop_stranded(Worker *w);

/* Which connection a request may have. */
typedef enum UpstreamWish {
        UPSTREAM_ANY,
        UPSTREAM_YOUNG, /* none that waited for long and may end just now: for what cannot be repeated */
        UPSTREAM_FRESH, /* none that waited */
} UpstreamWish;

/* Finds a connection for the client: at once (returns 1, l->link is set), or later through its on_link() or
 * on_failed() (returns 0). */
int upstream_acquire(Upstream *u, LinkClient *l, UpstreamWish wish);
/* The client no longer wants one. */
void upstream_forget(LinkClient *l);

/* To main: a host's upstream failed. */
typedef struct FailureMessage {
        Message message;
        HostStats *stats; /* with a reference */
        uint64_t usec;
        char text[MESSAGE_TEXT_MAX];
} FailureMessage;

extern const MessageKind failure_message;

/* Tells the main thread that the host fails, at most once a second. */
void upstream_report(Upstream *u, HostStats *stats, const char *text);

/* Somebody keeps it for his next request, and lets it go: also where it is single, or NULL. */
Upstream *upstream_hold(Upstream *u);
Upstream *upstream_let_go(Upstream *u); /* returns NULL */

/* After a new snapshot: lets go of what no host has any more, in turns. */
void upstreams_sweep(Worker *w);
void upstreams_done(Worker *w);
