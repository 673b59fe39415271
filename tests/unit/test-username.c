/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/username.h"
#include "tests/unit/test.h"

static void test_names(void **state) {
        static const char *const good[] = { "a", "anna", "anna.k@example.com", "a-b_c9" };
        static const char *const bad[] = { "", "Anna", "anna k", "änna", "a/b", "a\n", "\"" };
        char name[USER_NAME_MAX + 2], typed[USER_NAME_MAX + 1];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(user_name_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(user_name_is_valid(bad[i]));
        memset(name, 'a', sizeof(name));
        name[USER_NAME_MAX + 1] = '\0';
        assert_false(user_name_is_valid(name));
        user_name_from_typed(name, typed);
        assert_string_equal(typed, "");
        name[USER_NAME_MAX] = '\0';
        assert_true(user_name_is_valid(name));
        user_name_from_typed(" Anna ", typed);
        assert_string_equal(typed, "anna");
        user_name_from_typed("anna k", typed);
        assert_string_equal(typed, "");
}

TEST_MAIN(cmocka_unit_test(test_names))
