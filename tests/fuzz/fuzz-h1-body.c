/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chunked bodies, strictly and leniently read: cut anywhere they mean the same; where llhttp also finds an
 * end, it is this end and this payload; and what is not odd is the same read either way. */

#include <llhttp.h>

#include "hagw-proxyd/wire/h1-body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Payload {
        char *p;
        size_t n, used; /* used: bytes of the body until its end; 0: none found */
        bool odd;
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

static Payload read_ours(const char *in, size_t size, size_t step, H1Reading reading) {
        Payload p = { .p = malloc(size + 1) };
        H1BodyResult r = H1_BODY_MORE;
        size_t used, at = 0;
        Slice data;
        H1Body b;

        h1_body_init(&b, BODY_CHUNKED, 0, reading);
        while (r != H1_BODY_END && r != H1_BODY_BAD && (at < size || r == H1_BODY_DATA)) {
                r = h1_body_next(&b, in + at, MIN(step, size - at), &used, &data);
                at += used;
                if (r != H1_BODY_DATA)
                        continue;
                memcpy(p.p + p.n, data.p, data.n);
                p.n += data.n;
        }
        p.used = r == H1_BODY_END ? at : 0;
        p.odd = b.odd;
        return p;
}

static Payload read_llhttp(const char *in, size_t size, H1Reading reading) {
        static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        Payload p = { .p = malloc(size + 1) };
        llhttp_settings_t s;
        llhttp_t l;

        llhttp_settings_init(&s);
        s.on_body = on_body;
        s.on_message_complete = on_end;
        llhttp_init(&l, HTTP_RESPONSE, &s);
        if (reading == H1_LENIENT) { /* not what it has for bare LF: of a size it then wants two */
                llhttp_set_lenient_headers(&l, 1);
                llhttp_set_lenient_spaces_after_chunk_size(&l, 1);
        }
        l.data = &p;
        assert(llhttp_execute(&l, head, sizeof(head) - 1) == HPE_OK);
        if (llhttp_execute(&l, in, size) == HPE_PAUSED)
                p.used = (size_t) (llhttp_get_error_pos(&l) - in);
        return p;
}

/* The first is done with. */
static void assert_same(Payload *p, const Payload *other) {
        assert(p->used == other->used);
        assert(p->used == 0 || (p->n == other->n && memcmp(p->p, other->p, p->n) == 0));
        free(p->p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        H1Reading reading = size > 0 && data[0] & 16 ? H1_LENIENT : H1_STRICT;
        const char *in = (const char *) data + 1;
        Payload whole, cut, other, strict;

        if (size-- < 1)
                return 0;
        whole = read_ours(in, size, size, reading);
        cut = read_ours(in, size, (data[0] & 15) + 1U, reading);
        assert_same(&cut, &whole);
        other = read_llhttp(in, size, reading);
        if (whole.used > 0 && other.used > 0)
                assert_same(&other, &whole);
        else
                free(other.p);
        if (whole.used > 0 && !whole.odd) {
                strict = read_ours(in, size, size, H1_STRICT);
                if (strict.used > 0) /* it has smaller limits */
                        assert_same(&strict, &whole);
                else
                        free(strict.p);
        }
        free(whole.p);
        return 0;
}
