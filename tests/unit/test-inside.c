/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/wire/inside.h"
#include "tests/unit/test.h"

static Hops hops;

static void tell(const char *const *addresses) {
        hops = (Hops) { .known = true };
        for (; *addresses; addresses++)
                assert_int_equal(ip_parse(*addresses, &hops.items[hops.n++]), 0);
}

static Inside judge(const char *network, const char *single, const char *address) {
        ConfCidrs lan;
        IpAddress a;
        Cidr c[2];

        assert_int_equal(cidr_parse(network, &c[0]), 0);
        if (single)
                assert_int_equal(cidr_parse(single, &c[1]), 0);
        assert_int_equal(ip_parse(address, &a), 0);
        lan = (ConfCidrs) { c, single ? 2 : 1 };
        return inside_judge(&lan, &hops, &a);
}

static void test_networks(void **state) {
        tell((const char *const[]) { NULL });
        assert_int_equal(judge("192.168.0.0/16", NULL, "192.168.3.4"), INSIDE_YES);
        assert_int_equal(judge("192.168.0.0/16", NULL, "::ffff:192.168.3.4"), INSIDE_YES);
        assert_int_equal(judge("fd00::/8", NULL, "fd12::1"), INSIDE_YES);
        assert_int_equal(judge("192.168.0.0/16", NULL, "203.0.113.9"), INSIDE_NO);
        assert_int_equal(judge("192.168.0.0/16", NULL, "fd12::1"), INSIDE_NO);
        assert_int_equal(inside_judge(&(ConfCidrs) {}, &hops, &(IpAddress) { .family = AF_INET }),
                         INSIDE_NO);
}

static void test_hops(void **state) {
        tell((const char *const[]) { "192.168.1.1", "172.17.0.1", "fe80::1", "fd00::1", NULL });
        assert_int_equal(judge("192.168.0.0/16", NULL, "192.168.1.1"), INSIDE_HOP);
        assert_int_equal(judge("192.168.0.0/16", NULL, "192.168.1.2"), INSIDE_YES);
        assert_int_equal(judge("172.16.0.0/12", NULL, "172.17.0.1"), INSIDE_HOP);
        assert_int_equal(judge("fe80::/10", NULL, "fe80::1"), INSIDE_HOP);
        assert_int_equal(judge("fe80::/10", NULL, "fe80::2"), INSIDE_YES);
        assert_int_equal(judge("0.0.0.0/0", NULL, "203.0.113.9"), INSIDE_YES);
        /* Named by itself, wherever in the list. */
        assert_int_equal(judge("192.168.0.0/16", "192.168.1.1", "192.168.1.1"), INSIDE_YES);
        assert_int_equal(judge("192.168.1.1/32", "192.168.0.0/16", "192.168.1.1"), INSIDE_YES);
        assert_int_equal(judge("fd00::/8", "fd00::1/128", "fd00::1"), INSIDE_YES);
        assert_int_equal(judge("192.168.0.0/16", "192.168.1.0/31", "192.168.1.1"), INSIDE_HOP);
        assert_int_equal(judge("10.0.0.0/8", NULL, "192.168.1.1"), INSIDE_NO);
}

/* Before hagw-netd has spoken, or where it could not tell all. */
static void test_unknown(void **state) {
        hops = (Hops) {};
        assert_int_equal(judge("192.168.0.0/16", NULL, "192.168.1.2"), INSIDE_UNKNOWN);
        assert_int_equal(judge("192.168.0.0/16", "192.168.1.2", "192.168.1.2"), INSIDE_YES);
        assert_int_equal(judge("127.0.0.0/8", NULL, "127.0.0.1"), INSIDE_YES);
        assert_int_equal(judge("::/0", NULL, "::1"), INSIDE_YES);
        /* Loopback is no exception to lan. */
        assert_int_equal(judge("192.168.0.0/16", NULL, "127.0.0.1"), INSIDE_NO);
}

TEST_MAIN(cmocka_unit_test(test_networks), cmocka_unit_test(test_hops), cmocka_unit_test(test_unknown))
