/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/h1-body.h"
#include "libhagw/net/transport.h"

/* Bodies of HTTP/1.1: payload out of its framing, where it lies in the buffer it was read into, and payload
 * in its framing to a transport. Bounded by that buffer and by the one that the transport keeps. */

#define FLOW_WRITE_MAX (63U * 1024) /* bytes of payload at once, with framing or a head */
#define FLOW_SPACE (FLOW_WRITE_MAX + H1_CHUNK_HEAD_MAX + 16U) /* bytes behind a prefix */

typedef struct Flow {
        H1Body body;
        Slice ready; /* payload that nobody has taken yet: in the buffer, in front of what is in it */
} Flow;

void flow_init(Flow *f, BodyKind kind, uint64_t size, H1Reading reading);

/* Takes the framing off all that the buffer (NULL: none) holds of the body, and moves its payload together.
 * Only while nothing is ready. 0: more is to come; 1: behind what is ready is the end; -EBADMSG. */
int flow_read(Flow *f, Buffer *in);
static inline bool flow_is_done(const Flow *f) {
        return f->body.kind == BODY_NONE || h1_body_done(&f->body);
}
static inline void flow_take(Flow *f, size_t n) {
        f->ready.p += n;
        f->ready.n -= n;
}

/* Payload goes out, chunked where kind says so, and behind it with last the end. The first prefix bytes of
 * scratch, which has FLOW_SPACE bytes behind them, go before it, in one record of TLS. Returns how much was
 * taken: where that is not all, the end is not said. Negative: broken. */
ssize_t flow_write(Transport *to, char *scratch, size_t prefix, BodyKind kind, Slice data, bool last);
