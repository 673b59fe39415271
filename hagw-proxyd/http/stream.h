/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/request.h"

/* A visitor's request on whatever carries it: in HTTP/1.1 the connection itself, in HTTP/2 one of its
 * streams. An exchange knows nothing else of how it came. Whoever carries it calls exchange_run() when it
 * can go on. */

typedef struct Exchange Exchange;
typedef struct Stream Stream;

typedef enum StreamEnd {
        STREAM_END_CLEAN, /* the answer is through, the request was read to its end */
        STREAM_END_LAST,  /* the answer is through; nothing else is read, of the request either */
        STREAM_END_CUT,   /* broken off: the visitor must not take what he has for the whole */
        _STREAM_END_MAX,
} StreamEnd;

typedef struct StreamOps {
        const char *protocol; /* as ALPN names it */
        bool http1; /* answers have fields of their framing and of the connection */
        /* The request's payload as it is here, in *ret, which is valid until it is consumed or looked at
         * again; behind an answer that upgrades, whatever the visitor says. 0: more may come; 1: behind *ret
         * is the end; -EBADMSG: malformed; else the visitor is gone. */
        int (*peek)(Stream *s, Slice *ret);
        void (*consume)(Stream *s, size_t n);
        /* How many bytes of payload are wanted for send(): what is read beyond them would only lie about. 0:
         * exchange_run() follows when some are; negative: gone. */
        ssize_t (*ready)(Stream *s);
        /* An answer's head (NULL: it was sent before), and payload behind it; last: and the end, where all
         * of it was taken. Only where ready() wants some, or with the whole of an answer. Returns how much
         * payload was taken; negative: gone, or -ENOBUFS: no place for such a head, and nothing was sent. */
        ssize_t (*send)(Stream *s, const Response *head, Slice data, bool last);
        /* The visitor reads no more. */
        bool (*is_left)(const Stream *s);
        /* The exchange has ended, and is no more. */
        void (*end)(Stream *s, StreamEnd how);
} StreamOps;

struct Stream {
        const StreamOps *ops;
        Exchange *exchange;
};
