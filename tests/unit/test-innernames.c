/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-proxyd/wire/innernames.h"
#include "tests/unit/test.h"

static void assert_asking(const InnerNames *tables, unsigned n, InnerLogin said, uint64_t usec) {
        uint64_t when = 99;

        assert_int_equal(inner_names_asking(tables, n, &when), said);
        assert_int_equal(when, usec);
}

/* The last word of each name counts, whichever thread has heard it. */
static void test_last_word(void **state) {
        InnerNames t[2] = {};

        assert_asking(t, 2, _INNER_LOGIN_INVALID, 0);
        assert_int_equal(inner_names_find(t, 2, "a.example.com"), _INNER_LOGIN_INVALID);
        inner_names_note(&t[0], "a.example.com", INNER_LOGIN_REQUIRED, 10);
        inner_names_note(&t[0], "b.example.com", INNER_LOGIN_NONE, 11);
        assert_asking(t, 2, INNER_LOGIN_REQUIRED, 10);
        inner_names_note(&t[1], "a.example.com", INNER_LOGIN_NONE, 12);
        assert_asking(t, 2, _INNER_LOGIN_INVALID, 0);
        assert_int_equal(inner_names_find(t, 2, "a.example.com"), INNER_LOGIN_NONE);
        inner_names_note(&t[1], "b.example.com", INNER_LOGIN_SEEN, 13);
        assert_asking(t, 2, INNER_LOGIN_SEEN, 13);
        inner_names_note(&t[0], "a.example.com", INNER_LOGIN_REQUIRED, 14);
        assert_asking(t, 2, INNER_LOGIN_REQUIRED, 14);
        inner_names_note(&t[0], "a.example.com", INNER_LOGIN_NONE, 15);
        assert_asking(t, 2, INNER_LOGIN_SEEN, 13);
}

/* What was said longest ago goes where there is no more room. */
static void test_limit(void **state) {
        InnerNames t = {};
        char name[64];

        for (unsigned i = 0; i <= INNER_NAMES_MAX; i++) {
                (void) snprintf(name, sizeof(name), "n%u.example.com", i);
                inner_names_note(&t, name, INNER_LOGIN_REQUIRED, 100 + i);
        }
        assert_int_equal(inner_names_find(&t, 1, "n0.example.com"), _INNER_LOGIN_INVALID);
        assert_int_equal(inner_names_find(&t, 1, "n1.example.com"), INNER_LOGIN_REQUIRED);
        inner_names_note(&t, "n1.example.com", INNER_LOGIN_NONE, 200);
        inner_names_note(&t, "other.example.com", INNER_LOGIN_NONE, 201);
        assert_int_equal(inner_names_find(&t, 1, "n1.example.com"), INNER_LOGIN_NONE);
        assert_int_equal(inner_names_find(&t, 1, "n2.example.com"), _INNER_LOGIN_INVALID);
        assert_asking(&t, 1, INNER_LOGIN_REQUIRED, 100 + INNER_NAMES_MAX);
}

TEST_MAIN(cmocka_unit_test(test_last_word), cmocka_unit_test(test_limit))
