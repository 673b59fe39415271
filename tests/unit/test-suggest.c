/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/suggest.h"
#include "tests/unit/test.h"

static const char *const words[] = { "upstream", "access", "name", "timeouts", NULL };

static void test_near(void **state) {
        assert_string_equal(suggest("upstraem", words), "upstream");
        assert_string_equal(suggest("acess", words), "access");
        assert_string_equal(suggest("nmae", words), "name");
}

static void test_far(void **state) {
        assert_null(suggest("zebra", words));
        assert_null(suggest("", words));
        assert_null(
                suggest("upstreamupstreamupstreamupstreamupstreamupstreamupstreamupstreamupstream", words));
}

TEST_MAIN(cmocka_unit_test(test_near), cmocka_unit_test(test_far))
