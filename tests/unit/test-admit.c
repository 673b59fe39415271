/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/admit.h"
#include "tests/unit/test.h"

#define LIST(...) ((char *[]){ __VA_ARGS__, NULL })
#define S(s) ((char *) (s))

static void test_reaches(void **state) {
        assert_true(admit_reaches(LIST(S("*")), "ha.test"));
        assert_true(admit_reaches(LIST(S("nas.test"), S("ha.test")), "ha.test"));
        assert_true(admit_reaches(LIST(S("*.test")), "ha.test"));
        assert_false(admit_reaches(LIST(S("*.test")), "a.ha.test"));
        assert_false(admit_reaches(LIST(S("nas.test")), "ha.test"));
        assert_false(admit_reaches(NULL, "ha.test"));
}

/* Of a host for all names below one, any of them is enough. */
static void test_reaches_wildcard(void **state) {
        assert_true(admit_reaches(LIST(S("*.lab.test")), "*.lab.test"));
        assert_true(admit_reaches(LIST(S("a.lab.test")), "*.lab.test"));
        assert_true(admit_reaches(LIST(S("*")), "*.lab.test"));
        assert_false(admit_reaches(LIST(S("lab.test"), S("a.b.lab.test"), S("a.test")), "*.lab.test"));
}

static void test_lists(void **state) {
        assert_true(admit_lists(NULL, NULL, "tom", NULL));
        assert_true(admit_lists((char *[]){ NULL }, (char *[]){ NULL }, "tom", NULL));
        assert_true(admit_lists(LIST(S("kim"), S("tom")), NULL, "tom", NULL));
        assert_true(admit_lists(LIST(S("kim")), LIST(S("fam")), "tom", LIST(S("x"), S("fam"))));
        assert_false(admit_lists(LIST(S("kim")), NULL, "tom", LIST(S("kim"))));
        assert_false(admit_lists(NULL, LIST(S("fam")), "fam", NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reaches),
                cmocka_unit_test(test_reaches_wildcard),
                cmocka_unit_test(test_lists),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
