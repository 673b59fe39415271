/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-webd/users.h"
#include "libhagw/pure/strv.h"
#include "tests/unit/test.h"

static char **list(const char *a, const char *b) {
        char **l = calloc(3, sizeof(*l));

        l[0] = a ? strdup(a) : NULL;
        l[1] = a && b ? strdup(b) : NULL;
        return l;
}

static void test_lists(void **state) {
        _cleanup_(strv_freep) char **a = list("HA.Example.com.", "*.Lab.example.com"), **b = list("*", NULL),
                                   **c = list("two words", NULL), **d = list("*.", NULL),
                                   **e = list("family", "Guests");
        _cleanup_(strv_freep) char **big = calloc(USER_LIST_MAX + 2, sizeof(*big));

        assert_int_equal(user_hosts_check(a), 0);
        assert_string_equal(a[0], "ha.example.com");
        assert_string_equal(a[1], "*.lab.example.com");
        assert_int_equal(user_hosts_check(b), 0);
        assert_int_equal(user_hosts_check(c), -EINVAL);
        assert_int_equal(user_hosts_check(d), -EINVAL);
        assert_int_equal(user_hosts_check(NULL), 0);
        assert_int_equal(user_groups_check(e), -EINVAL);
        for (unsigned i = 0; i < USER_LIST_MAX; i++)
                big[i] = strdup("x");
        assert_int_equal(user_hosts_check(big), 0);
        assert_int_equal(user_groups_check(big), 0);
        big[USER_LIST_MAX] = strdup("x");
        assert_int_equal(user_hosts_check(big), -E2BIG);
        assert_int_equal(user_groups_check(big), -E2BIG);
}

static void test_reach(void **state) {
        UserTable t = {};
        User *all, *one, *none;
        char *users[] = { (char *) "one", NULL }, *groups[] = { (char *) "family", NULL };
        ConfHost open = {}, by_user = { .access.users = users }, by_group = { .access.groups = groups },
                 both = { .access.users = users, .access.groups = groups };

        assert_int_equal(user_add(&t, "all", "h", list("*", NULL), list("family", NULL), 1, &all), 0);
        assert_int_equal(
                user_add(&t, "one", "h", list("ha.example.com", "*.lab.example.com"), NULL, 1, &one), 0);
        assert_int_equal(user_add(&t, "none", "h", NULL, NULL, 1, &none), 0);
        assert_true(user_may_reach(all, &open, "x.example.com"));
        assert_false(user_may_reach(all, NULL, "x.example.com"));
        assert_true(user_may_reach(one, &open, "ha.example.com"));
        assert_true(user_may_reach(one, &open, "a.lab.example.com"));
        assert_false(user_may_reach(one, &open, "a.b.lab.example.com"));
        assert_false(user_may_reach(one, &open, "x.example.com"));
        assert_false(user_may_reach(none, &open, "ha.example.com"));
        assert_false(user_may_reach(all, &by_user, "ha.example.com"));
        assert_true(user_may_reach(one, &by_user, "ha.example.com"));
        assert_true(user_may_reach(all, &by_group, "ha.example.com"));
        assert_false(user_may_reach(one, &by_group, "ha.example.com"));
        assert_true(user_may_reach(one, &both, "ha.example.com"));
        assert_true(user_may_reach(all, &both, "ha.example.com"));
        /* A host's list does not widen what the user may reach. */
        assert_false(user_may_reach(one, &by_user, "x.example.com"));
        user_table_done(&t);
}

static void test_table(void **state) {
        UserTable t = {};
        User *u;
        char name[16];

        assert_int_equal(user_add(&t, "anna", "h", NULL, NULL, 1, &u), 0);
        assert_int_equal(user_add(&t, "anna", "h", NULL, NULL, 1, NULL), -EEXIST);
        assert_ptr_equal(user_find(&t, "anna"), u);
        user_remove(&t, u);
        assert_null(user_find(&t, "anna"));
        for (unsigned i = 0; i < USERS_MAX; i++) {
                (void) snprintf(name, sizeof(name), "u%u", i);
                assert_int_equal(user_add(&t, name, "h", NULL, NULL, 1, NULL), 0);
        }
        assert_int_equal(user_add(&t, "one-more", "h", NULL, NULL, 1, NULL), -E2BIG);
        user_table_done(&t);
}

TEST_MAIN(cmocka_unit_test(test_lists), cmocka_unit_test(test_reach),
          cmocka_unit_test(test_table))
