/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/hostname.h"
#include "tests/unit/test.h"

static void test_normalize(void **state) {
        static const char *const bad[] = { "",   ".",    "..",  "a..b",      ".a",  "-a",
                                           "a-", "a-.b", "a b", "a\xc3\xa4", "a/b", "*.a" };
        char out[HOSTNAME_MAX + 1], label[70];

        assert_int_equal(hostname_normalize("HA.Home.Example.COM.", 20, out), 19);
        assert_string_equal(out, "ha.home.example.com");
        assert_int_equal(hostname_normalize("_acme-challenge.a", 17, out), 17);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(hostname_normalize(bad[i], strlen(bad[i]), out), -EINVAL);
        memset(label, 'a', sizeof(label));
        assert_int_equal(hostname_normalize(label, HOSTNAME_LABEL_MAX, out), HOSTNAME_LABEL_MAX);
        assert_int_equal(hostname_normalize(label, HOSTNAME_LABEL_MAX + 1, out), -EINVAL);
}

static void test_why(void **state) {
        char name[400], why[HOSTNAME_WHY_MAX];

        assert_false(hostname_why("a b", 3, why));
        assert_false(hostname_why("", 0, why));
        assert_true(hostname_why("k\xc3\xbc" "che.example.org", 17, why));
        assert_non_null(strstr(why, "begins with xn--"));
        memset(name, 'a', sizeof(name));
        assert_false(hostname_why(name, HOSTNAME_LABEL_MAX, why));
        assert_true(hostname_why(name, HOSTNAME_LABEL_MAX + 1, why));
        assert_string_equal(why, "its part \"aaaaaaaaaaaaaaaaaaaa\xe2\x80\xa6\" has 64 characters, and 63 "
                                 "are the most between two dots");
        for (size_t i = 50; i < sizeof(name); i += 51)
                name[i] = '.';
        assert_false(hostname_why(name, HOSTNAME_MAX, why));
        assert_true(hostname_why(name, HOSTNAME_MAX + 1, why));
        assert_string_equal(why, "it has 254 characters, and 253 are the most");
        name[HOSTNAME_MAX] = '.';
        assert_false(hostname_why(name, HOSTNAME_MAX + 1, why));
}

static void test_zone(void **state) {
        assert_true(hostname_in_zone("a.b", "b"));
        assert_true(hostname_in_zone("b", "b"));
        assert_false(hostname_in_zone("ab", "b"));
        assert_false(hostname_in_zone("b", "a.b"));
}

static void test_match(void **state) {
        assert_true(hostname_matches("ha.home.example.com", "*.home.example.com"));
        assert_false(hostname_matches("a.b.home.example.com", "*.home.example.com"));
        assert_false(hostname_matches("home.example.com", "*.home.example.com"));
        assert_true(hostname_matches("home.example.com", "home.example.com"));
}

TEST_MAIN(cmocka_unit_test(test_normalize), cmocka_unit_test(test_why),
          cmocka_unit_test(test_zone), cmocka_unit_test(test_match))
