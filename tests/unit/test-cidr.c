/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/cidr.h"
#include "tests/unit/test.h"

static bool contains(const char *range, const char *address) {
        IpAddress a;
        Cidr c;

        assert_int_equal(cidr_parse(range, &c), 0);
        assert_int_equal(ip_parse(address, &a), 0);
        return cidr_contains(&c, &a);
}

static void test_contains(void **state) {
        assert_true(contains("192.168.0.0/16", "192.168.255.255"));
        assert_false(contains("192.168.0.0/16", "192.169.0.0"));
        assert_true(contains("192.168.1.4", "192.168.1.4"));
        assert_false(contains("192.168.1.4", "192.168.1.5"));
        assert_true(contains("0.0.0.0/0", "255.255.255.255"));
        assert_false(contains("0.0.0.0/0", "::1"));
        assert_true(contains("fd00::/8", "fdff::1"));
        assert_true(contains("10.0.0.0/9", "10.127.0.1"));
        assert_false(contains("10.0.0.0/9", "10.128.0.1"));
        /* A mapped address is the IPv4 address, or a LAN rule could be walked around. */
        assert_true(contains("192.168.0.0/16", "::ffff:192.168.3.4"));
}

static void test_refuses(void **state) {
        static const char *const bad[] = { "",           "192.168.1.0/33", "192.168.1.1/16", "fd00::1/8",
                                           "1.2.3/8",    "1.2.3.4/",       "1.2.3.4/+8",     "::/129",
                                           "1.2.3.4/8x", "example.com" };
        Cidr c;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(cidr_parse(bad[i], &c), -EINVAL);
}

static void test_sockaddr(void **state) {
        static const char *const texts[] = { "192.0.2.1", "2001:db8::1" };
        IpAddress none = {}, a, b;
        struct sockaddr_storage s;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                assert_int_equal(ip_parse(texts[i], &a), 0);
                assert_int_equal(ip_to_sockaddr(&a, 443, &s),
                                 i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
                assert_int_equal(ip_from_sockaddr((struct sockaddr *) &s, &b), 0);
                assert_true(ip_equal(&a, &b));
                assert_int_equal(i == 0 ? ((struct sockaddr_in *) &s)->sin_port :
                                          ((struct sockaddr_in6 *) &s)->sin6_port,
                                 htobe16(443));
        }
        assert_int_equal(ip_to_sockaddr(&none, 443, &s), 0);
}

TEST_MAIN(cmocka_unit_test(test_contains), cmocka_unit_test(test_refuses),
          cmocka_unit_test(test_sockaddr))
