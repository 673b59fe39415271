/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/h2/h2-ids.h"
#include "tests/unit/test.h"

static void test_past(void **state) {
        H2Ids ids = {};

        assert_true(h2_ids_open(&ids, 3));
        assert_false(h2_ids_open(&ids, 3));
        assert_false(h2_ids_open(&ids, 4));
        assert_false(h2_ids_open(&ids, 0));
        assert_false(h2_ids_open(&ids, -1));
        assert_int_equal(h2_ids_past(&ids, 1), H2_PAST_SKIPPED);
        assert_int_equal(h2_ids_past(&ids, 3), H2_PAST_OURS);
        h2_ids_end(&ids, 3);
        h2_ids_end(&ids, 5); /* not opened: nothing */
        assert_int_equal(h2_ids_past(&ids, 3), H2_PAST_ENDED);
        assert_true(h2_ids_open(&ids, 9));
        assert_int_equal(h2_ids_past(&ids, 1), H2_PAST_SKIPPED);
        assert_int_equal(h2_ids_past(&ids, 3), H2_PAST_ENDED);
        assert_int_equal(h2_ids_past(&ids, 5), H2_PAST_SKIPPED);
        assert_int_equal(h2_ids_past(&ids, 9), H2_PAST_OURS);
        assert_int_equal(h2_ids_past(&ids, 2), H2_PAST_OURS);
        assert_int_equal(h2_ids_past(&ids, 0), H2_PAST_OURS);
        assert_int_equal(h2_ids_past(&ids, -1), H2_PAST_OURS);
        assert_int_equal(h2_ids_past(&ids, 11), H2_PAST_OURS);
}

/* The last H2_IDS are known, and none before them. */
static void test_bound(void **state) {
        int32_t first = 1, last = 2 * (int32_t) H2_IDS - 1;
        H2Ids ids = {};

        assert_true(h2_ids_open(&ids, first));
        h2_ids_end(&ids, first);
        assert_true(h2_ids_open(&ids, last));
        assert_int_equal(h2_ids_past(&ids, first), H2_PAST_ENDED);
        assert_int_equal(h2_ids_past(&ids, first + 2), H2_PAST_SKIPPED);
        h2_ids_end(&ids, last);
        assert_true(h2_ids_open(&ids, last + 2));
        assert_int_equal(h2_ids_past(&ids, first), H2_PAST_OURS);
        assert_int_equal(h2_ids_past(&ids, last), H2_PAST_ENDED);
        assert_true(h2_ids_open(&ids, INT32_MAX));
        assert_int_equal(h2_ids_past(&ids, last), H2_PAST_OURS);
        assert_int_equal(h2_ids_past(&ids, INT32_MAX), H2_PAST_OURS);
        assert_int_equal(h2_ids_past(&ids, INT32_MAX - 2), H2_PAST_SKIPPED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_past),
                cmocka_unit_test(test_bound),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
