/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP/2 with nghttp2's client: requests, bodies, windows, the end. */

#include "hagw-proxyd/h2/h2-internal.h"
#include "tests/unit/h2-fixture.h"

static void test_request(void **state) {
        ask("/x", false);
        assert_int_equal(run(), 0);
        assert_int_equal(f.n_requests, 1);
        assert_int_equal(f.verdict, H1_OK);
        assert_int_equal(f.n_answers, 1);
        assert_string_equal(f.status, "200");
        assert_int_equal(f.body_size, 5);
        assert_memory_equal(f.body, "hello", 5);
        assert_int_equal(f.n_closed, 1);
        assert_int_equal(f.n_whole, 1);
        assert_int_equal(h2_n_streams(f.h), 0);
}

/* What is no request is answered, what is malformed is reset, and the connection goes on. */
static void test_refusals(void **state) {
        const nghttp2_nv trace[] = { NV(":method", "TRACE"), NV(":scheme", "https"), NV(":authority", "a"),
                                     NV(":path", "/") },
                         scheme[] = { NV(":method", "GET"), NV(":scheme", "http"), NV(":authority", "a"),
                                      NV(":path", "/") },
                         name[] = { NV(":method", "GET"), NV(":scheme", "https"), NV(":authority", "a"),
                                    NV(":path", "/"), NV("x a", "b") };

        assert_true(nghttp2_submit_request2(f.client, NULL, trace, 4, NULL, NULL) > 0);
        assert_int_equal(run(), 0);
        assert_int_equal(f.verdict, H1_REFUSED_METHOD);
        assert_string_equal(f.status, "405");
        assert_true(nghttp2_submit_request2(f.client, NULL, scheme, 4, NULL, NULL) > 0);
        assert_int_equal(run(), 0);
        assert_int_equal(f.reset, NGHTTP2_PROTOCOL_ERROR);
        f.reset = UINT32_MAX;
        assert_true(nghttp2_submit_request2(f.client, NULL, name, 5, NULL, NULL) > 0);
        assert_int_equal(run(), 0);
        assert_int_equal(f.reset, NGHTTP2_PROTOCOL_ERROR);
        assert_int_equal(f.n_requests, 1);
        assert_int_equal(h2_trouble(f.h, H2_TROUBLE_PROVOKED), 2);
        ask("/", false);
        assert_int_equal(run(), 0);
        assert_string_equal(f.status, "200");
        assert_int_equal(f.goaway, UINT32_MAX);
}

/* A service that takes nothing: the visitor may send what the window holds, and no more; then all of it. */
static void test_upload_waits(void **state) {
        size_t taken = 0;
        Slice s;

        f.hold = true;
        f.upload = 300000;
        ask("/", true);
        assert_int_equal(run(), 0);
        assert_int_equal(f.n_requests, 1);
        assert_int_equal(h2_peek(f.streams[0], &s), 0);
        assert_int_equal(s.n, H2_STREAM_WINDOW);
        assert_true(f.pool.used <= 2 * (H2_STREAM_WINDOW + 1));
        for (unsigned i = 0; i < 100 && !h2_peek(f.streams[0], &s); i++) {
                taken += s.n;
                h2_take(f.streams[0], s.n);
                h2_grant(f.streams[0], s.n);
                assert_int_equal(run(), 0);
        }
        assert_int_equal(taken + s.n, 300000);
        assert_int_equal(answer(f.streams[0], 204, true), 0);
        assert_int_equal(run(), 0);
        assert_string_equal(f.status, "204");
        assert_int_equal(f.n_whole, 1);
}

/* As many as there may be, none of them taken: the connection's window is the bound. */
static void test_uploads_wait_together(void **state) {
        f.hold = f.endless = true;
        f.upload = SIZE_MAX / 2;
        for (unsigned i = 0; i < 40; i++)
                ask("/", true);
        assert_int_equal(run(), 0);
        assert_int_equal(f.n_requests, 40);
        assert_true(f.upload >= SIZE_MAX / 2 - H2_CONNECTION_WINDOW);
        assert_true(f.upload <= SIZE_MAX / 2 - H2_CONNECTION_WINDOW + H2_STREAM_WINDOW);
        /* One that is given up gives its bytes back to the others. */
        h2_cut(f.streams[0], H2_CUT_BROKEN);
        assert_int_equal(run(), 0);
        assert_true(f.upload <= SIZE_MAX / 2 - H2_CONNECTION_WINDOW);
}

/* A visitor who takes nothing: what is kept for him has a bound, and each stream gets something. */
static void test_answers_wait(void **state) {
        const nghttp2_settings_entry shut = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0 };
        static char data[H2_STREAM_OUT];
        size_t kept = 0, most = 0;

        assert_int_equal(nghttp2_submit_settings(f.client, NGHTTP2_FLAG_NONE, &shut, 1), 0);
        f.hold = true;
        for (unsigned i = 0; i < H2_STREAMS_MAX; i++)
                ask("/", false);
        assert_int_equal(run(), 0);
        assert_int_equal(f.n_streams, H2_STREAMS_MAX);
        for (size_t i = 0; i < f.n_streams; i++) {
                size_t n = h2_room(f.streams[i]);

                assert_true(n >= BUFFER_SIZE_SMALL);
                assert_int_equal(answer(f.streams[i], 200, false), 0);
                assert_int_equal(h2_write(f.streams[i], data, n, false), n);
                assert_int_equal(h2_room(f.streams[i]), 0);
                kept += n;
                most = MAX(most, n);
        }
        assert_int_equal(run(), 0);
        assert_int_equal(most, BUFFER_SIZE_SMALL); /* nothing would go out */
        assert_true(f.pool.used <= 1024 * 1024);
        assert_true(h2_held(f.h) <= f.pool.used);
        assert_int_equal(f.body_size, 0);
        assert_int_equal(nghttp2_submit_settings(f.client, NGHTTP2_FLAG_NONE,
                                                 &(nghttp2_settings_entry) {
                                                         NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535 },
                                                 1),
                         0);
        /* The connection's own window is still 65535. */
        assert_int_equal(nghttp2_submit_window_update(f.client, NGHTTP2_FLAG_NONE, 0, 1 << 24), 0);
        assert_int_equal(run(), 0);
        assert_int_equal(f.body_size, kept);
        assert_true(h2_room(f.streams[0]) > 0);
}

static void test_interim_and_room(void **state) {
        static char data[3 * H2_STREAM_OUT];
        size_t n = 0;

        f.hold = true;
        ask("/", false);
        assert_int_equal(run(), 0);
        assert_int_equal(answer(f.streams[0], 103, false), 0);
        assert_int_equal(answer(f.streams[0], 200, false), 0);
        assert_int_equal(nghttp2_submit_window_update(f.client, NGHTTP2_FLAG_NONE, 0, 1 << 24), 0);
        assert_int_equal(nghttp2_submit_window_update(f.client, NGHTTP2_FLAG_NONE, 1, 1 << 24), 0);
        while (n < sizeof(data)) {
                size_t k = h2_write(f.streams[0], data + n, sizeof(data) - n, true);

                n += k;
                assert_true(k > 0);
                assert_int_equal(h2_room(f.streams[0]), 0);
                assert_int_equal(run(), 0);
                assert_true(n == sizeof(data) || h2_room(f.streams[0]) > 0);
        }
        assert_int_equal(f.n_interim, 1);
        assert_int_equal(f.body_size, sizeof(data));
        assert_int_equal(f.n_whole, 1);
}

/* The answer is through before the request is: what is left is not wanted. */
static void test_early_answer(void **state) {
        f.endless = true;
        f.upload = 10;
        ask("/", true);
        assert_int_equal(run(), 0);
        assert_int_equal(f.body_size, 5);
        assert_int_equal(f.n_streams, 1);
        h2_cut(f.streams[0], H2_CUT_ENOUGH);
        assert_int_equal(run(), 0);
        assert_int_equal(f.reset, NGHTTP2_NO_ERROR);
        assert_int_equal(f.n_whole, 1);
        assert_int_equal(h2_trouble(f.h, H2_TROUBLE_PROVOKED), 0);
}

static void test_websocket(void **state) {
        const nghttp2_nv nv[] = { NV(":method", "CONNECT"), NV(":protocol", "websocket"),
                                  NV(":scheme", "https"), NV(":authority", "a.example"), NV(":path", "/ws"),
                                  NV("sec-websocket-version", "13") };
        const nghttp2_data_provider2 body = { .read_callback = client_read };
        Header fields[2];
        Response r = { .status = 101, .flags = RESPONSE_UPGRADED, .headers = { .items = fields, .max = 2 } };
        Slice s;

        f.hold = f.endless = true;
        f.upload = 4;
        assert_int_equal(run(), 0); /* for our SETTINGS */
        assert_true(nghttp2_submit_request2(f.client, NULL, nv, ELEMENTSOF(nv), &body, NULL) > 0);
        assert_int_equal(run(), 0);
        assert_int_equal(f.verdict, H1_OK);
        assert_true(f.streams[0]->request.flags & REQUEST_WEBSOCKET);
        assert_int_equal(header_list_add(&r.headers, "Sec-WebSocket-Accept", SLICE("x")), 0);
        assert_int_equal(h2_answer(f.streams[0], &r, false), 0);
        assert_int_equal(h2_write(f.streams[0], "back", 4, false), 4);
        assert_int_equal(run(), 0);
        assert_string_equal(f.status, "200");
        assert_int_equal(h2_peek(f.streams[0], &s), 0);
        assert_int_equal(s.n, 4);
        assert_memory_equal(f.body, "back", 4);
}

/* Larger than nghttp2 would send by itself, and not too large for its client. */
static void test_large_answer(void **state) {
        static char text[128 * 1024 / 64];
        static Header fields[64];
        Response r = { .status = 200, .headers = { .items = fields, .max = ELEMENTSOF(fields) } };

        f.hold = true;
        ask("/", false);
        assert_int_equal(run(), 0);
        memset(text, '~', sizeof(text)); /* does not pack well */
        for (unsigned i = 0; i < ELEMENTSOF(fields); i++)
                assert_int_equal(header_list_add(&r.headers, "X-Large", (Slice) { text, sizeof(text) }), 0);
        assert_int_equal(h2_answer(f.streams[0], &r, true), 0);
        assert_int_equal(run(), 0);
        assert_int_equal(f.n_whole, 1);
}

/* What is under way goes on, what is new is refused so that it may be asked again elsewhere. */
/* Names go in lower case, known ones and others, however many there are. */
static void test_many_fields(void **state) {
        static Header fields[100];
        Response r = { .status = 200, .headers = { .items = fields, .max = ELEMENTSOF(fields) } };

        f.hold = true;
        ask("/", false);
        assert_int_equal(run(), 0);
        for (size_t i = 0; i < ELEMENTSOF(fields) / 2; i++) {
                assert_int_equal(header_list_add(&r.headers, "Set-Cookie", SLICE("a=b")), 0);
                assert_int_equal(header_list_add(&r.headers, "X-Other", SLICE("c")), 0);
        }
        assert_int_equal(h2_answer(f.streams[0], &r, true), 0);
        assert_int_equal(run(), 0);
        assert_int_equal(f.n_answers, 1);
        assert_int_equal(f.n_known, ELEMENTSOF(fields) / 2);
        assert_int_equal(f.n_others, ELEMENTSOF(fields) / 2);
}

/* Frames of nghttp2's client, whose own stream this is not. */
static int frame(uint8_t type, uint8_t flags, int32_t id, const char *payload, size_t n) {
        char text[64] = { 0, 0, (char) n, (char) type, (char) flags, 0, 0, 0, (char) id };

        assert_true(n < sizeof(text) - 9 && id < 128);
        memcpy(text + 9, payload, n);
        return feed(text, n + 9);
}

static int ask_on(int32_t id) {
        /* GET https://a/ in HPACK */
        return frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, id,
                     "\x82\x87\x84\x41\x01\x61", 6);
}

/* nghttp2 passes over what comes on a stream that is no more. */
static void test_closed_by_visitor(void **state) {
        ask("/", false);
        assert_int_equal(run(), 0);
        assert_int_equal(f.n_closed, 1);
        assert_int_equal(ask_on(1), 0);
        assert_int_equal(f.goaway, NGHTTP2_STREAM_CLOSED);
        assert_int_equal(f.n_requests, 1);
        assert_true(h2_is_over(f.h));
}

static void test_taken_back_by_visitor(void **state) {
        f.hold = f.endless = true;
        f.upload = 10;
        ask("/", true);
        assert_int_equal(run(), 0);
        assert_int_equal(frame(NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x08", 4), 0);
        assert_int_equal(f.n_closed, 1);
        assert_int_equal(frame(NGHTTP2_DATA, 0, 1, "x", 1), 0);
        assert_int_equal(f.goaway, UINT32_MAX);
        assert_int_equal(ask_on(1), 0);
        assert_int_equal(f.goaway, NGHTTP2_STREAM_CLOSED);
}

/* What crossed our reset is no fault. */
static void test_closed_by_us(void **state) {
        f.hold = f.endless = true;
        f.upload = 10;
        ask("/", true);
        assert_int_equal(run(), 0);
        h2_cut(f.streams[0], H2_CUT_BROKEN);
        assert_int_equal(run(), 0);
        assert_int_equal(f.n_closed, 1);
        assert_int_equal(f.n_resets, 1);
        assert_int_equal(frame(NGHTTP2_DATA, 0, 1, "x", 1), 0);
        assert_int_equal(frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "x", 1), 0);
        assert_int_equal(f.n_resets, 1);
        assert_int_equal(f.goaway, UINT32_MAX);
}

static void test_skipped_number(void **state) {
        ask("/", false);
        assert_int_equal(run(), 0);
        assert_int_equal(nghttp2_session_set_next_stream_id(f.client, 5), 0);
        ask("/", false);
        assert_int_equal(run(), 0);
        assert_int_equal(f.n_requests, 2);
        assert_int_equal(ask_on(3), 0);
        assert_int_equal(f.goaway, NGHTTP2_PROTOCOL_ERROR);
        assert_int_equal(f.n_requests, 2);
}

static void test_priority_of_nothing(void **state) {
        ask("/", false);
        assert_int_equal(run(), 0);
        assert_int_equal(frame(NGHTTP2_PRIORITY, 0, 1, "\0\0\0\0\1", 5), 0);
        assert_int_equal(f.goaway, UINT32_MAX);
        assert_int_equal(frame(NGHTTP2_PRIORITY, 0, 0, "\0\0\0\0\1", 5), 0);
        assert_int_equal(f.goaway, NGHTTP2_PROTOCOL_ERROR);
}

static void test_drain(void **state) {
        f.hold = true;
        ask("/", false);
        assert_int_equal(run(), 0);
        h2_drain(f.h);
        assert_int_equal(run(), 0);
        assert_int_equal(f.goaway, NGHTTP2_NO_ERROR);
        h2_drain(f.h);
        assert_int_equal(run(), 0);
        assert_int_equal(answer(f.streams[0], 200, false), 0);
        assert_int_equal(h2_write(f.streams[0], "end", 3, true), 3);
        assert_int_equal(run(), 0);
        assert_int_equal(f.body_size, 3);
        assert_int_equal(f.n_whole, 1);
        assert_true(h2_is_over(f.h));
}

static void test_no_http2(void **state) {
        static const char text[] = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

        assert_int_equal(h2_receive(f.h, text, sizeof(text) - 1, NOW), -EPROTO);
}

/* nghttp2's own memory: beyond a measure no answer is begun before some of it has gone, and beyond another
 * there is none. */
static void test_library_is_bounded(void **state) {
        static char text[32 * 1024];
        static Header fields[2];
        Response r = { .status = 200, .headers = { .items = fields, .max = ELEMENTSOF(fields) } };
        size_t i = 0, idle;

        f.hold = true;
        for (unsigned n = 0; n < H2_STREAMS_MAX; n++)
                ask("/", false);
        assert_int_equal(run(), 0);
        idle = f.h->library;
        assert_in_range(idle, 5000, 64 * 1024);
        assert_true(h2_held(f.h) >= idle && f.pool.used >= idle);
        memset(text, '~', sizeof(text));
        assert_int_equal(header_list_add(&r.headers, "X-Large", (Slice) { text, sizeof(text) }), 0);
        for (; h2_room(f.streams[i]) > 0; i++)
                assert_int_equal(h2_answer(f.streams[i], &r, true), 0);
        assert_in_range(f.h->library, H2_LIBRARY_PLENTY, H2_LIBRARY_PLENTY + sizeof(text) + 4096);
        assert_int_equal(run(), 0);
        assert_true(f.h->library < idle && h2_room(f.streams[0]) > 0);
        /* Who does not ask how much is wanted. */
        for (i = 0; h2_answer(f.streams[i], &r, true) == 0; i++)
                ;
        assert_int_equal(h2_answer(f.streams[i], &r, true), -ENOMEM);
        assert_in_range(f.h->library, H2_LIBRARY_MAX - sizeof(text) - 4096, H2_LIBRARY_MAX);
}

/* What several have to say, pulled in the smallest pieces and by turns, is what each of them says: a head
 * that is longer than a frame, and a body. */
static void test_turns(void **state) {
        enum { OTHERS = 3 };
        static char text[20000], body[30000];
        static Fixture fixtures[OTHERS];
        size_t over = 0;

        teardown(state);
        for (int i = 0; i < OTHERS; i++) {
                static Header fields[2];
                Response r = { .status = 200, .headers = { .items = fields, .max = 2 } };

                assert_int_equal(setup(state), 0);
                f.hold = true;
                ask("/", false);
                assert_int_equal(run(), 0);
                memset(text, '~' - i, sizeof(text));
                memset(body, 'a' + i, sizeof(body));
                assert_int_equal(header_list_add(&r.headers, "X-Large", (Slice) { text, sizeof(text) }), 0);
                assert_int_equal(h2_answer(f.streams[0], &r, false), 0);
                assert_int_equal(h2_write(f.streams[0], body, sizeof(body), true), sizeof(body));
                fixtures[i] = f;
        }
        while (over < OTHERS) {
                over = 0;
                for (int i = 0; i < OTHERS; i++) {
                        static char out[H2_PULL_MIN];
                        ssize_t n;

                        f = fixtures[i];
                        n = h2_pull(f.h, out, sizeof(out));
                        assert_true(n >= 0);
                        over += n == 0;
                        assert_int_equal(nghttp2_session_mem_recv2(f.client, (const uint8_t *) out,
                                                                   (size_t) n), n);
                        fixtures[i] = f;
                }
        }
        for (int i = 0; i < OTHERS; i++) {
                f = fixtures[i];
                assert_int_equal(f.n_answers, 1);
                assert_int_equal(f.large, '~' - i);
                assert_int_equal(f.body_size, sizeof(body));
                for (size_t k = 0; k < sizeof(body); k++)
                        assert_int_equal(f.body[k], 'a' + i);
                teardown(state);
        }
        assert_int_equal(setup(state), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                T(request),       T(refusals),
                T(upload_waits),  T(uploads_wait_together),
                T(answers_wait),  T(interim_and_room),
                T(early_answer),  T(websocket),
                T(drain),         T(no_http2),
                T(many_fields),
                T(closed_by_visitor),
                T(taken_back_by_visitor),
                T(closed_by_us),
                T(skipped_number),
                T(priority_of_nothing),
                T(large_answer),   T(library_is_bounded), T(turns),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
