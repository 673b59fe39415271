/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/channelframe.h"
#include "tests/unit/test.h"

static void test_hello(void **state) {
        ChannelHello h = { .session_id = { 0x01, 0x02, 3, [15] = 0xff }, .number = 0x0102030405060708 }, q;
        uint8_t out[CHANNEL_HELLO_SIZE] = {};

        channel_hello_write(&h, out);
        assert_memory_equal(out, "hagw-ch1\x01\x02\x03", 11);
        assert_memory_equal(out + 23, "\xff\x01\x02\x03\x04\x05\x06\x07\x08", 9);
        assert_true(channel_hello_read(out, &q));
        assert_memory_equal(q.session_id, h.session_id, sizeof(h.session_id));
        assert_true(q.number == h.number);
        assert_int_equal(channel_session_worker(q.session_id), 0x0102);
        out[7] = '2';
        assert_false(channel_hello_read(out, &q));
}

static void test_window(void **state) {
        ChannelWindow w = {};

        assert_false(channel_window_take(&w, 0));
        assert_true(channel_window_take(&w, 3));
        assert_true(channel_window_take(&w, 1));
        assert_true(channel_window_take(&w, 2));
        for (uint64_t i = 0; i <= 3; i++)
                assert_false(channel_window_take(&w, i));
        assert_true(channel_window_take(&w, CHANNEL_WINDOW + 3));
        assert_false(channel_window_take(&w, 3)); /* slid out */
        assert_true(channel_window_take(&w, 4));  /* just in */
        assert_false(channel_window_take(&w, 4));
        assert_true(channel_window_take(&w, 10 * CHANNEL_WINDOW));
        assert_true(channel_window_take(&w, 10 * CHANNEL_WINDOW - 1));
        assert_false(channel_window_take(&w, 10 * CHANNEL_WINDOW - 1));
        assert_true(channel_window_take(&w, UINT64_MAX));
        assert_false(channel_window_take(&w, UINT64_MAX));
}

/* Numbers are the agent's to choose: step by step to the last there is. */
static void test_window_end(void **state) {
        ChannelWindow w = {};

        assert_true(channel_window_take(&w, UINT64_MAX - 2));
        assert_true(channel_window_take(&w, UINT64_MAX - 1));
        assert_true(channel_window_take(&w, UINT64_MAX));
        for (uint64_t i = 0; i < 3; i++)
                assert_false(channel_window_take(&w, UINT64_MAX - i));
        assert_true(channel_window_take(&w, UINT64_MAX - 3));
        assert_false(channel_window_take(&w, 0));
}

/* Each number exactly once, whatever the order within the window. */
static void test_window_each_once(void **state) {
        ChannelWindow w = {};

        for (uint64_t base = 1; base < 8 * CHANNEL_WINDOW; base += 8)
                for (uint64_t i = 0; i < 8; i++)
                        assert_true(channel_window_take(&w, base + (i * 5 + 3) % 8));
        for (uint64_t i = 1; i < 8 * CHANNEL_WINDOW; i++)
                assert_false(channel_window_take(&w, i));
}

static ProxyPair make_pair(const char *source, const char *destination) {
        ProxyPair p = { .source_port = 50000, .destination_port = 443 };

        assert_int_equal(ip_parse(source, &p.source), 0);
        assert_int_equal(ip_parse(destination, &p.destination), 0);
        return p;
}

static void test_header(void **state) {
        static const struct {
                const char *source, *destination;
                size_t size;
        } rows[] = {
                { "203.0.113.7", "192.0.2.1", 16 + 51 },
                { "2001:db8::7", "2001:db8::1", 16 + 75 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ProxyPair p = make_pair(rows[i].source, rows[i].destination), q;
                uint8_t out[CHANNEL_HEADER_SIZE_MAX] = {};
                ChannelVisitor kind;
                size_t n, size;

                n = channel_header_write(&p, CHANNEL_VISITOR_OPENED, out);
                assert_int_equal(n + CHANNEL_MAC_SIZE, rows[i].size);
                for (size_t k = 0; k < rows[i].size; k++)
                        assert_int_equal(channel_header_read(out, k, &q, &kind, &size), PROXY_MORE);
                assert_int_equal(channel_header_read(out, rows[i].size, &q, &kind, &size), PROXY_OK);
                assert_int_equal(size, rows[i].size);
                assert_int_equal(kind, CHANNEL_VISITOR_OPENED);
                assert_true(ip_equal(&p.source, &q.source));
        }
}

static void test_header_bad(void **state) {
        static const struct {
                size_t offset;
                uint8_t value;
        } rows[] = {
                { 0, 'x' },   { 12, 0x20 }, { 13, 0x21 }, { 15, 50 },   { 28, 0xe2 }, { 29, 1 },
                { 30, 2 },    { 31, 2 },    { 32, 0xe0 }, { 33, 1 },    { 34, 31 },
        };
        ProxyPair p = make_pair("203.0.113.7", "192.0.2.1"), q;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint8_t out[CHANNEL_HEADER_SIZE_MAX] = {};
                ChannelVisitor kind;
                size_t size;

                (void) channel_header_write(&p, CHANNEL_VISITOR_PASSED, out);
                out[rows[i].offset] = rows[i].value;
                assert_int_equal(channel_header_read(out, 16 + 51, &q, &kind, &size), PROXY_BAD);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hello),  cmocka_unit_test(test_window),
                cmocka_unit_test(test_window_each_once), cmocka_unit_test(test_window_end),
                cmocka_unit_test(test_header), cmocka_unit_test(test_header_bad),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
