/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/seldom.h"
#include "tests/unit/test.h"

static void test_one_a_minute(void **state) {
        const uint64_t begin = 5 * USEC_PER_SEC;
        char text[SELDOM_TEXT_MAX];
        Seldom s = {};

        assert_true(seldom_take(&s, begin, text));
        assert_string_equal(text, "");
        for (unsigned i = 0; i < 1000; i++)
                assert_false(seldom_take(&s, begin + i, text));
        assert_false(seldom_take(&s, begin + SELDOM_USEC - 1, text));
        assert_true(seldom_take(&s, begin + SELDOM_USEC, text));
        assert_string_equal(text, ", and 1001 others before it");
        assert_false(seldom_take(&s, begin + SELDOM_USEC, text));
        assert_true(seldom_take(&s, begin + 2 * SELDOM_USEC, text));
        assert_string_equal(text, ", and 1 other before it");
        assert_true(seldom_take(&s, begin + 3 * SELDOM_USEC, text));
        assert_string_equal(text, "");
}

static void test_some_a_minute(void **state) {
        const uint64_t begin = 5 * USEC_PER_SEC;
        char text[SELDOM_TEXT_MAX];
        Seldom s = {};

        for (unsigned minute = 0; minute < 3; minute++) {
                for (unsigned i = 0; i < 4; i++) {
                        assert_true(seldom_take_of(&s, 4, begin + minute * SELDOM_USEC + i, text));
                        assert_string_equal(text, i > 0 || minute == 0 ? "" : ", and 2 others before it");
                }
                assert_false(seldom_take_of(&s, 4, begin + minute * SELDOM_USEC + 4, text));
                assert_false(seldom_take_of(&s, 4, begin + (minute + 1) * SELDOM_USEC - 1, text));
        }
}

static void test_full(void **state) {
        char text[SELDOM_TEXT_MAX];
        Seldom s = { .untold = UINT64_MAX, .told_usec = 1 };

        assert_true(seldom_take(&s, SELDOM_USEC + 1, text));
        assert_string_equal(text, ", and 18446744073709551615 others before it");
}

TEST_MAIN(cmocka_unit_test(test_one_a_minute), cmocka_unit_test(test_some_a_minute),
          cmocka_unit_test(test_full))
