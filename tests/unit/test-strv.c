/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/strv.h"
#include "tests/unit/test.h"

static char *one[] = { (char *) "a", NULL }, *three[] = { (char *) "c", (char *) "a", (char *) "b", NULL },
            *empty[] = { NULL };

static void test_length(void **state) {
        assert_int_equal(strv_length(NULL), 0);
        assert_int_equal(strv_length(empty), 0);
        assert_int_equal(strv_length(three), 3);
}

static void test_contains(void **state) {
        assert_true(strv_contains(three, "b"));
        assert_false(strv_contains(three, "B"));
        assert_false(strv_contains(three, ""));
        assert_false(strv_contains(NULL, "a"));
}

static void test_contains_all(void **state) {
        assert_true(strv_contains_all(three, one));
        assert_false(strv_contains_all(one, three));
        assert_true(strv_contains_all(one, NULL));
        assert_true(strv_contains_all(NULL, empty));
        assert_false(strv_contains_all(NULL, one));
}

static void test_copy(void **state) {
        _cleanup_(strv_freep) char **copy = strv_copy(three), **nothing = strv_copy(NULL);

        assert_non_null(copy);
        for (size_t i = 0; i < 3; i++) {
                assert_string_equal(copy[i], three[i]);
                assert_ptr_not_equal(copy[i], three[i]);
        }
        assert_null(copy[3]);
        assert_non_null(nothing);
        assert_null(nothing[0]);
        assert_null(strv_free(NULL));
}

TEST_MAIN(cmocka_unit_test(test_length), cmocka_unit_test(test_contains),
          cmocka_unit_test(test_contains_all), cmocka_unit_test(test_copy))
