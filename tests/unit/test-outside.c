/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "outside.h"
#include "test.h"

static IpAddress address(const char *text) {
        IpAddress a = { .family = AF_UNSPEC };

        if (text)
                assert_int_equal(ip_parse(text, &a), 0);
        return a;
}

static bool judge(const Hops *hops, bool documentation, const char *here, const char *visitor) {
        Cidr networks[2];
        ConfCidrs lan = { networks, 2 };
        IpAddress to = address(here), from = address(visitor);

        assert_int_equal(cidr_parse("192.168.0.0/16", &networks[0]), 0);
        assert_int_equal(cidr_parse("9.9.9.0/24", &networks[1]), 0);
        return outside_judge(&lan, hops, documentation, &to, &from);
}

static void test_outside(void **state) {
        Hops hops = { .known = true, .n = 2, .items = { address("192.168.1.1"), address("5.5.5.1") } };

        assert_true(judge(&hops, false, "192.168.1.2", "8.8.8.8"));
        assert_true(judge(&hops, false, "2a00:1:2:3::1", "2a00:1:2:100::1"));
        assert_true(judge(&hops, false, NULL, "8.8.8.8"));
        /* The house, its router with either address, special networks, this machine, its own network. */
        assert_false(judge(&hops, false, "192.168.1.2", "192.168.1.7"));
        assert_false(judge(&hops, false, "192.168.1.2", "9.9.9.9"));
        assert_false(judge(&hops, false, "192.168.1.2", "192.168.1.1"));
        assert_false(judge(&hops, false, "192.168.1.2", "5.5.5.1"));
        assert_false(judge(&hops, false, "192.168.1.2", "10.1.2.3"));
        assert_false(judge(&hops, false, "192.168.1.2", "100.64.0.1"));
        assert_false(judge(&hops, false, "8.8.8.8", "8.8.8.8"));
        assert_false(judge(&hops, false, "2a00:1:2:3::1", "2a00:1:2:3::2"));
        assert_false(judge(&hops, false, "2a00:1:2:3::1", "2a00:1:2:ff::2"));
        assert_false(judge(&hops, false, "2a00:1:2:3::1", "fe80::1"));
        assert_false(judge(&hops, false, "192.168.1.2", NULL));
        assert_false(judge(&hops, false, "192.168.1.2", "203.0.113.9"));
        assert_true(judge(&hops, true, "192.168.1.2", "203.0.113.9"));
}

/* Before hagw-netd has spoken anybody may be the router. */
static void test_unknown(void **state) {
        assert_false(judge(&(Hops) {}, false, "192.168.1.2", "8.8.8.8"));
}

static void test_words(void **state) {
        assert_string_equal(outside_family(OUTSIDE_IPV4_HTTP), "ipv4");
        assert_string_equal(outside_family(OUTSIDE_IPV6_HTTPS), "ipv6");
        assert_string_equal(outside_door(OUTSIDE_IPV6_HTTP), "http");
        assert_string_equal(outside_door(OUTSIDE_IPV4_HTTPS), "https");
}

TEST_MAIN(cmocka_unit_test(test_outside), cmocka_unit_test(test_unknown), cmocka_unit_test(test_words))
