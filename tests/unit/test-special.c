/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/special.h"
#include "tests/unit/test.h"

/* First and last of each row of the registries, and what is just beside them; first of all what once was
 * believed when a relay named it. */
static void test_rows(void **state) {
        static const struct {
                const char *address;
                SpecialReach reach;
        } rows[] = {
                { "127.0.0.1", SPECIAL_LOCAL },
                { "::1", SPECIAL_LOCAL },
                { "10.0.0.1", SPECIAL_LOCAL },
                { "10.255.255.255", SPECIAL_LOCAL },
                { "11.0.0.0", SPECIAL_GLOBAL },
                { "172.16.0.1", SPECIAL_LOCAL },
                { "172.31.255.255", SPECIAL_LOCAL },
                { "172.15.255.255", SPECIAL_GLOBAL },
                { "172.32.0.0", SPECIAL_GLOBAL },
                { "169.254.1.1", SPECIAL_LOCAL },
                { "169.253.255.255", SPECIAL_GLOBAL },
                { "192.168.1.1", SPECIAL_LOCAL },
                { "192.167.255.255", SPECIAL_GLOBAL },
                { "192.169.0.0", SPECIAL_GLOBAL },
                { "fe80::1", SPECIAL_LOCAL },
                { "febf:ffff::1", SPECIAL_LOCAL },
                { "fec0::1", SPECIAL_LOCAL },
                { "fd00::1", SPECIAL_LOCAL },
                { "fc00::1", SPECIAL_LOCAL },
                { "fdff:ffff::1", SPECIAL_LOCAL },
                { "0.0.0.0", SPECIAL_LOCAL },
                { "0.255.255.255", SPECIAL_LOCAL },
                { "1.0.0.0", SPECIAL_GLOBAL },
                { "100.63.255.255", SPECIAL_GLOBAL },
                { "100.64.0.0", SPECIAL_LOCAL },
                { "100.127.255.255", SPECIAL_LOCAL },
                { "100.128.0.0", SPECIAL_GLOBAL },
                { "126.255.255.255", SPECIAL_GLOBAL },
                { "128.0.0.0", SPECIAL_GLOBAL },
                /* DS-Lite: the end of the tunnel in every such house. */
                { "192.0.0.2", SPECIAL_LOCAL },
                { "192.0.0.8", SPECIAL_LOCAL },
                { "192.0.0.9", SPECIAL_GLOBAL },
                { "192.0.0.10", SPECIAL_GLOBAL },
                { "192.0.0.11", SPECIAL_LOCAL },
                { "192.0.0.170", SPECIAL_LOCAL },
                { "192.0.0.171", SPECIAL_LOCAL },
                { "192.0.0.255", SPECIAL_LOCAL },
                { "192.0.1.0", SPECIAL_GLOBAL },
                { "192.0.2.1", SPECIAL_DOCUMENTATION },
                { "198.51.100.7", SPECIAL_DOCUMENTATION },
                { "203.0.113.9", SPECIAL_DOCUMENTATION },
                { "203.0.114.0", SPECIAL_GLOBAL },
                { "192.31.196.1", SPECIAL_GLOBAL },
                { "192.52.193.1", SPECIAL_GLOBAL },
                { "192.88.99.1", SPECIAL_LOCAL },
                { "192.88.99.2", SPECIAL_LOCAL },
                { "192.175.48.1", SPECIAL_GLOBAL },
                { "198.17.255.255", SPECIAL_GLOBAL },
                { "198.18.0.0", SPECIAL_LOCAL },
                { "198.19.255.255", SPECIAL_LOCAL },
                { "198.20.0.0", SPECIAL_GLOBAL },
                { "223.255.255.255", SPECIAL_GLOBAL },
                { "224.0.0.1", SPECIAL_LOCAL },
                { "239.255.255.255", SPECIAL_LOCAL },
                { "240.0.0.1", SPECIAL_LOCAL },
                { "255.255.255.255", SPECIAL_LOCAL },
                { "::", SPECIAL_LOCAL },
                { "::2", SPECIAL_LOCAL },
                { "100::1", SPECIAL_LOCAL },
                { "100:0:0:1::1", SPECIAL_LOCAL },
                { "1fff::1", SPECIAL_LOCAL },
                { "2000::1", SPECIAL_GLOBAL },
                { "2001:1::1", SPECIAL_GLOBAL },
                { "2001:1::2", SPECIAL_GLOBAL },
                { "2001:1::3", SPECIAL_GLOBAL },
                { "2001:1::4", SPECIAL_LOCAL },
                { "2001:2::1", SPECIAL_LOCAL },
                { "2001:3::1", SPECIAL_GLOBAL },
                { "2001:4:112::1", SPECIAL_GLOBAL },
                { "2001:10::1", SPECIAL_LOCAL },
                { "2001:20::1", SPECIAL_GLOBAL },
                { "2001:3f:ffff::1", SPECIAL_GLOBAL },
                { "2001:40::1", SPECIAL_LOCAL },
                { "2001:1ff:ffff::1", SPECIAL_LOCAL },
                { "2001:200::1", SPECIAL_GLOBAL },
                { "2001:db8::1", SPECIAL_DOCUMENTATION },
                { "2001:db9::1", SPECIAL_GLOBAL },
                { "2003::1", SPECIAL_GLOBAL },
                { "2620:4f:8000::1", SPECIAL_GLOBAL },
                { "3ffe::1", SPECIAL_GLOBAL },
                { "3fff::1", SPECIAL_DOCUMENTATION },
                { "3fff:fff:ffff::1", SPECIAL_DOCUMENTATION },
                { "3fff:1000::1", SPECIAL_GLOBAL },
                { "4000::1", SPECIAL_LOCAL },
                { "5f00::1", SPECIAL_LOCAL },
                { "ff02::1", SPECIAL_LOCAL },
                /* Mapped, translated, 6to4. */
                { "::ffff:10.0.0.1", SPECIAL_LOCAL },
                { "::ffff:8.8.8.8", SPECIAL_GLOBAL },
                { "::ffff:0:127.0.0.1", SPECIAL_LOCAL },
                { "::127.0.0.1", SPECIAL_LOCAL },
                { "64:ff9b::192.168.1.1", SPECIAL_LOCAL },
                { "64:ff9b::8.8.8.8", SPECIAL_GLOBAL },
                { "64:ff9b::203.0.113.1", SPECIAL_DOCUMENTATION },
                { "64:ff9b:1::8.8.8.8", SPECIAL_LOCAL },
                { "64:ff9b:2::8.8.8.8", SPECIAL_LOCAL },
                { "2002:7f00:1::1", SPECIAL_LOCAL },
                { "2002:c0a8:101::1", SPECIAL_LOCAL },
                { "2002:808:808::1", SPECIAL_GLOBAL },
                { "2002:cb00:7101::1", SPECIAL_DOCUMENTATION },
                /* Teredo: the server 8.8.8.8 or 10.0.0.1, the client (inverted) 9.9.9.9 or 192.168.1.1. */
                { "2001:0:808:808::f6f6:f6f6", SPECIAL_GLOBAL },
                { "2001:0:808:808::3f57:fefe", SPECIAL_LOCAL },
                { "2001:0:a00:1::f6f6:f6f6", SPECIAL_LOCAL },
        };
        IpAddress a;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(ip_parse(rows[i].address, &a), 0);
                if (special_reach(&a, NULL) != rows[i].reach)
                        fail_msg("%s", rows[i].address);
        }
}

/* As some other program may hand it on: mapped, and of that family. */
static void test_mapped_as_it_is(void **state) {
        IpAddress a = { .family = AF_INET6, .bytes = { [10] = 0xff, 0xff, 127, 0, 0, 1 } };
        const char *name;

        assert_int_equal(special_reach(&a, &name), SPECIAL_LOCAL);
        assert_string_equal(name, "loopback");
}

static void test_names(void **state) {
        const char *name;
        IpAddress a;

        assert_int_equal(ip_parse("100.64.3.4", &a), 0);
        (void) special_reach(&a, &name);
        assert_string_equal(name, "shared address space");
        assert_int_equal(ip_parse("8.8.8.8", &a), 0);
        (void) special_reach(&a, &name);
        assert_null(name);
        assert_int_equal(ip_parse("2002:808:808::1", &a), 0);
        (void) special_reach(&a, &name);
        assert_string_equal(name, "6to4");
        assert_int_equal(special_reach(&(IpAddress) {}, &name), SPECIAL_LOCAL);
}

static void test_public(void **state) {
        IpAddress a;

        assert_int_equal(ip_parse("203.0.113.9", &a), 0);
        assert_false(special_is_public(&a, /* documentation= */ false));
        assert_true(special_is_public(&a, /* documentation= */ true));
        assert_int_equal(ip_parse("192.168.0.1", &a), 0);
        assert_false(special_is_public(&a, /* documentation= */ true));
        assert_int_equal(ip_parse("8.8.8.8", &a), 0);
        assert_true(special_is_public(&a, /* documentation= */ false));
}

TEST_MAIN(cmocka_unit_test(test_rows), cmocka_unit_test(test_mapped_as_it_is), cmocka_unit_test(test_names),
          cmocka_unit_test(test_public))
