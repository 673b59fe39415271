/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-webd/target.h"
#include "tests/unit/test.h"

static void test_valid(void **state) {
        static const char *const good[] = {
                "/",
                "/lovelace/0",
                "/lovelace?x=1&y=%C3%A4#top",
                "/a//b",
                "/.hagw/status",
                "/.hagw/auth/status",
                "/.hagw/logins",
                "/.hagw/auth/logins",
                "/auth/authorize?redirect_uri=https://x/",
        };
        static const char *const bad[] = {
                "",
                "lovelace",
                "//evil.example",
                "/\\evil.example",
                "\\\\evil.example",
                "https://evil.example/",
                "/a\\b",
                "/a\nSet-Cookie: x=1",
                "/a\r",
                "/a\tb",
                "/ a",
                "/\x7f",
                "/\xc3\xa4",
                " /",
                "javascript:alert(1)",
                "/.hagw/login",
                "/.hagw/login?return=/",
                "/.hagw/login/",
                "/.hagw/logout",
                "/.hagw/denied#x",
                "/.hagw/auth/login",
                "/.hagw/auth/login?return=/",
                "/.hagw/auth/login/",
                "/.hagw/auth/logout",
                "/.hagw/auth/denied#x",
                "/\t/evil.example",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                assert_true(target_is_valid(good[i]));
                assert_string_equal(target_or_root(good[i]), good[i]);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_false(target_is_valid(bad[i]));
                assert_string_equal(target_or_root(bad[i]), "/");
        }
        assert_string_equal(target_or_root(NULL), "/");
}

static void test_length(void **state) {
        char s[TARGET_MAX + 2];

        memset(s, 'a', sizeof(s));
        s[0] = '/';
        s[TARGET_MAX] = '\0';
        assert_true(target_is_valid(s));
        s[TARGET_MAX] = 'a';
        s[TARGET_MAX + 1] = '\0';
        assert_false(target_is_valid(s));
}

static void test_encode(void **state) {
        _cleanup_free_ char *s = target_encode("/a-b?x=%20&y=~#z");

        assert_string_equal(s, "/a-b%3Fx%3D%2520%26y%3D~%23z");
}

TEST_MAIN(cmocka_unit_test(test_valid), cmocka_unit_test(test_length), cmocka_unit_test(test_encode))
