/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-dnsd/rrl.h"
#include "tests/unit/test.h"

static const uint8_t seed[SIPHASH_KEY_SIZE] = "a random seed..";

static IpAddress ipv4(uint32_t a) {
        return (IpAddress) { .family = AF_INET,
                             .bytes = { (uint8_t) (a >> 24), (uint8_t) (a >> 16), (uint8_t) (a >> 8),
                                        (uint8_t) a } };
}

static unsigned passes(Rrl *r, const IpAddress *a, unsigned n, uint32_t now_msec) {
        unsigned passed = 0;

        for (unsigned i = 0; i < n; i++)
                passed += rrl_check(r, a, now_msec) == RRL_PASS;
        return passed;
}

static void test_bucket(void **state) {
        _cleanup_(rrl_freep) Rrl *r = rrl_new(10, seed);
        const IpAddress a = ipv4(0xc0000201), neighbour = ipv4(0xc00002ff), other = ipv4(0xc0000301);

        assert_int_equal(passes(r, &a, 100, 1000), 10);
        assert_int_equal(passes(r, &neighbour, 1, 1000), 0); /* the same /24 */
        assert_int_equal(passes(r, &other, 1, 1000), 1);
        assert_int_equal(passes(r, &a, 100, 1500), 5);
        assert_int_equal(passes(r, &a, 100, 1600), 1);
        assert_int_equal(passes(r, &a, 100, 900000), 10); /* never more than a second's worth */
}

static void test_ipv6_prefix(void **state) {
        _cleanup_(rrl_freep) Rrl *r = rrl_new(1, seed);
        IpAddress a, same, other;

        assert_int_equal(ip_parse("2001:db8:1:100::1", &a), 0);
        assert_int_equal(ip_parse("2001:db8:1:1ff:1::1", &same), 0);
        assert_int_equal(ip_parse("2001:db8:1:200::1", &other), 0);
        assert_int_equal(passes(r, &a, 1, 0), 1);
        assert_int_equal(passes(r, &same, 1, 0), 0);
        assert_int_equal(passes(r, &other, 1, 0), 1);
}

static void test_slip(void **state) {
        _cleanup_(rrl_freep) Rrl *r = rrl_new(1, seed);
        const IpAddress a = ipv4(0xc0000201);
        unsigned count[3] = {};

        for (unsigned i = 0; i < 101; i++)
                count[rrl_check(r, &a, 0)]++;
        assert_int_equal(count[RRL_PASS], 1);
        assert_int_equal(count[RRL_SLIPPED], 50);
        assert_int_equal(count[RRL_DROP], 50);
}

static void test_off(void **state) {
        _cleanup_(rrl_freep) Rrl *r = rrl_new(0, seed);
        const IpAddress a = ipv4(1);

        assert_int_equal(passes(r, &a, 10000, 0), 10000);
}

/* Half a million forged networks do not free the one that is limited. */
static void test_flood(void **state) {
        _cleanup_(rrl_freep) Rrl *r = rrl_new(5, seed);
        const IpAddress victim = ipv4(0xc0000201);
        unsigned passed = passes(r, &victim, 100, 0);

        for (uint32_t i = 0; i < 500000; i++) {
                const IpAddress forged = ipv4(i << 8);
                (void) rrl_check(r, &forged, 0);
                if (i % 1000 == 0)
                        passed += passes(r, &victim, 10, 0);
        }
        assert_in_range(passed, 5, 10);
}

static void test_clock_wraps(void **state) {
        _cleanup_(rrl_freep) Rrl *r = rrl_new(10, seed);
        const IpAddress a = ipv4(1);

        assert_int_equal(passes(r, &a, 100, UINT32_MAX - 100), 10);
        assert_int_equal(passes(r, &a, 100, 399), 5);
}

TEST_MAIN(cmocka_unit_test(test_bucket), cmocka_unit_test(test_ipv6_prefix), cmocka_unit_test(test_slip),
          cmocka_unit_test(test_off), cmocka_unit_test(test_flood), cmocka_unit_test(test_clock_wraps))
