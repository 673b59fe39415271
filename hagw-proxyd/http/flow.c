/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bodies under backpressure. Runs in the worker's thread. */

#include "hagw-proxyd/http/flow.h"

#define RECORD_MAX 16384U /* a head and the begin of its body make one TLS record */

void flow_init(Flow *f, BodyKind kind, uint64_t size, H1Reading reading) {
        *f = (Flow) {};
        h1_body_init(&f->body, kind, size, reading);
}

/* Mostly it is one piece, and stays where it is. */
static void add(Flow *f, Slice data) {
        if (f->ready.n == 0)
                f->ready.p = data.p;
        else
                memmove((char *) f->ready.p + f->ready.n, data.p, data.n);
        f->ready.n += data.n;
}

int flow_read(Flow *f, Buffer *in) {
        H1BodyResult r;

        assert(f->ready.n == 0);
        if (flow_is_done(f))
                return 1;
        do {
                size_t used;
                Slice data;

                r = h1_body_next(&f->body, in ? buffer_at(in) : NULL, buffer_used(in), &used, &data);
                if (r == H1_BODY_BAD)
                        return -EBADMSG;
                if (in)
                        in->begin += used;
                if (r == H1_BODY_DATA)
                        add(f, data);
        } while (r == H1_BODY_DATA && !h1_body_done(&f->body) && buffer_used(in) > 0);
        return flow_is_done(f);
}

static size_t put(char *to, const void *from, size_t n) {
        memcpy(to, from, n);
        return n;
}

static size_t put_chunk(char *out, Slice data, bool last) {
        size_t n = 0;

        if (data.n > 0) {
                n = h1_chunk_head(data.n, out);
                n += put(out + n, data.p, data.n);
                n += put(out + n, H1_CHUNK_END, sizeof(H1_CHUNK_END) - 1);
        }
        if (last)
                n += put(out + n, H1_CHUNK_LAST, sizeof(H1_CHUNK_LAST) - 1);
        return n;
}

ssize_t flow_write(Transport *to, char *scratch, size_t prefix, BodyKind kind, Slice data, bool last) {
        size_t max = kind == BODY_CHUNKED || prefix > 0 ? FLOW_WRITE_MAX : TRANSPORT_WRITE_MAX;
        struct iovec iov = { scratch, prefix };
        int r;

        if (data.n > max) {
                data.n = max;
                last = false;
        }
        if (kind == BODY_CHUNKED)
                iov.iov_len += put_chunk(scratch + prefix, data, last);
        else if (prefix > 0) {
                data.n = MIN(data.n, prefix < RECORD_MAX ? RECORD_MAX - prefix : 0);
                if (data.n > 0)
                        iov.iov_len += put(scratch + prefix, data.p, data.n);
        } else
                iov = (struct iovec) { (char *) data.p, data.n };
        if (iov.iov_len == 0)
                return 0;
        r = transport_write(to, &iov, 1);
        return r < 0 ? r : (ssize_t) data.n;
}
