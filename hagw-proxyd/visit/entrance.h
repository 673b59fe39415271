/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/outsideway.h"
#include "libhagw/pure/clienthello.h"
#include "libhagw/pure/macro.h"

/* Ways in: who is known by what he says first, and who serves him then. The rooms that serve have theirs;
 * in which order they are asked stands in main/rooms.c. */

typedef struct Conn Conn;

/* What has been heard of a visitor. */
typedef enum KnockKind {
        KNOCK_HELLO = 1 << 0, /* a whole ClientHello; c->visit.name and c->route are by it */
        KNOCK_BYTES = 1 << 1, /* bytes that are none */
        KNOCK_PROBE = 1 << 2, /* nothing: our own, of whom it is known whom he wants */
} KnockKind;

typedef struct Knock {
        KnockKind kind;
        const uint8_t *bytes; /* all that he has said; they lie in c->transport.in */
        size_t size;
        const ClientHello *hello; /* KNOCK_HELLO */
} Knock;

typedef enum Claim {
        CLAIM_NONE,  /* he is somebody else's */
        CLAIM_MAYBE, /* more has to come */
        CLAIM_MINE,
} Claim;

typedef struct Entrance {
        const char *name;
        unsigned knocks; /* the kinds that it is asked about */
        Claim (*claims)(const Conn *c, const Knock *k);
        /* Serves him, who may be gone then. False: it has but said by which route he goes on, to one of the
         * entrances behind. */
        bool (*enter)(Conn *c, const Knock *k);
        OutsideKind outside; /* who comes by it */
} Entrance;

/* The first of the entrances (NULL-ended) that claims him; NULL: none, or none yet, which *ret_more says. */
const Entrance *entrance_find(const Entrance *const *entrances, const Conn *c, const Knock *k,
                              bool *ret_more);
/* Lets him in by the first that claims him. CLAIM_MINE: he is served, and may be gone. */
Claim entrance_serve(Conn *c, const Knock *k);

/* What is agreed upon in the TLS that is opened here (RFC 7301), and who speaks it: HTTP/1.1 where there is
 * no such row. */
typedef struct Voice {
        const char *protocol; /* NULL behind the last one */
        void (*begin)(Conn *c); /* may end c */
} Voice;
