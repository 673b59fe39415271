/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/wire/backoff.h"
#include "tests/unit/test.h"

static void test_bounds(void **state) {
        static const uint64_t ceilings[] = { 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
        Backoff low = {}, high = {};

        for (size_t i = 0; i < ELEMENTSOF(ceilings); i++) {
                assert_int_equal(backoff_next(&low, 0, 500, 60000, 0), 0);
                assert_int_equal(backoff_next(&high, 0, 500, 60000, ceilings[i]), ceilings[i]);
        }
        /* For ever. */
        for (unsigned i = 0; i < 1000; i++)
                assert_in_range(backoff_next(&high, 0, 500, 60000, UINT64_MAX - i), 0, 60000);
        high = (Backoff) {};
        assert_int_equal(backoff_next(&high, 0, 500, 60000, 501), 0);
}

static void test_floor(void **state) {
        Backoff b = {};

        for (unsigned i = 0; i < 100; i++)
                assert_in_range(backoff_next(&b, 100, 100, 1000, i * 77), 100, 1000);
        b = (Backoff) {};
        assert_int_equal(backoff_next(&b, 100, 100, 1000, 12345), 100);
}

/* Even numbers in give even waits out: nobody's crowd comes back at once. */
static void test_spread(void **state) {
        unsigned buckets[10] = {};

        for (uint64_t i = 0; i < 10000; i++) {
                Backoff b = { .n_failed = 4 };

                buckets[backoff_next(&b, 0, 500, 60000, i * UINT64_C(0x9e3779b97f4a7c15)) * 10 / 8001]++;
        }
        for (size_t i = 0; i < ELEMENTSOF(buckets); i++)
                assert_in_range(buckets[i], 850, 1150);
}

/* Believed a few times in a row; then it is as any that fails, until things went well. */
static void test_begin_anew(void **state) {
        Backoff b = {};

        for (unsigned i = 0; i < 8; i++) {
                assert_true(backoff_begin_anew(&b, 8));
                assert_int_equal(backoff_next(&b, 0, 500, 60000, 500), 500);
        }
        for (unsigned i = 0; i < 100; i++)
                assert_false(backoff_begin_anew(&b, 8));
        assert_int_equal(backoff_next(&b, 0, 500, 60000, 1000), 1000);
        assert_int_equal(backoff_next(&b, 0, 500, 60000, 2000), 2000);
        b = (Backoff) {};
        assert_true(backoff_begin_anew(&b, 8));
}

TEST_MAIN(cmocka_unit_test(test_begin_anew), cmocka_unit_test(test_bounds),
          cmocka_unit_test(test_floor), cmocka_unit_test(test_spread))
