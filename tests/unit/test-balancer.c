/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/wire/balancer.h"
#include "tests/unit/test.h"

static IpAddress address(uint8_t last) {
        return (IpAddress) { AF_INET, { 192, 0, 2, last } };
}

static void test_once_in_a_while(void **state) {
        static BalancersTold t;
        IpAddress a = address(1), b = address(2);

        t = (BalancersTold) {};
        assert_true(balancer_is_due(&t, &a, BALANCER_HEADER_PROPER, 1));
        assert_false(balancer_is_due(&t, &a, BALANCER_HEADER_PROPER, BALANCER_TELL_USEC));
        /* Another header, or another balancer, is another thing. */
        assert_true(balancer_is_due(&t, &a, BALANCER_HEADER_MISSING, 2));
        assert_true(balancer_is_due(&t, &b, BALANCER_HEADER_PROPER, 2));
        assert_true(balancer_is_due(&t, &a, BALANCER_HEADER_PROPER, BALANCER_TELL_USEC + 1));
        assert_false(balancer_is_due(&t, &a, BALANCER_HEADER_PROPER, BALANCER_TELL_USEC + 2));
}

static void test_full(void **state) {
        static BalancersTold t;
        IpAddress a;

        t = (BalancersTold) {};
        for (uint8_t i = 0; i <= BALANCERS_TOLD_MAX; i++) {
                a = address(i);
                assert_true(balancer_is_due(&t, &a, BALANCER_HEADER_MISSING, 1U + i));
        }
        assert_int_equal(t.n, BALANCERS_TOLD_MAX);
        a = address(1); /* kept: the first one went */
        assert_false(balancer_is_due(&t, &a, BALANCER_HEADER_MISSING, 100));
        a = address(0);
        assert_true(balancer_is_due(&t, &a, BALANCER_HEADER_MISSING, 100));
}

TEST_MAIN(cmocka_unit_test(test_once_in_a_while), cmocka_unit_test(test_full))
