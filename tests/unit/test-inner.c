/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/wire/inner.h"
#include "tests/unit/test.h"

typedef struct Row {
        const char *from, *to; /* NULL: nothing happens */
} Row;

static void check(const Row *rows, size_t n, bool (*change)(char *, size_t)) {
        for (size_t i = 0; i < n; i++) {
                char text[128];
                bool changed;

                strcpy(text, rows[i].from);
                changed = change(text, strlen(text));
                assert_string_equal(text, rows[i].to ?: rows[i].from);
                assert_int_equal(changed, !!rows[i].to);
        }
}

static void test_set_cookie(void **state) {
        static const Row rows[] = {
                { "__Host-hagw=x; Path=/; Secure", "__Host-hag2=x; Path=/; Secure" },
                { "__Host-hagw-form=x", "__Host-hag2-form=x" },
                { "__Host-hag2=x", "__Host-hag3=x" },
                { "__Host-hag8=x", "__Host-hag9=x" },
                { "__Host-hag9=x", NULL }, /* nobody has ten */
                { "__Host-hag1=x", NULL },
                { "__Host-hagv=x", NULL },
                { "__Host-hagw2=x", NULL },
                { "__Host-hagw", NULL },
                { "__Host-hag", NULL },
                { "=__Host-hagw=x", NULL }, /* spellings that are no gateway's */
                { "__host-hagw=x", NULL },
                { "a=__Host-hagw=x", NULL },
                { "a=b; __Host-hagw=x", NULL },
                { "", NULL },
        };

        check(rows, ELEMENTSOF(rows), inner_take_set_cookie);
}

static void test_cookies(void **state) {
        static const Row rows[] = {
                { "__Host-hag2=x", "__Host-hagw=x" },
                { "a=b; __Host-hag2=x;__Host-hag2-form=y; c=d",
                  "a=b; __Host-hagw=x;__Host-hagw-form=y; c=d" },
                { "__Host-hag3=x; __Host-hag2=y", "__Host-hag2=x; __Host-hagw=y" },
                { "__Host-hag9=x; __Host-haga=y", "__Host-hag8=x; __Host-haga=y" },
                { "a=__Host-hag2=x; =__Host-hag2=x; __Host-hag2",
                  "a=__Host-hag2=x; =__Host-hag2=x; __Host-hag2" },
                { ";;  ;", ";;  ;" },
                { "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char text[128];

                strcpy(text, rows[i].from);
                inner_give_cookies(text, strlen(text));
                assert_string_equal(text, rows[i].to);
        }
}

static void test_location(void **state) {
        static const Row rows[] = {
                { "/.hagw/auth/login", "/.hag2/auth/login" },
                { "/.hagw/auth/login?return=/.hagw/x", "/.hag2/auth/login?return=/.hagw/x" },
                { "/.hagw/auth/denied?return=/", "/.hag2/auth/denied?return=/" },
                { "/.hag2/auth/login", "/.hag3/auth/login" },
                { "/.hag9/auth/login", NULL },
                { "/.hagw/auth/logout", NULL }, /* no gateway sends anybody there */
                { "/.hagw/auth/login/", NULL },
                { "/.hagw/auth/login2", NULL },
                { "/.hagw/auth/logi", NULL },
                { "https://a.example/.hagw/auth/login", NULL },
                { "/x", NULL },
                { "", NULL },
        };

        check(rows, ELEMENTSOF(rows), inner_take_location);
}

static void test_target(void **state) {
        static const Row rows[] = {
                { "/.hag2/auth/login?return=/", "/.hagw/auth/login?return=/" },
                { "/.hag2/auth/logout", "/.hagw/auth/logout" },
                { "/.hag2/auth/denied", "/.hagw/auth/denied" },
                { "/.hag3/auth/login", "/.hag2/auth/login" },
                { "/.hagw/auth/login", NULL }, /* this gateway's own */
                { "/.hag2/auth/status", NULL }, /* for who is inside the house alone */
                { "/.hag2/metrics", NULL },
                { "/.hag2/auth/login/../status", NULL },
                { "/.hag2/auth/%6cogin", NULL },
                { "/.hag2/status", NULL },
                { "*", NULL },
        };

        check(rows, ELEMENTSOF(rows), inner_give_target);
}

static void test_names(void **state) {
        char cookie[INNER_NAME_SIZE], login[INNER_PATH_SIZE];

        inner_name(INNER_DEPTH_OWN, cookie, login);
        assert_string_equal(cookie, "__Host-hagw");
        assert_string_equal(login, "/.hagw/auth/login");
        inner_name('3', cookie, login);
        assert_string_equal(cookie, "__Host-hag3");
        assert_string_equal(login, "/.hag3/auth/login");
}

TEST_MAIN(cmocka_unit_test(test_set_cookie), cmocka_unit_test(test_cookies),
          cmocka_unit_test(test_location), cmocka_unit_test(test_target), cmocka_unit_test(test_names))
