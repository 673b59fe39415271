/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/h2-head.h"
#include "libhagw/net/buffer.h"

/* HTTP/2 (RFC 9113) on one visitor's connection: bytes in, requests out; answers in, bytes out. nghttp2 does
 * frames, HPACK and windows; here are the bounds that it leaves to us. Knows no socket, no loop, no clock.
 *
 * Handlers run within h2_receive() and h2_pull(): they may call everything here but these two and h2_free().
 * A stream lives from on_request to on_closed. */

#define H2_STREAMS_MAX 100U                   /* at once */
#define H2_STREAM_WINDOW 65535U               /* bytes of a body that nobody has taken yet (consume) */
#define H2_CONNECTION_WINDOW (1024U * 1024)   /* the same, of all streams */
#define H2_STREAM_OUT (64U * 1024)            /* bytes of an answer's body that wait for the visitor */
#define H2_CONNECTION_OUT (704U * 1024)       /* beyond it each stream may have one small buffer more */
#define H2_FRAME_MAX 16384U                   /* payload of a frame in either direction */
#define H2_PULL_MIN (H2_FRAME_MAX + 9U)       /* bytes of room that h2_pull() needs */
#define H2_ACKS_MAX 64U                       /* answers to PING and SETTINGS that wait to be sent */
#define H2_HEAD_FLOOD (256U * 1024)           /* bytes of one block's fields, unpacked, that end it all */

/* What costs us more than the visitor. Each takes a credit; a second gives some, and so does each answer
 * that was taken whole. Without credit the connection ends (ENHANCE_YOUR_CALM). */
typedef enum H2Trouble {
        H2_TROUBLE_RESET,     /* he took a request back (rapid reset) */
        H2_TROUBLE_PROVOKED,  /* we had to reset a stream for what he sent on it */
        H2_TROUBLE_PING,
        H2_TROUBLE_SETTINGS,
        H2_TROUBLE_PRIORITY,
        H2_TROUBLE_EMPTY,     /* DATA without any, and not the end */
        _H2_TROUBLE_MAX,
} H2Trouble;

#define H2_CREDIT_MAX 400U
#define H2_CREDIT_PER_SEC 20U

typedef struct H2 H2;

typedef struct H2Stream {
        struct H2Stream *next, **link;
        H2 *h2;
        int32_t id;
        void *owner;       /* not ours */
        Request request;
        Buffer *in, *out;  /* payload: of the request, of the answer */
        bool in_ended;     /* no more of it comes */
        bool answered;     /* the final head was given */
        bool out_last;     /* nothing is written behind what is in out */
        bool deferred;     /* nghttp2 waits for more of the answer */
        bool wants;        /* on_writable is owed */
        bool whole;        /* the answer is through */
        uint32_t error;    /* on_closed: the code of RST_STREAM (RFC 9113 section 7) */
        Header fields[];
} H2Stream;

typedef struct H2Ops {
        /* s->request, or v says why it is none: answer with that status. */
        void (*on_request)(H2Stream *s, H1Verdict v);
        /* More of the request's body is there, or its end. */
        void (*on_body)(H2Stream *s);
        /* h2_write() takes more than it did. */
        void (*on_writable)(H2Stream *s);
        /* s is freed behind it. s->whole: the answer went out to its end. */
        void (*on_closed)(H2Stream *s);
} H2Ops;

typedef struct H2Setup {
        const H2Ops *ops;
        void *owner;
        BufferPool *pool;
        H1Limits limits;
        const char *websocket_key; /* as h2_head_end() wants it; lives as long as the connection */
} H2Setup;

/* NULL: no memory. The first h2_pull() has our SETTINGS. */
H2 *h2_new(const H2Setup *setup, uint64_t now_usec);
/* Streams end without on_closed. Returns NULL. */
H2 *h2_free(H2 *h);
void *h2_owner(const H2 *h);

/* What came from the visitor, all of it. -EPROTO: what is to be pulled says why, then close; -ENOMEM. */
int h2_receive(H2 *h, const void *data, size_t size, uint64_t now_usec);
/* Fills out with what is to be sent; 0: nothing. size: at least H2_PULL_MIN. -EPROTO, -ENOMEM: close. */
ssize_t h2_pull(H2 *h, char *out, size_t size);
/* Everything has been said, on both sides. */
bool h2_is_over(const H2 *h);
size_t h2_n_streams(const H2 *h);
uint64_t h2_trouble(const H2 *h, H2Trouble t);

/* No new streams (GOAWAY); those that there are go on. Twice: the visitor has had time to hear of it, and
 * what crosses it now is refused in a way that lets him ask elsewhere. */
void h2_drain(H2 *h);

/* The request's body as it is here: *ret is valid until h2_consume() or the next h2_receive(). 0: *ret,
 * which may be empty, with more to come; 1: behind *ret is the end. */
int h2_peek(H2Stream *s, Slice *ret);
/* n bytes of it are taken: the visitor may send as many again. */
void h2_consume(H2Stream *s, size_t n);

/* An answer's head: interim (1xx) ones, then one final. last: no body follows. -ENOMEM; -EINVAL: its fields
 * cannot be said. */
int h2_answer(H2Stream *s, const Response *r, bool last);
/* A part of its body. Returns how much was taken; where that is less, on_writable follows. last: the end
 * stands behind it, if all was taken. */
size_t h2_write(H2Stream *s, const void *data, size_t size, bool last);
/* The stream ends at once with RST_STREAM, and on_closed follows. broken: the answer is not whole
 * (INTERNAL_ERROR); else what is left of the request is not wanted (NO_ERROR, RFC 9113 section 8.1): behind
 * the answer, once that is through. */
void h2_cut(H2Stream *s, bool broken);
