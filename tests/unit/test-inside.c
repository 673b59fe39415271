/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "inside.h"
#include "test.h"

static bool contains(const char *network, const char *address) {
        ConfCidrs lan;
        IpAddress a;
        Cidr c;

        assert_int_equal(cidr_parse(network, &c), 0);
        assert_int_equal(ip_parse(address, &a), 0);
        lan = (ConfCidrs) { &c, 1 };
        return inside_contains(&lan, &a);
}

static void test_networks(void **state) {
        assert_true(contains("192.168.0.0/16", "192.168.3.4"));
        assert_true(contains("192.168.0.0/16", "::ffff:192.168.3.4"));
        assert_true(contains("fd00::/8", "fd12::1"));
        assert_false(contains("192.168.0.0/16", "203.0.113.9"));
        assert_false(contains("192.168.0.0/16", "fd12::1"));
        assert_false(inside_contains(&(ConfCidrs) {}, &(IpAddress) { .family = AF_INET }));
}

TEST_MAIN(cmocka_unit_test(test_networks))
