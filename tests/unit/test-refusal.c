/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/refusal.h"
#include "tests/unit/test.h"

/* Each reason has its row, and each row a name of its own. */
static void test_rows(void **state) {
        assert_null(refusal_name(REFUSAL_NONE));
        for (Refusal r = REFUSAL_NONE + 1; r < _REFUSAL_MAX; r++) {
                assert_non_null(refusal_text(r));
                assert_int_equal(refusal_from_name(refusal_name(r)), r);
        }
        assert_int_equal(refusal_from_name(""), _REFUSAL_INVALID);
        assert_int_equal(refusal_from_name("other"), _REFUSAL_INVALID);
        assert_null(refusal_name(_REFUSAL_MAX));
}

/* The first at once, and what follows once a minute, all of it. */
static void test_log(void **state) {
        RefusalLines l = {};
        RefusalCount c = {};
        uint64_t now = 1000, told = 0, lines = 0;

        assert_int_equal(refusal_take(&c, &l, now), 0);
        for (unsigned i = 0; i < 100000; i++, now += 6000) { /* ten minutes */
                uint64_t n;

                refusal_count(&c, now);
                n = refusal_take(&c, &l, now);
                told += n;
                lines += n > 0;
                assert_true(i > 0 || n == 1);
        }
        assert_int_equal(lines, 10);
        assert_int_equal(c.n, 100000);
        told += refusal_take(&c, &l, now + REFUSAL_LOG_USEC);
        assert_int_equal(told, c.n);
        assert_int_equal(refusal_take(&c, &l, now + 10 * REFUSAL_LOG_USEC), 0);
}

/* Of many tenants no more than so many a minute; nothing that was not told is lost. */
static void test_lines(void **state) {
        RefusalCount c[3 * REFUSAL_LINES_MAX] = {};
        RefusalLines l = {};
        uint64_t now = 1000, told = 0;

        for (unsigned minute = 0; minute < 4; minute++, now += REFUSAL_LOG_USEC) {
                unsigned lines = 0;

                for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                        uint64_t n;

                        if (minute == 0)
                                refusal_count(&c[i], now);
                        n = refusal_take(&c[i], &l, now);
                        told += n;
                        lines += n > 0;
                }
                assert_int_equal(lines, minute < 3 ? REFUSAL_LINES_MAX : 0);
        }
        assert_int_equal(told, ELEMENTSOF(c));
}

static void test_over(void **state) {
        RefusalCount c = {};

        refusal_end(&c);
        assert_false(c.over); /* there was none */
        refusal_count(&c, 1);
        assert_false(c.over);
        refusal_end(&c);
        assert_true(c.over);
        refusal_count(&c, 2);
        assert_false(c.over);
        assert_int_equal(c.n, 2);
}

TEST_MAIN(cmocka_unit_test(test_over), cmocka_unit_test(test_rows), cmocka_unit_test(test_log),
          cmocka_unit_test(test_lines))
