/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/net/ratelimit.h"
#include "tests/unit/test.h"

static void test_no_limit(void **state) {
        RateLimit none = {};

        assert_int_equal(rate_limit_allow(NULL, 7, 1000, false), 1000);
        assert_int_equal(rate_limit_allow(&none, 7, 1000, false), 1000);
        rate_limit_spend(NULL, 1000);
        rate_limit_spend(&none, 1000);
}

static void test_rate(void **state) {
        RateLimit l = { .rate = 10000 };
        size_t passed = 0;

        for (uint64_t now = USEC_PER_SEC; now <= 5 * USEC_PER_SEC; now += RATE_LIMIT_RETRY_USEC) {
                size_t n = rate_limit_allow(&l, now, 65536, false);

                rate_limit_spend(&l, n);
                passed += n;
        }
        /* A second's worth was saved up. */
        assert_in_range(passed, 49000, 50000);
}

static unsigned steps;

static void on_step(RateLimit *l) {
        steps++;
}

/* A step is told once, by the byte with which it is full, with a rate or without. */
static void test_step(void **state) {
        RateLimit l = { .until_step = 1000, .on_step = on_step };

        steps = 0;
        rate_limit_spend(&l, 999);
        assert_int_equal(steps, 0);
        rate_limit_spend(&l, 1);
        rate_limit_spend(&l, 5000);
        assert_int_equal(steps, 1);
        l.until_step = 1000;
        rate_limit_spend(&l, 5000);
        assert_int_equal(steps, 2);
        rate_limit_spend(&l, 0);
        assert_int_equal(steps, 2);
}

/* However much is asked for, a tenth of a second's worth is given, and less to who asks for less. */
static void test_share(void **state) {
        RateLimit l = { .rate = 10000, .tokens = 999, .since_usec = 1 };

        assert_int_equal(rate_limit_allow(&l, 1, 65536, false), 0);
        assert_int_equal(rate_limit_allow(&l, 1, 999, false), 999);
        assert_int_equal(rate_limit_allow(&l, 1, 65536, true), 999);
        rate_limit_spend(&l, 900);
        assert_int_equal(rate_limit_allow(&l, 1, 65536, true), 0);
        assert_int_equal(rate_limit_allow(&l, 101, 65536, true), 100);
}

/* Two whose timers are due one after the other in every turn: the first takes all there is. */
static void test_the_second_has_a_share(void **state) {
        RateLimit l = { .rate = 300000, .since_usec = 1 };
        size_t first = 0, second = 0;

        for (uint64_t turn = 1; turn < 30 * USEC_PER_SEC; turn += 131 * USEC_PER_MSEC) {
                size_t n = rate_limit_allow(&l, turn, 65536, true);

                rate_limit_spend(&l, n);
                first += n;
                n = rate_limit_allow(&l, turn + 66 * USEC_PER_MSEC, 65536, true);
                rate_limit_spend(&l, n);
                second += n;
        }
        assert_true(second > first / 2 && first > second / 2);
}

TEST_MAIN(cmocka_unit_test(test_no_limit), cmocka_unit_test(test_rate),
                cmocka_unit_test(test_step), cmocka_unit_test(test_share),
          cmocka_unit_test(test_the_second_has_a_share))
