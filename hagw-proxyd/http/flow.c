/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bodies under backpressure. Runs in the worker's thread. */

#include "hagw-proxyd/http/flow.h"

#define CHUNK_SPACE (H1_CHUNK_HEAD_MAX + sizeof(H1_CHUNK_END) + sizeof(H1_CHUNK_LAST))
#define RECORD_MAX 16384U /* a head and the begin of its body make one TLS record */

void flow_init(Flow *f, BodyKind in, uint64_t size, H1Reading reading, BodyKind out) {
        *f = (Flow) { .kind = out };
        h1_body_init(&f->body, in, size, reading);
        f->done = in == BODY_NONE || h1_body_done(&f->body);
}

static FlowResult send_scratch(Flow *f, Transport *to, const char *scratch, size_t n) {
        struct iovec iov = { (char *) scratch, n };

        if (n > 0 && transport_write(to, &iov, 1) < 0)
                return FLOW_BROKEN;
        return f->done ? FLOW_DONE : FLOW_MOVED;
}

/* Payload into chunks of our own, as many as fit. */
static FlowResult move_chunked(Flow *f, Buffer *in, Transport *to, char *scratch, size_t prefix) {
        size_t n = prefix, limit = prefix + FLOW_MOVE_MAX;
        H1BodyResult r = H1_BODY_MORE;

        while (!f->done && n + CHUNK_SPACE < limit) {
                size_t used, size = in ? MIN(buffer_used(in), limit - n - CHUNK_SPACE) : 0;
                Slice data;

                r = h1_body_next(&f->body, in ? buffer_at(in) : NULL, size, &used, &data);
                if (in)
                        in->begin += used;
                if (r == H1_BODY_BAD)
                        return FLOW_BAD;
                if (r == H1_BODY_MORE)
                        break;
                if (r == H1_BODY_DATA) {
                        n += h1_chunk_head(data.n, scratch + n);
                        memcpy(scratch + n, data.p, data.n);
                        memcpy(scratch + n + data.n, H1_CHUNK_END, sizeof(H1_CHUNK_END) - 1);
                        n += data.n + sizeof(H1_CHUNK_END) - 1;
                        f->n += data.n;
                        continue;
                }
                memcpy(scratch + n, H1_CHUNK_LAST, sizeof(H1_CHUNK_LAST) - 1);
                n += sizeof(H1_CHUNK_LAST) - 1;
                f->done = true;
        }
        if (n == 0 && r == H1_BODY_MORE)
                return FLOW_HUNGRY;
        return send_scratch(f, to, scratch, n);
}

/* Payload as it is: from where it lies, but for the first bytes after a head. */
static FlowResult move_plain(Flow *f, Buffer *in, Transport *to, char *scratch, size_t prefix) {
        size_t used, size = in ? MIN(buffer_used(in), (size_t) FLOW_MOVE_MAX) : 0;
        struct iovec iov;
        Slice data;

        if (prefix > 0)
                size = MIN(size, prefix < RECORD_MAX ? RECORD_MAX - prefix : 0);
        if (size == 0)
                return prefix > 0 ? send_scratch(f, to, scratch, prefix) : FLOW_HUNGRY;
        if (h1_body_next(&f->body, buffer_at(in), size, &used, &data) != H1_BODY_DATA)
                return FLOW_BAD;
        if (prefix > 0) {
                memcpy(scratch + prefix, data.p, data.n);
                iov = (struct iovec) { scratch, prefix + data.n };
        } else
                iov = (struct iovec) { (char *) data.p, data.n };
        if (transport_write(to, &iov, 1) < 0)
                return FLOW_BROKEN;
        in->begin += used;
        f->n += data.n;
        f->done = h1_body_done(&f->body);
        return f->done ? FLOW_DONE : FLOW_MOVED;
}

FlowResult flow_move(Flow *f, Buffer *in, Transport *to, char *scratch, size_t prefix) {
        if (f->done && prefix == 0)
                return FLOW_DONE;
        if (transport_pending(to))
                return FLOW_BLOCKED;
        if (f->done)
                return send_scratch(f, to, scratch, prefix);
        return f->kind == BODY_CHUNKED ? move_chunked(f, in, to, scratch, prefix) :
                                         move_plain(f, in, to, scratch, prefix);
}

FlowResult flow_end(Flow *f, Transport *to) {
        struct iovec last = { (char *) H1_CHUNK_LAST, sizeof(H1_CHUNK_LAST) - 1 };

        if (f->done)
                return FLOW_DONE;
        if (transport_pending(to))
                return FLOW_BLOCKED;
        if (!h1_body_eof(&f->body))
                return FLOW_BAD;
        f->done = true;
        if (f->kind == BODY_CHUNKED && transport_write(to, &last, 1) < 0)
                return FLOW_BROKEN;
        return FLOW_DONE;
}
