/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/clockmark.h"
#include "tests/unit/test.h"

#define DAY USEC_PER_DAY

static void test_look(void **state) {
        ClockMark m = {};

        assert_int_equal(clock_mark_look(&m, 1000 * DAY, 5 * DAY), 0);
        /* Time passes; it is slewed; it is set forwards, back, and not again. */
        assert_int_equal(clock_mark_look(&m, 1001 * DAY, 6 * DAY), 0);
        assert_int_equal(clock_mark_look(&m, 1002 * DAY + CLOCK_JUMP_MIN_USEC - 1, 7 * DAY), 0);
        assert_int_equal(clock_mark_look(&m, 21003 * DAY + CLOCK_JUMP_MIN_USEC - 1, 8 * DAY), 20000 * DAY);
        assert_int_equal(clock_mark_look(&m, 4 * DAY + CLOCK_JUMP_MIN_USEC - 1, 9 * DAY),
                         -21000 * (int64_t) DAY);
        assert_int_equal(clock_mark_look(&m, 5 * DAY, 10 * DAY), 0);
}

static void test_shift(void **state) {
        assert_int_equal(clock_shift(5 * DAY, 3 * DAY), 8 * DAY);
        assert_int_equal(clock_shift(5 * DAY, -3 * (int64_t) DAY), 2 * DAY);
        assert_int_equal(clock_shift(5 * DAY, -6 * (int64_t) DAY), 1);
        assert_int_equal(clock_shift(0, 3 * DAY), 0);
        assert_int_equal(clock_shift(USEC_INFINITY, -3 * (int64_t) DAY), USEC_INFINITY);
        assert_int_equal(clock_shift(USEC_INFINITY - 5, 3 * DAY), USEC_INFINITY - 1);
}

TEST_MAIN(cmocka_unit_test(test_look), cmocka_unit_test(test_shift))
