/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A visitor's bytes behind HTTP/2's preface. Each request is answered, with what its first letters ask for:
 * at once, in pieces, never, cut. */

#include "hagw-proxyd/h2/h2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_request(H2Stream *s, H1Verdict v) {
        static char body[3 * H2_STREAM_OUT];
        Header fields[2];
        Response r = { .status = v == H1_OK ? 200 : h1_verdict_status(v),
                       .headers = { .items = fields, .max = 2 } };

        (void) header_list_add(&r.headers, "X-A", SLICE("b"));
        switch (s->request.target.n % 4) {
        case 0:
                (void) h2_answer(s, &r, true);
                break;
        case 1:
                (void) h2_answer(s, &r, false);
                (void) h2_write(s, body, sizeof(body), true);
                break;
        case 2:
                h2_cut(s, H2_CUT_BROKEN);
                break;
        default:
                break;
        }
}

static void on_body(H2Stream *s) {
        Slice in;

        (void) h2_peek(s, &in);
        if (in.n % 2 == 0) {
                h2_take(s, in.n);
                h2_grant(s, in.n);
        }
        if (s->answered && h2_room(s) > 0)
                (void) h2_write(s, "more", 4, true);
}

static void on_closed(H2Stream *s) {
        (*(unsigned *) h2_owner(s->h2))++;
}

static void on_malformed(H2 *h, const char *why) {
        assert(why);
}

static void on_something(H2 *h) {
}

static void on_trouble(H2 *h, H2Trouble t) {
}

static const H2Ops ops = {
        .on_request = on_request,
        .on_body = on_body,
        .on_closed = on_closed,
        .on_malformed = on_malformed,
        .on_error = on_something,
        .on_trouble = on_trouble,
        .on_calmed = on_something,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        static char out[H2_PULL_MIN];
        BufferPool pool = {};
        unsigned closed = 0;
        H2Setup setup = { .ops = &ops,
                          .owner = &closed,
                          .pool = &pool,
                          .limits = { 4096, 32 },
                          .websocket_key = "dGhlIHNhbXBsZSBub25jZQ==" };
        H2 *h = h2_new(&setup, 1);

        if (h2_receive(h, preface, sizeof(preface) - 1, 1) == 0 && h2_receive(h, data, size, 2) == 0)
                while (h2_pull(h, out, sizeof(out)) > 0)
                        ;
        h2_free(h);
        assert(pool.used == 0);
        buffer_pool_done(&pool);
        return 0;
}
