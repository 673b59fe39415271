/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chunked bodies: cut anywhere they mean the same, and where llhttp also finds an end, it is this end and
 * this payload. */

#include <llhttp.h>

#include "h1-body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Payload {
        char *p;
        size_t n, used; /* used: bytes of the body until its end; 0: none found */
} Payload;

static int on_body(llhttp_t *l, const char *at, size_t n) {
        Payload *p = l->data;

        memcpy(p->p + p->n, at, n);
        p->n += n;
        return 0;
}

static int on_end(llhttp_t *l) {
        return HPE_PAUSED;
}

static Payload read_ours(const char *in, size_t size, size_t step) {
        Payload p = { .p = malloc(size + 1) };
        H1BodyResult r = H1_BODY_MORE;
        size_t used, at = 0;
        Slice data;
        H1Body b;

        h1_body_init(&b, BODY_CHUNKED, 0);
        while (r != H1_BODY_END && r != H1_BODY_BAD && (at < size || r == H1_BODY_DATA)) {
                r = h1_body_next(&b, in + at, MIN(step, size - at), &used, &data);
                at += used;
                if (r != H1_BODY_DATA)
                        continue;
                memcpy(p.p + p.n, data.p, data.n);
                p.n += data.n;
        }
        p.used = r == H1_BODY_END ? at : 0;
        return p;
}

static Payload read_llhttp(const char *in, size_t size) {
        static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        Payload p = { .p = malloc(size + 1) };
        llhttp_settings_t s;
        llhttp_t l;

        llhttp_settings_init(&s);
        s.on_body = on_body;
        s.on_message_complete = on_end;
        llhttp_init(&l, HTTP_REQUEST, &s);
        l.data = &p;
        assert(llhttp_execute(&l, head, sizeof(head) - 1) == HPE_OK);
        if (llhttp_execute(&l, in, size) == HPE_PAUSED)
                p.used = (size_t) (llhttp_get_error_pos(&l) - in);
        return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Payload whole, cut, other;

        if (size < 1)
                return 0;
        whole = read_ours((const char *) data + 1, size - 1, size);
        cut = read_ours((const char *) data + 1, size - 1, (data[0] & 15) + 1U);
        other = read_llhttp((const char *) data + 1, size - 1);
        assert(whole.used == cut.used &&
               (whole.used == 0 || (whole.n == cut.n && memcmp(whole.p, cut.p, cut.n) == 0)));
        if (whole.used > 0 && other.used > 0)
                assert(whole.used == other.used && whole.n == other.n &&
                       memcmp(whole.p, other.p, other.n) == 0);
        free(whole.p);
        free(cut.p);
        free(other.p);
        return 0;
}
