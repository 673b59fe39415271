/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/proxyprotocol.h"
#include "tests/unit/test.h"

static ProxyPair make_pair(const char *source, uint16_t source_port, const char *destination,
                           uint16_t destination_port) {
        ProxyPair p = { .source_port = source_port, .destination_port = destination_port };

        assert_int_equal(ip_parse(source, &p.source), 0);
        assert_int_equal(ip_parse(destination, &p.destination), 0);
        return p;
}

static void test_v1(void **state) {
        static const struct {
                const char *source, *destination, *text;
        } rows[] = {
                { "203.0.113.7", "192.0.2.1", "PROXY TCP4 203.0.113.7 192.0.2.1 50000 443\r\n" },
                { "2001:db8::7", "2001:db8::1", "PROXY TCP6 2001:db8::7 2001:db8::1 50000 443\r\n" },
                { "203.0.113.7", "2001:db8::1", "PROXY TCP6 ::ffff:203.0.113.7 2001:db8::1 50000 443\r\n" },
        };
        char out[PROXY_V1_SIZE_MAX];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ProxyPair p = make_pair(rows[i].source, 50000, rows[i].destination, 443);

                assert_int_equal(proxy_v1_write(&p, out), strlen(rows[i].text));
                assert_string_equal(out, rows[i].text);
        }
        assert_int_equal(proxy_v1_write(&(ProxyPair) {}, out), 15);
        assert_string_equal(out, "PROXY UNKNOWN\r\n");
}

/* The longest line that the protocol knows fits. */
static void test_v1_longest(void **state) {
        ProxyPair p = make_pair("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
                                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
        char out[PROXY_V1_SIZE_MAX];

        assert_int_equal(proxy_v1_write(&p, out), 104);
}

static void test_v2_bytes(void **state) {
        static const uint8_t expected[] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49,
                                            0x54, 0x0a, 0x21, 0x11, 0x00, 0x0c, 203,  0,    113,  7,
                                            192,  0,    2,    1,    0xc3, 0x50, 0x01, 0xbb };
        ProxyPair p = make_pair("203.0.113.7", 50000, "192.0.2.1", 443), q;
        uint8_t out[PROXY_V2_SIZE_MAX];
        size_t tlv, n;

        assert_int_equal(proxy_v2_write(&p, 0, out), sizeof(expected));
        assert_memory_equal(out, expected, sizeof(expected));
        for (size_t i = 0; i < sizeof(expected); i++)
                assert_int_equal(proxy_v2_read(out, i, &q, &tlv, &n), PROXY_MORE);
        assert_int_equal(proxy_v2_read(out, sizeof(expected), &q, &tlv, &n), PROXY_OK);
        assert_int_equal(n, sizeof(expected));
        assert_int_equal(tlv, sizeof(expected));
        assert_true(ip_equal(&q.source, &p.source) && ip_equal(&q.destination, &p.destination));
        assert_int_equal(q.source_port, 50000);
        assert_int_equal(q.destination_port, 443);
}

static void test_v2_six(void **state) {
        ProxyPair p = make_pair("2001:db8::7", 1, "2001:db8::1", 2), q;
        uint8_t out[PROXY_V2_SIZE_MAX];
        size_t tlv, n;

        assert_int_equal(proxy_v2_write(&p, 0, out), PROXY_V2_SIZE_MAX);
        assert_int_equal(proxy_v2_read(out, sizeof(out), &q, &tlv, &n), PROXY_OK);
        assert_true(ip_equal(&q.source, &p.source) && ip_equal(&q.destination, &p.destination));
}

/* ::ffff:a.b.c.d is a.b.c.d: the visitor must not have two names. */
static void test_v2_mapped(void **state) {
        ProxyPair p = make_pair("203.0.113.7", 1, "2001:db8::1", 2), q;
        uint8_t out[PROXY_V2_SIZE_MAX];
        size_t tlv, n;

        assert_int_equal(proxy_v2_write(&p, 0, out), PROXY_V2_SIZE_MAX);
        assert_int_equal(proxy_v2_read(out, sizeof(out), &q, &tlv, &n), PROXY_OK);
        assert_int_equal(q.source.family, AF_INET);
        assert_true(ip_equal(&q.source, &p.source));
}

static void test_v2_bad(void **state) {
        static const struct {
                size_t offset;
                uint8_t value;
                ProxyResult result;
        } rows[] = {
                { 0, 'G', PROXY_BAD },     /* signature */
                { 12, 0x11, PROXY_BAD },   /* version 1 in binary */
                { 12, 0x22, PROXY_BAD },   /* a command that there is not */
                { 12, 0x20, PROXY_LOCAL },
                { 13, 0x00, PROXY_BAD },   /* PROXY without an address */
                { 13, 0x12, PROXY_BAD },   /* UDP */
                { 13, 0x31, PROXY_BAD },   /* AF_UNIX */
                { 14, 0xff, PROXY_BAD },   /* longer than anybody sends */
                { 15, 0x0b, PROXY_BAD },   /* shorter than its addresses */
                { 15, 0x0d, PROXY_MORE },
        };
        ProxyPair p = make_pair("203.0.113.7", 1, "192.0.2.1", 2), q;
        size_t tlv, n;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint8_t out[PROXY_V2_SIZE_MAX];
                size_t size = proxy_v2_write(&p, 0, out);

                out[rows[i].offset] = rows[i].value;
                assert_int_equal(proxy_v2_read(out, size, &q, &tlv, &n), rows[i].result);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_v1),     cmocka_unit_test(test_v1_longest),
                cmocka_unit_test(test_v2_bytes), cmocka_unit_test(test_v2_six),
                cmocka_unit_test(test_v2_mapped), cmocka_unit_test(test_v2_bad),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
