/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/plural.h"
#include "tests/unit/test.h"

static void test_plural(void **state) {
        assert_string_equal(PLURAL(0, "host"), "hosts");
        assert_string_equal(PLURAL(1, "host"), "host");
        assert_string_equal(PLURAL(2, "host"), "hosts");
        assert_string_equal(PLURAL(UINT64_MAX, "host"), "hosts");
        assert_string_equal(PLURAL(UINT64_C(1) << 32 | 1, "host"), "hosts");
        assert_string_equal(plural(1, "query", "queries"), "query");
        assert_string_equal(plural(3, "query", "queries"), "queries");
}

TEST_MAIN(cmocka_unit_test(test_plural))
