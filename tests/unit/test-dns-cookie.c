/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-dnsd/cookie.h"
#include "tests/unit/test.h"

static const uint8_t secret[SIPHASH_KEY_SIZE] = { 0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f,
                                                  0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf };
#define NOW 1559731985U

static IpAddress address(const char *text) {
        IpAddress a;

        assert_int_equal(ip_parse(text, &a), 0);
        return a;
}

/* RFC 9018 appendix A.1. */
static void test_rfc9018_ipv4(void **state) {
        static const uint8_t expected[COOKIE_SIZE] = {
                0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57, 0x01, 0x00, 0x00, 0x00,
                0x5c, 0xf7, 0x9f, 0x11, 0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80,
        };
        const IpAddress client = address("198.51.100.100");
        uint8_t out[COOKIE_SIZE];

        cookie_make(expected, &client, NOW, secret, out);
        assert_memory_equal(out, expected, sizeof(out));
        assert_int_equal(cookie_check(expected, sizeof(expected), &client, NOW, secret), COOKIE_VALID);
}

/* RFC 9018 appendix A.4: the secret before was rolled, the client has an IPv6 address. */
static void test_rfc9018_ipv6(void **state) {
        static const uint8_t new_secret[SIPHASH_KEY_SIZE] = {
                0x44, 0x55, 0x36, 0xbc, 0xd2, 0x51, 0x32, 0x98,
                0x07, 0x5a, 0x5d, 0x37, 0x96, 0x63, 0xc9, 0x62
        };
        static const uint8_t expected[COOKIE_SIZE] = {
                0x22, 0x68, 0x1a, 0xb9, 0x7d, 0x52, 0xc2, 0x98, 0x01, 0x00, 0x00, 0x00,
                0x5c, 0xf7, 0xc6, 0x09, 0xa6, 0xbb, 0x79, 0xd1, 0x66, 0x25, 0x50, 0x7a,
        };
        const IpAddress client = address("2001:db8:220:1:59de:d0f4:8769:82b8");
        uint8_t out[COOKIE_SIZE];

        cookie_make(expected, &client, 1559741961U, new_secret, out);
        assert_memory_equal(out, expected, sizeof(out));
}

static void test_time(void **state) {
        static const struct {
                int64_t made; /* seconds from now */
                CookieVerdict verdict;
        } cases[] = {
                { 0, COOKIE_VALID },    { -3600, COOKIE_VALID }, { -3601, COOKIE_CLIENT },
                { 300, COOKIE_VALID },  { 301, COOKIE_CLIENT },  { -2000000000, COOKIE_CLIENT },
        };
        static const uint32_t nows[] = { NOW, 10, UINT32_MAX - 10 };
        const IpAddress client = address("192.0.2.1");
        uint8_t out[COOKIE_SIZE];

        for (size_t n = 0; n < ELEMENTSOF(nows); n++)
                for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                        cookie_make((const uint8_t *) "8octets!", &client,
                                    (uint32_t) (nows[n] + cases[i].made), secret, out);
                        assert_int_equal(cookie_check(out, sizeof(out), &client, nows[n], secret),
                                         cases[i].verdict);
                }
}

static void test_sizes(void **state) {
        const IpAddress client = address("192.0.2.1");
        uint8_t data[64] = {};

        for (size_t n = 0; n < sizeof(data); n++) {
                CookieVerdict v = n == 8 || (n >= 16 && n <= 40) ? COOKIE_CLIENT : COOKIE_MALFORMED;
                assert_int_equal(cookie_check(data, n, &client, NOW, secret), v);
        }
}

static void test_any_bit(void **state) {
        const IpAddress client = address("192.0.2.1"), other = address("192.0.2.2");
        uint8_t out[COOKIE_SIZE];

        cookie_make((const uint8_t *) "8octets!", &client, NOW, secret, out);
        assert_int_equal(cookie_check(out, sizeof(out), &other, NOW, secret), COOKIE_CLIENT);
        for (unsigned i = 0; i < 8 * COOKIE_SIZE; i++) {
                out[i / 8] ^= (uint8_t) (1 << i % 8);
                assert_int_equal(cookie_check(out, sizeof(out), &client, NOW, secret), COOKIE_CLIENT);
                out[i / 8] ^= (uint8_t) (1 << i % 8);
        }
        assert_int_equal(cookie_check(out, sizeof(out), &client, NOW, secret), COOKIE_VALID);
}

TEST_MAIN(cmocka_unit_test(test_rfc9018_ipv4), cmocka_unit_test(test_rfc9018_ipv6),
          cmocka_unit_test(test_time), cmocka_unit_test(test_sizes), cmocka_unit_test(test_any_bit))
