/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/h2/h2.h"
#include "hagw-proxyd/http/exchange.h"
#include "hagw-proxyd/visit/conn.h"

/* A request that HTTP/2 has brought, on one of its connection's streams. */

typedef struct H2Request H2Request;

/* What a connection in HTTP/2 has beside what every connection has. */
struct Streams {
        Conn *conn;
        H2 *h2;
        H2Request *first, **end; /* in the order in which they came */
        H2Request *fresh;        /* the first whose exchange has not begun; NULL: all have */
        H2Request *first_of_all; /* under way, and needs no place of its own (places.h); NULL: none is */
        Streams *waiting_next, **waiting; /* in the worker's places, for fresh; NULL: it does not wait */
        size_t n, n_old;         /* all, and those that were there when the worker began to drain */
        uint64_t work, n_sent;   /* h2_work() and h2_n_sent() when they were looked at last */
        uint64_t quiet_usec;     /* since when nothing is under way, and nothing of an answer has gone out */
        bool told;               /* that this is no HTTP/2 has been logged */
        bool leaving;            /* the visitor was told that his next requests are for another connection */
        bool shut;               /* and that none is taken any more */
        char websocket_key[25];  /* 16 random bytes in base64 */
};

struct H2Request {
        Stream stream;
        Streams *streams;
        H2Stream *h2; /* NULL: it is no more */
        bool said;    /* and has ended well: the answer is through, what is left of the request is in rest */
        Buffer *rest;
        H2Request *next, **place;
        H1Verdict verdict;
        CrowdPlace crowd;   /* among the requests of the visitor's address */
        uint64_t since_usec; /* when it came */
        size_t charged;     /* bytes, with the worker's buffers */
        bool waits;         /* exchange_run() is owed once h2_room() says something */
        bool old;           /* was there when the worker began to drain */
};

/* Behind all others of its connection. NULL: no memory. */
H2Request *h2_request_new(Streams *v, H2Stream *s, H1Verdict verdict);
/* Its exchange begins; it may end at once. False: it cannot, and is gone. */
bool h2_request_begin(H2Request *r);
/* Something has come for its exchange, which looks at it in a turn of its own. */
void h2_request_wake(H2Request *r);
/* Its stream ends, within the codec. */
void h2_request_lose(H2Request *r);
/* Of one whose exchange has not begun. */
void h2_request_free(H2Request *r);
