/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors of HTTP/2 who cost more than they pay: each bound is reached. */

#include "hagw-proxyd/h2/h2-internal.h"
#include "tests/unit/h2-fixture.h"

/* Who goes on like this without ever taking an answer is shown the door, and others' work is not done. */
static void test_rapid_reset(void **state) {
        unsigned n = 0;

        f.hold = true;
        assert_int_equal(run(), 0);
        while (f.goaway == UINT32_MAX && n < 10 * H2_CREDIT_MAX) {
                int32_t id = ask("/", false);

                (void) run();
                assert_int_equal(nghttp2_submit_rst_stream(f.client, 0, id, NGHTTP2_CANCEL), 0);
                (void) run();
                n++;
        }
        assert_int_equal(f.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
        assert_in_range(n, H2_CREDIT_MAX / 2, H2_CREDIT_MAX + 1);
        assert_true(h2_n_streams(f.h) <= 1); /* the last one's RST_STREAM was not looked at any more */
        assert_true(h2_is_over(f.h));
}

/* Who also takes answers may take as many requests back: the two weigh the same. */
static void test_resets_beside_work(void **state) {
        for (unsigned i = 0; i < 2 * H2_CREDIT_MAX; i++) {
                int32_t id;

                f.hold = false;
                f.body_size = 0;
                ask("/", false);
                assert_int_equal(run(), 0);
                f.hold = true;
                id = ask("/", false);
                assert_int_equal(run(), 0);
                assert_int_equal(nghttp2_submit_rst_stream(f.client, 0, id, NGHTTP2_CANCEL), 0);
                assert_int_equal(run(), 0);
        }
        assert_int_equal(f.goaway, UINT32_MAX);
        assert_int_equal(h2_trouble(f.h, H2_TROUBLE_RESET), 2 * H2_CREDIT_MAX);
}

/* Frames as bytes: length, type, flags, stream, payload. */
static size_t frame(uint8_t *out, uint8_t type, uint8_t flags, uint32_t id, const void *payload, size_t n) {
        const uint8_t head[9] = { (uint8_t) (n >> 16),  (uint8_t) (n >> 8),   (uint8_t) n,
                                  type,                 flags,                (uint8_t) (id >> 24),
                                  (uint8_t) (id >> 16), (uint8_t) (id >> 8), (uint8_t) id };

        memcpy(out, head, 9);
        if (n > 0)
                memcpy(out + 9, payload, n);
        return n + 9;
}

static void test_floods(void **state) {
        static const uint8_t zero[8], priority[5] = { 0, 0, 0, 0, 15 }, settings[6] = { 0, 3, 0, 0, 0, 9 };
        static const struct {
                uint8_t type, flags;
                uint32_t id;
                const uint8_t *payload;
                size_t n;
                H2Trouble trouble;
        } rows[] = {
                { NGHTTP2_PING, 0, 0, zero, 8, H2_TROUBLE_PING },
                { NGHTTP2_SETTINGS, 0, 0, settings, 6, H2_TROUBLE_SETTINGS },
                { NGHTTP2_PRIORITY, 0, 1, priority, 5, H2_TROUBLE_PRIORITY },
                { NGHTTP2_DATA, 0, 1, NULL, 0, H2_TROUBLE_EMPTY },
                { NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, zero, 1, H2_TROUBLE_EMPTY },
                { NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, (const uint8_t *) "\x05xxxxx", 6, H2_TROUBLE_EMPTY },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                unsigned n = 0;
                uint8_t out[32];
                size_t size;

                assert_int_equal(teardown(state), 0);
                assert_int_equal(setup(state), 0);
                f.hold = f.endless = true;
                ask("/", true);
                assert_int_equal(run(), 0);
                size = frame(out, rows[i].type, rows[i].flags, rows[i].id, rows[i].payload, rows[i].n);
                /* The client takes offence at what SETTINGS are answered with; its word does not count. */
                while (!h2_is_over(f.h) && n++ < 2 * H2_CREDIT_MAX)
                        assert_int_equal(feed(out, size), 0);
                assert_true(h2_is_over(f.h));
                /* The client's own SETTINGS, and the answer to ours, have taken the rest. */
                assert_in_range(h2_trouble(f.h, rows[i].trouble), H2_CREDIT_MAX - 3, H2_CREDIT_MAX);
        }
}

/* The client's first word; ours is not answered, so that there is no end yet to how many streams it may
 * open. */
static void greet(void) {
        const uint8_t *data;
        ssize_t n;

        while ((n = nghttp2_session_mem_send2(f.client, &data)) > 0)
                assert_int_equal(h2_receive(f.h, data, (size_t) n, NOW), 0);
}

/* A stream that we have ended, with more to come from the client. */
static uint32_t cut_one(void) {
        int32_t id;

        f.hold = f.endless = true;
        id = ask("/", true);
        assert_int_equal(run(), 0);
        h2_cut(f.streams[0], H2_CUT_BROKEN);
        assert_int_equal(run(), 0);
        assert_int_equal(h2_n_streams(f.h), 0);
        return (uint32_t) id;
}

/* Heads for it, which nghttp2 unpacks without a word. */
static void test_late_heads(void **state) {
        static const uint8_t head[] = { 0x82, 0x87, 0x84, 0x40, 1, 'a', 1, 'b' };
        uint32_t id = cut_one();
        uint8_t out[32];
        size_t size = frame(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, head, sizeof(head));

        for (unsigned i = 0; !h2_is_over(f.h) && i < 2 * H2_CREDIT_MAX; i++)
                assert_int_equal(feed(out, size), 0);
        assert_int_equal(f.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
        assert_in_range(h2_trouble(f.h, H2_TROUBLE_LATE), H2_CREDIT_MAX - 3, H2_CREDIT_MAX);
        assert_int_equal(f.n_requests, 1);
}

/* One that is not even through in a frame. */
static void test_long_late_head(void **state) {
        uint32_t id = cut_one();
        uint8_t out[32];

        assert_int_equal(feed(out, frame(out, NGHTTP2_HEADERS, 0, id, "\x82", 1)), 0);
        assert_int_equal(f.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* On a stream that is about to end, for one who does not hear of it. */
static void test_heads_beside_the_end(void **state) {
        static const uint8_t head[] = { 0x82, 0x87, 0x84, 0x40, 1, 'a', 1, 'b' };
        uint8_t out[32];
        int32_t id;
        size_t size;

        f.hold = f.endless = true;
        id = ask("/", true);
        assert_int_equal(run(), 0);
        h2_cut(f.streams[0], H2_CUT_BROKEN);
        size = frame(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, (uint32_t) id, head, sizeof(head));
        for (unsigned i = 0; !h2_is_calmed(f.h) && i < 2 * H2_CREDIT_MAX; i++)
                assert_int_equal(h2_receive(f.h, out, size, NOW), 0);
        assert_in_range(h2_trouble(f.h, H2_TROUBLE_LATE), H2_CREDIT_MAX - 3, H2_CREDIT_MAX);
}

/* What crosses our last GOAWAY is a request as any, which is made elsewhere. */
static void test_heads_behind_the_end(void **state) {
        static const uint8_t head[] = { 0x82, 0x87, 0x84 };
        uint8_t out[32];

        f.hold = true;
        ask("/", false);
        assert_int_equal(run(), 0);
        h2_drain(f.h);
        h2_drain(f.h);
        assert_int_equal(run(), 0);
        for (uint32_t i = 0; i < H2_STREAMS_MAX; i++)
                assert_int_equal(feed(out, frame(out, NGHTTP2_HEADERS,
                                                 NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
                                                 3 + 2 * i, head, sizeof(head))),
                                 0);
        assert_int_equal(h2_trouble(f.h, H2_TROUBLE_LATE), H2_STREAMS_MAX - 1); /* the last is not over */
        assert_false(h2_is_calmed(f.h));
        assert_int_equal(f.n_requests, 1);
        assert_int_equal(h2_n_streams(f.h), 1);
}

/* A head that is through is not waited for, also where it was none. */
static void test_malformed_heads_are_over(void **state) {
        static const struct {
                const char *text;
                size_t n;
        } rows[] = {
                { "\x82", 1 },                                /* no path */
                { "\x82\x87\x84\x40\x01X\x01y", 8 },         /* an upper case name */
                { "\x82\x87\x84\x40\x03x y\x01y", 10 },      /* a name that is none */
                { "\x82\x87\x84\x41\x01" "a\x40\x01x\x01\x01", 11 }, /* a control character */
                { "\x82\x87\x84\x41\x01" "a\x40\x02te\x01y", 12 },  /* which HTTP/2 has not */
        };
        static char pulled[2 * H2_PULL_MIN];
        uint8_t out[64];

        greet();
        for (uint32_t i = 0; i < ELEMENTSOF(rows); i++) {
                size_t n = frame(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
                                 1 + 2 * i, rows[i].text, rows[i].n);

                assert_int_equal(h2_receive(f.h, out, n, NOW), 0);
                assert_true(h2_pull(f.h, pulled, sizeof(pulled)) > 0);
                assert_false(h2_has_half_head(f.h));
                assert_int_equal(h2_n_streams(f.h), 0);
        }
        assert_int_equal(h2_trouble(f.h, H2_TROUBLE_PROVOKED), ELEMENTSOF(rows));
        assert_int_equal(h2_receive(f.h, out, frame(out, NGHTTP2_HEADERS, 0, 101, "\x82", 1), NOW), 0);
        assert_true(h2_has_half_head(f.h));
}

/* Windows that are opened too far: nghttp2 counts no reset that it was made to send. */
static void test_provoked_resets(void **state) {
        static const uint8_t window[4] = { 0x7f, 0xff, 0xff, 0xff };
        unsigned n = 0;

        f.hold = true;
        assert_int_equal(run(), 0);
        while (f.goaway == UINT32_MAX && n++ < 2 * H2_CREDIT_MAX) {
                uint8_t out[16];
                int32_t id = ask("/", false);

                (void) run();
                if (feed(out, frame(out, NGHTTP2_WINDOW_UPDATE, 0, (uint32_t) id, window, 4)) < 0)
                        break;
        }
        assert_int_equal(f.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
        assert_in_range(n, H2_CREDIT_MAX / 2, H2_CREDIT_MAX + 2);
}

/* Answers to PING that nobody fetches. */
static void test_unread_acks(void **state) {
        static const uint8_t zero[8];
        uint8_t out[32];
        unsigned n = 0;
        size_t size = frame(out, NGHTTP2_PING, 0, 0, zero, 8);

        assert_int_equal(run(), 0);
        while (h2_receive(f.h, out, size, NOW) == 0)
                assert_true(n++ <= H2_ACKS_MAX);
}

/* As many small requests as fit into what is received at once, each of which is reset, from one who reads
 * nothing: what is to be said to him has a bound. */
static void test_unread_resets(void **state) {
        static uint8_t out[65536];
        static char pulled[H2_PULL_MIN];
        size_t n = 0;

        greet();
        for (uint32_t id = 1; n + 10 <= sizeof(out); id += 2)
                n += frame(out + n, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, id,
                           "\x82", 1);
        assert_int_equal(h2_receive(f.h, out, n, NOW), 0);
        assert_in_range(nghttp2_session_get_outbound_queue_size(f.h->session), 1, H2_QUEUE_END + 2);
        assert_true(h2_is_calmed(f.h));
        while (h2_pull(f.h, pulled, sizeof(pulled)) > 0)
                ;
        assert_true(h2_is_over(f.h));
}

/* A small block that unpacks to much: one entry of the dynamic table, named again and again. */
static void test_hpack_bomb(void **state) {
        static uint8_t block[16000], out[17000];
        size_t n = 0;

        assert_int_equal(run(), 0);
        block[n++] = 0x82; /* GET */
        block[n++] = 0x87; /* https */
        block[n++] = 0x84; /* / */
        block[n++] = 0x40; /* a new name, indexed */
        block[n++] = 1;
        block[n++] = 'x';
        block[n++] = 0x7f; /* of 3000 bytes: 127 + 2873 */
        block[n++] = 0xb9;
        block[n++] = 0x16;
        memset(block + n, 'y', 3000);
        n += 3000;
        memset(block + n, 0xbe, sizeof(block) - n);
        n = frame(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, block,
                  sizeof(block));
        (void) feed(out, n);
        assert_int_equal(f.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
        assert_int_equal(f.n_requests, 0);
        assert_true(h2_is_over(f.h));
}

static void test_too_many_streams(void **state) {
        f.hold = true;
        assert_int_equal(run(), 0);
        for (unsigned i = 0; i < H2_STREAMS_MAX + 20; i++)
                ask("/", false);
        assert_int_equal(run(), 0); /* the client waits by itself */
        assert_int_equal(h2_n_streams(f.h), H2_STREAMS_MAX);
}

static void test_time_gives_credit(void **state) {
        static const uint8_t zero[8];
        uint8_t out[32];

        assert_int_equal(run(), 0);
        for (unsigned i = 0; i < 10 * H2_CREDIT_MAX; i++) {
                static char pulled[H2_PULL_MIN];

                assert_int_equal(h2_receive(f.h, out, frame(out, NGHTTP2_PING, 0, 0, zero, 8),
                                            NOW + i * USEC_PER_SEC / H2_CREDIT_PER_SEC),
                                 0);
                assert_true(h2_pull(f.h, pulled, sizeof(pulled)) > 0);
                assert_false(h2_is_over(f.h));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                T(late_heads), T(long_late_head), T(heads_beside_the_end), T(heads_behind_the_end),
                T(malformed_heads_are_over),
                T(rapid_reset), T(resets_beside_work), T(floods),           T(provoked_resets),
                T(unread_acks), T(unread_resets), T(hpack_bomb), T(too_many_streams), T(time_gives_credit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
