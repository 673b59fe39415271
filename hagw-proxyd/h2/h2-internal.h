/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <nghttp2/nghttp2.h>

#include "hagw-proxyd/h2/h2-ids.h"
#include "hagw-proxyd/h2/h2.h"

/* Between h2.c, h2-send.c, and h2-memory.c. */

struct H2 {
        nghttp2_session *session;
        H2Setup setup;
        H2Stream *streams;
        H2Ids ids;
        size_t n_streams;
        size_t held;       /* bytes of bodies' buffers, beyond one small buffer each way and stream */
        size_t heads;      /* bytes of what streams are made of, their requests' heads */
        size_t library;    /* bytes that nghttp2 has, with what malloc() adds */
        bool lent;         /* the thread's room for a frame (h2_library) */
        uint64_t sent;     /* bytes of answers' bodies, ever */
        uint64_t work;     /* h2_work() */
        uint64_t troubles[_H2_TROUBLE_MAX];
        unsigned credit;
        uint64_t credit_usec; /* when it was given last */
        size_t head_bytes;    /* of the block that is being received, unpacked */
        Buffer *block;        /* it, where it is a request's; else NULL */
        bool in_block;        /* it has not come to its end */
        bool unseen;          /* the frame that came last begins a head, which is not shown to us */
        bool greeted;         /* the visitor's first frame has come */
        H2Head head;
        Request request;
        bool draining, calmed;
        char *pull;           /* within h2_pull() */
        size_t pull_size, pull_used;
};

/* What its session gets its memory by: counted, bounded, and one buffer lent; see h2-memory.c. */
nghttp2_mem h2_library(H2 *h);
/* Behind what was pulled: nothing of it stays in the buffer that is lent. n: bytes of the longest frame. */
void h2_library_wipe(size_t n);
/* Room for n more bytes behind what is in *b, which may be NULL. -ENOMEM. */
int h2_make_room(H2 *h, Buffer **b, size_t n);
/* The same is not wanted any more, or there is none. */
void h2_drop(H2 *h, Buffer **b);
/* How much more of an answer may be kept. */
size_t h2_most(const H2Stream *s);
/* None is left. */
void h2_calm(H2 *h);
/* Costs credit; maybe the last. */
void h2_trouble_add(H2 *h, H2Trouble t);
int h2_on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *userdata);
/* A frame's head, and so much of the answer. */
int h2_on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t n,
                    nghttp2_data_source *source, void *userdata);
