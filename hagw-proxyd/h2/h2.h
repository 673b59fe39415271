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
#define H2_STREAM_WINDOW 65535U               /* bytes of a body that are still here (h2_grant()) */
#define H2_CONNECTION_WINDOW (448U * 1024)    /* the same, of all streams */
#define H2_STREAM_OUT (64U * 1024)            /* bytes of an answer's body that wait for the visitor */
/* Bytes of large buffers that a connection's streams may have; beyond it they are as large as what is in
 * them, and no more than a small one's content is read for a stream. So either direction stays below 1 MiB
 * where it stands still. */
#define H2_CONNECTION_PLENTY (480U * 1024)
#define H2_CONNECTION_OUT (1024U * 1024)      /* beyond it pages of our own are cut, too */
#define H2_HEADS_MAX (512U * 1024)            /* bytes of requests' heads; beyond it they are refused */
#define H2_FRAME_OUT (16384U - 9)             /* payload of DATA: a frame is a record of TLS */
#define H2_PULL_MIN (16384U + 9U)             /* bytes of room that h2_pull() needs */
#define H2_QUEUE_MAX 256U                     /* frames that wait, but for DATA: see h2_is_behind() */
#define H2_QUEUE_END 1024U            /* the same: who makes us say more than that has no credit */
#define H2_ACKS_MAX 64U                       /* answers to PING and SETTINGS that wait to be sent */
#define H2_ANSWER_HEAD_MAX (2U * H1_HEAD_SIZE_MAX) /* bytes of an answer's head, packed at the worst */
#define H2_HEAD_FLOOD (256U * 1024)           /* bytes of one block's fields, unpacked, that end it all */
/* Bytes of nghttp2's own memory: tables, streams, and what waits to be sent but for bodies. Beyond the first
 * no further answer is begun until some of that has gone; beyond the second the connection ends. */
#define H2_LIBRARY_PLENTY (256U * 1024)
#define H2_LIBRARY_MAX (1024U * 1024)

/* What costs us more than the visitor. Each takes a credit; a second gives some, and so does each answer
 * that was taken whole. Without credit the connection ends (ENHANCE_YOUR_CALM). */
typedef enum H2Trouble {
        H2_TROUBLE_RESET,     /* he took a request back (rapid reset) */
        H2_TROUBLE_PROVOKED,  /* we had to reset a stream for what he sent on it */
        H2_TROUBLE_PING,
        H2_TROUBLE_SETTINGS,
        H2_TROUBLE_PRIORITY,
        H2_TROUBLE_EMPTY,     /* DATA without any, and not the end */
        H2_TROUBLE_LATE,      /* a head for a stream that is no more: unpacked for nothing */
        _H2_TROUBLE_MAX,
} H2Trouble;

#define H2_CREDIT_MAX 400U
#define H2_CREDIT_PER_SEC 20U

#define H2_WORK_FRAME 256U /* of a frame that comes */
#define H2_WORK_FIELD 256U /* of a field that is unpacked, and kept for the next heads */

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
        bool said;         /* the answer's end was sent */
        bool enough;       /* behind it the rest of the request is not wanted */
        size_t taken;      /* bytes of the request's body that were, and for which no more may come yet */
        size_t size;       /* of this */
        bool whole;        /* the answer is through */
        bool broken;       /* on_closed: the request was malformed */
        Header fields[];
} H2Stream;

typedef enum H2Cut {
        H2_CUT_BROKEN,  /* the answer is not whole */
        H2_CUT_REFUSED, /* nothing was done: he may ask again */
        H2_CUT_ENOUGH,  /* the rest of the request is not wanted: behind the answer (RFC 9113 section 8.1) */
        _H2_CUT_MAX,
} H2Cut;

typedef struct H2Ops {
        /* s->request, or v says why it is none: answer with that status. */
        void (*on_request)(H2Stream *s, H1Verdict v);
        /* More of the request's body is there, or its end. */
        void (*on_body)(H2Stream *s);
        /* s is freed behind it. s->whole: the answer went out to its end. */
        void (*on_closed)(H2Stream *s);
        /* A request that is none; its stream is reset. why: static. */
        void (*on_malformed)(H2 *h, const char *why);
        /* What he says is no HTTP/2 any more, and he is told so (GOAWAY). */
        void (*on_error)(H2 *h);
        void (*on_trouble)(H2 *h, H2Trouble t);
        /* Its credit is used up. Once. */
        void (*on_calmed)(H2 *h);
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
/* Fills out with what is to be sent, whole frames; 0: nothing. size: at least H2_PULL_MIN. -EPROTO, -ENOMEM:
 * close. */
ssize_t h2_pull(H2 *h, char *out, size_t size);
/* Everything has been said, on both sides. */
bool h2_is_over(const H2 *h);
/* He is to take what there is to be said before he is listened to any further. */
bool h2_is_behind(const H2 *h);
/* He has begun a head, or his first word, and not come to its end. */
bool h2_has_half_head(const H2 *h);
size_t h2_n_streams(const H2 *h);
/* What has come, ever, weighs so much beside its bytes, measured in bytes that are decrypted meanwhile. */
uint64_t h2_work(const H2 *h);
uint64_t h2_n_sent(const H2 *h);   /* bytes of answers' bodies, ever */
size_t h2_held(const H2 *h);       /* bytes of memory */
uint64_t h2_trouble(const H2 *h, H2Trouble t);
const char *h2_trouble_name(H2Trouble t);
/* Its credit is used up. */
bool h2_is_calmed(const H2 *h);

/* No new streams (GOAWAY); those that there are go on. Twice: the visitor has had time to hear of it, and
 * what crosses it now is refused in a way that lets him ask elsewhere. */
void h2_drain(H2 *h);

/* The request's body as it is here: *ret is valid until h2_take() or the next h2_receive(). 0: *ret,
 * which may be empty, with more to come; 1: behind *ret is the end. */
int h2_peek(H2Stream *s, Slice *ret);
/* The body is the caller's, who gives it back to the pool: for a stream that ends before somebody has taken
 * it. NULL: there is none. */
Buffer *h2_leave_body(H2Stream *s);
/* n bytes of it are taken. */
void h2_take(H2Stream *s, size_t n);
/* n bytes that were taken are gone from here: the visitor may send as many again. */
void h2_grant(H2Stream *s, size_t n);

/* An answer's head: interim (1xx) ones, then one final. last: no body follows. -ENOMEM; -EINVAL: its fields
 * cannot be said. */
int h2_answer(H2Stream *s, const Response *r, bool last);
/* How much of its body is wanted now. 0: maybe after the next h2_pull(). */
size_t h2_room(const H2Stream *s);
/* A part of its body. Returns how much was taken, at least what h2_room() said, or -ENOMEM. last: the end
 * stands behind it, if all was taken. */
ssize_t h2_write(H2Stream *s, const void *data, size_t size, bool last);
/* The stream ends with RST_STREAM, and on_closed follows. */
void h2_cut(H2Stream *s, H2Cut how);
