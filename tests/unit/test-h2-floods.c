/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors of HTTP/2 who cost more than they pay: each bound is reached. */

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
                uint8_t type;
                uint32_t id;
                const uint8_t *payload;
                size_t n;
                H2Trouble trouble;
        } rows[] = {
                { NGHTTP2_PING, 0, zero, 8, H2_TROUBLE_PING },
                { NGHTTP2_SETTINGS, 0, settings, 6, H2_TROUBLE_SETTINGS },
                { NGHTTP2_PRIORITY, 1, priority, 5, H2_TROUBLE_PRIORITY },
                { NGHTTP2_DATA, 1, NULL, 0, H2_TROUBLE_EMPTY },
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
                size = frame(out, rows[i].type, 0, rows[i].id, rows[i].payload, rows[i].n);
                /* The client takes offence at what SETTINGS are answered with; its word does not count. */
                while (!h2_is_over(f.h) && n++ < 2 * H2_CREDIT_MAX)
                        assert_int_equal(feed(out, size), 0);
                assert_true(h2_is_over(f.h));
                /* The client's own SETTINGS, and the answer to ours, have taken the rest. */
                assert_in_range(h2_trouble(f.h, rows[i].trouble), H2_CREDIT_MAX - 3, H2_CREDIT_MAX);
        }
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
                T(rapid_reset), T(resets_beside_work), T(floods),           T(provoked_resets),
                T(unread_acks), T(hpack_bomb),         T(too_many_streams), T(time_gives_credit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
