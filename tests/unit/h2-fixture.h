/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "hagw-proxyd/h2/h2.h"
#include "libhagw/usec.h"
#include "tests/unit/test.h"

/* HTTP/2 with nghttp2's own client at the other end, in one process. */

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define NOW (1000 * USEC_PER_SEC)

typedef struct Fixture {
        BufferPool pool;
        H2 *h;
        nghttp2_session *client;
        /* The server's side. */
        H2Stream *streams[H2_STREAMS_MAX];
        size_t n_streams, n_requests, n_bodies, n_closed, n_whole;
        H1Verdict verdict;
        size_t n_malformed, n_errors, n_troubles[_H2_TROUBLE_MAX], n_calmed;
        const char *why;
        bool hold; /* what is asked is not answered */
        /* The client's. */
        char body[1024 * 1024];
        size_t body_size, n_answers, n_resets, n_interim;
        uint32_t goaway, reset;
        char status[4];
        size_t n_known, n_others; /* fields "set-cookie", "x-other" */
        char large;               /* what all of "x-large" is made of */
        size_t upload; /* bytes that it still sends */
        bool endless;  /* and does not end */
} Fixture;

static Fixture f;

static _unused_ int answer(H2Stream *s, unsigned status, bool last) {
        Header fields[4];
        Response r = { .status = status, .headers = { .items = fields, .max = 4 } };

        if (status < 200)
                r.flags = RESPONSE_INTERIM;
        assert_int_equal(header_list_add(&r.headers, "Content-Type", SLICE("text/plain")), 0);
        assert_int_equal(header_list_add(&r.headers, "Connection", SLICE("close")), 0);
        return h2_answer(s, &r, last);
}

static _unused_ void on_request(H2Stream *s, H1Verdict v) {
        f.n_requests++;
        f.verdict = v;
        f.streams[f.n_streams++] = s;
        if (f.hold)
                return;
        assert_int_equal(answer(s, v == H1_OK ? 200 : h1_verdict_status(v), false), 0);
        assert_int_equal(h2_write(s, "hello", 5, true), 5);
}

static _unused_ void on_body(H2Stream *s) {
        f.n_bodies++;
}

static _unused_ void on_closed(H2Stream *s) {
        f.n_closed++;
        f.n_whole += s->whole;
        for (size_t i = 0; i < f.n_streams; i++)
                if (f.streams[i] == s) {
                        f.streams[i] = f.streams[--f.n_streams];
                        break;
                }
}

static _unused_ void on_malformed(H2 *h, const char *why) {
        f.n_malformed++;
        f.why = why;
}

static _unused_ void on_error(H2 *h) {
        f.n_errors++;
}

static _unused_ void on_trouble(H2 *h, H2Trouble t) {
        f.n_troubles[t]++;
}

static _unused_ void on_calmed(H2 *h) {
        f.n_calmed++;
}

static const H2Ops ops = {
        .on_request = on_request,
        .on_body = on_body,
        .on_closed = on_closed,
        .on_malformed = on_malformed,
        .on_error = on_error,
        .on_trouble = on_trouble,
        .on_calmed = on_calmed,
};

static _unused_ int client_on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                                   size_t n, void *userdata) {
        assert_true(f.body_size + n <= sizeof(f.body));
        memcpy(f.body + f.body_size, data, n);
        f.body_size += n;
        return 0;
}

static _unused_ int client_on_header(nghttp2_session *session, const nghttp2_frame *frame,
                                     const uint8_t *name,
                                     size_t name_size, const uint8_t *value,
                                     size_t value_size, uint8_t flags, void *userdata) {
        if (name_size == 7 && memcmp(name, ":status", 7) == 0)
                memcpy(f.status, value, 3);
        f.n_known += name_size == 10 && memcmp(name, "set-cookie", 10) == 0;
        f.n_others += name_size == 7 && memcmp(name, "x-other", 7) == 0;
        if (name_size == 7 && memcmp(name, "x-large", 7) == 0)
                f.large = memcmp(value, value + 1, value_size - 1) == 0 ? (char) *value : 0;
        assert_true(name_size != 10 || memcmp(name, "connection", 10) != 0);
        return 0;
}

static _unused_ int client_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *userdata) {
        if (frame->hd.type == NGHTTP2_HEADERS) {
                f.n_interim += f.status[0] == '1';
                f.n_answers += f.status[0] != '1';
        } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
                f.n_resets++;
                f.reset = frame->rst_stream.error_code;
        } else if (frame->hd.type == NGHTTP2_GOAWAY)
                f.goaway = frame->goaway.error_code;
        return 0;
}

static _unused_ nghttp2_ssize client_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t size,
                                 uint32_t *flags, nghttp2_data_source *source, void *userdata) {
        size_t n = MIN(size, f.upload);

        if (n == 0 && f.endless)
                return NGHTTP2_ERR_DEFERRED;
        memset(buf, 'u', n);
        f.upload -= n;
        if (f.upload == 0 && !f.endless)
                *flags |= NGHTTP2_DATA_FLAG_EOF;
        return (nghttp2_ssize) n;
}

static _unused_ int setup(void **state) {
        nghttp2_session_callbacks *c;
        H2Setup s = { .ops = &ops,
                      .owner = &f,
                      .pool = &f.pool,
                      .limits = { 4096, 32 },
                      .websocket_key = KEY };

        memset(&f, 0, sizeof(f));
        f.goaway = f.reset = UINT32_MAX;
        f.h = h2_new(&s, NOW);
        assert_non_null(f.h);
        assert_int_equal(nghttp2_session_callbacks_new(&c), 0);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, client_on_data);
        nghttp2_session_callbacks_set_on_header_callback(c, client_on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(c, client_on_frame);
        assert_int_equal(nghttp2_session_client_new(&f.client, c, NULL), 0);
        nghttp2_session_callbacks_del(c);
        assert_int_equal(nghttp2_submit_settings(f.client, NGHTTP2_FLAG_NONE, NULL, 0), 0);
        return 0;
}

static _unused_ int teardown(void **state) {
        h2_free(f.h);
        nghttp2_session_del(f.client);
        assert_int_equal(f.pool.used, 0);
        buffer_pool_done(&f.pool);
        return 0;
}

/* Bytes both ways until neither has any. Returns what the server's side said last. */
static _unused_ int run(void) {
        static char out[H2_PULL_MIN + 100];
        const uint8_t *data;
        ssize_t n, m;
        int r = 0;

        do {
                n = nghttp2_session_mem_send2(f.client, &data);
                assert_true(n >= 0);
                if (n > 0 && r == 0)
                        r = h2_receive(f.h, data, (size_t) n, NOW);
                m = h2_pull(f.h, out, sizeof(out));
                if (m > 0)
                        assert_int_equal(
                                nghttp2_session_mem_recv2(f.client, (const uint8_t *) out, (size_t) m), m);
        } while (n > 0 || m > 0);
        return r;
}

static _unused_ int feed(const void *data, size_t size) {
        int r = h2_receive(f.h, data, size, NOW);

        return r < 0 ? r : run();
}

#define NV(name, value) { (uint8_t *) name, (uint8_t *) value, sizeof(name) - 1, sizeof(value) - 1, 0 }

static _unused_ int32_t ask(const char *path, bool upload) {
        const nghttp2_nv nv[] = { NV(":method", "POST"), NV(":scheme", "https"),
                                  NV(":authority", "a.example"),
                                  { (uint8_t *) ":path", (uint8_t *) path, 5, strlen(path), 0 } };
        const nghttp2_data_provider2 body = { .read_callback = client_read };
        int32_t id = nghttp2_submit_request2(f.client, NULL, nv, ELEMENTSOF(nv), upload ? &body : NULL,
                                             NULL);

        assert_true(id > 0);
        return id;
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
