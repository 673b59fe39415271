/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <nghttp2/nghttp2.h>

#include "hagw-proxyd/h2/h2.h"

/* Between h2.c and h2-send.c. */

struct H2 {
        nghttp2_session *session;
        H2Setup setup;
        H2Stream *streams;
        size_t n_streams;
        size_t out_bytes;  /* allocated for answers, beyond one small buffer a stream */
        uint64_t troubles[_H2_TROUBLE_MAX];
        unsigned credit;
        uint64_t credit_usec; /* when it was given last */
        size_t head_bytes;    /* of the block that is being received, unpacked */
        Buffer *block;        /* it, where it is a request's; else NULL */
        H2Head head;
        Request request;
        bool draining;
        char *pull;           /* within h2_pull() */
        size_t pull_size, pull_used;
};

/* Room for n more bytes behind what is in *b, which may be NULL. -ENOMEM. */
int h2_make_room(BufferPool *pool, Buffer **b, size_t n);
/* What waits of the answer is not wanted any more, or there is none. */
void h2_drop_out(H2Stream *s);
/* A frame's head, and so much of the answer. */
int h2_on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t n,
                    nghttp2_data_source *source, void *userdata);
