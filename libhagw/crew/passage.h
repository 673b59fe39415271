/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/crew/visitor.h"
#include "libhagw/crew/worker.h"
#include "libhagw/net/pump.h"
#include "libhagw/net/ratelimit.h"
#include "libhagw/pure/hostname.h"

/* A visitor whose TLS is not opened here: his connection is spliced to another one, which a passage waits
 * for. Where that one comes from is its owner's: a tcp:// service, or a tenant's channel. Until its end a
 * passage owns the visitor, whom it gets as a value. */

#define PASSAGE_STUCK_USEC (2 * USEC_PER_MINUTE) /* for so long a side may take nothing of what lies here */
#define PASSAGE_IDLE_USEC USEC_PER_HOUR          /* for so long nothing may pass, where no host says more */
/* A side that has vanished without a word is found in two minutes: by what it does not acknowledge
 * (TCP_USER_TIMEOUT, which counts what it has no room for too, so no less than above), or, where nothing is
 * on its way, by keepalive. */
#define PASSAGE_VANISHED_USEC PASSAGE_STUCK_USEC
#define PASSAGE_CHANNEL_USEC (8 * USEC_PER_SEC) /* a channel's, before the house has said anything */
#define PASSAGE_TRIES_MAX 3U /* channels of one visitor, of which all but the last died unheard */
#define PASSAGE_KEEPALIVE_SEC 60 /* idle, until it is asked */
#define PASSAGE_KEEPALIVE_INTERVAL_SEC 15

typedef struct Passage Passage;

/* Where the other connection comes from: of each passage, handed in by who found it. */
typedef struct PassageFar {
        size_t size;                /* of the object that begins with the Passage */
        void (*late)(Passage *p);   /* nothing came in time; ends p */
        /* What came is dead before it has said anything, and another one is to be had: wants it, p waits.
         * May end p. NULL: there is but one, and what it is sent need not be kept. */
        void (*again)(Passage *p);
        /* Why the worker's snapshot forbids it to go on; NULL: it does not. */
        const char *(*review)(const Passage *p);
        void (*end)(Passage *p); /* p ends */
} PassageFar;

typedef enum PassageState {
        PASSAGE_WAITING, /* for the other connection */
        PASSAGE_PUMPING,
        PASSAGE_CLOSED,
        _PASSAGE_STATE_MAX,
        _PASSAGE_STATE_INVALID = -EINVAL,
} PassageState;

struct Passage {
        Worker *worker;
        Passage *next, **place; /* in worker->passages */
        PassageState state;
        Garbage garbage;
        Timer timer;
        Again again;
        Visitor visitor; /* his socket is near's, and what was read from him is in the pool */
        char address_text[IP_TEXT_MAX], name[HOSTNAME_MAX + 1]; /* name: that he asked for, normalized */
        bool old; /* was there when the worker began to drain */
        TransportMeter *meter; /* counts his bytes, too; NULL: nobody's */
        Handle near, other;    /* his socket, and the connection on the far side */
        Pump pump;
        uint64_t begin_usec, joined_usec, moved_usec; /* joined: 0: not yet */
        uint64_t moved, counted[2]; /* bytes: of both, and from each side, when last looked at */
        const char *verdict; /* for the log; static */
        const PassageFar *far;
        uint64_t idle_usec;  /* for so long nothing may pass */
        Slice to;            /* whom it leads to, for the log; valid as long as it is */
        Buffer *first; /* what the visitor said before, until the far side has said something: another
                          connection may have to carry it */
        unsigned tries;
};

/* A worker's passages. */
typedef struct Passages {
        Worker *worker;
        Passage *first;
        Again review_again;
        Passage *reviewed; /* the next to be looked at; NULL: none is under way */
        bool review_wanted; /* something has changed since this one began: another follows */
        Timer young; /* who came just before the door was shut is served until then */
} Passages;

#define PASSAGES_SLICE 128U /* that are judged anew in a turn */

extern const Room pass_room;

/* Takes over a visitor of whom no more than a ClientHello has been read; waits, for at most wait_usec. name:
 * that he asks for. NULL: no memory; v is as before. */
Passage *passage_new(Worker *w, const PassageFar *far, Visitor *v, const char *name, uint64_t wait_usec);
/* How long it waits from now on. */
void passage_wait(Passage *p, uint64_t due_usec);
/* Goes on with the far side's socket, which is taken over. head (may be NULL) is sent to it before what was
 * read from the visitor. May end p. */
void passage_join(Passage *p, int fd, const void *head, size_t head_size, RateLimit *limit);
/* The connection it has is of no use: waits for another one, where that can still be. False: it cannot, p is
 * as before. */
bool passage_again(Passage *p);
/* Ends both sides at once. */
void passage_abort(Passage *p, const char *verdict);
/* Where the visitor comes from, and to. */
ProxyPair passage_pair(const Passage *p);
/* Bytes that lie here for him, when his time is up. */
size_t passage_held(const Passage *p);

/* What would not be let in now is cut, slice by slice. */
void passages_review(Worker *w);
/* In passages.c. */
void passages_add(Passage *p);
void passages_remove(Passage *p);
