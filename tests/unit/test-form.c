/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-webd/form.h"
#include "tests/unit/test.h"

static int parse(const char *text, char *body, Form *f) {
        (void) strcpy(body, text);
        return form_parse(body, strlen(text), f);
}

static void test_fields(void **state) {
        char body[256];
        Form f;

        assert_int_equal(parse("user=anna&password=a%2Bb+c%26%3d&empty=&flag", body, &f), 0);
        assert_int_equal(f.n, 4);
        assert_string_equal(form_get(&f, "user"), "anna");
        assert_string_equal(form_get(&f, "password"), "a+b c&=");
        assert_string_equal(form_get(&f, "empty"), "");
        assert_string_equal(form_get(&f, "flag"), "");
        assert_null(form_get(&f, "nothing"));
        assert_int_equal(parse("", body, &f), 0);
        assert_int_equal(f.n, 0);
        assert_int_equal(parse("&&a=1&&", body, &f), 0);
        assert_int_equal(f.n, 1);
}

static void test_broken(void **state) {
        static const char *const texts[] = { "a=%",   "a=%4",    "a=%zz",     "a=%00",
                                             "%00=a", "a=1&a=2", "a=1&%61=2", "a=1&b=%1" };
        char body[256];
        Form f;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(parse(texts[i], body, &f), -EBADMSG);
}

static void test_limit(void **state) {
        char text[64] = "", body[64];
        Form f;

        for (unsigned i = 0; i < FORM_FIELDS_MAX; i++)
                (void) strcat(strcat(text, (char[]) { (char) ('a' + i), '\0' }), "&");
        assert_int_equal(parse(text, body, &f), 0);
        assert_int_equal(f.n, FORM_FIELDS_MAX);
        (void) strcat(text, "z");
        assert_int_equal(parse(text, body, &f), -E2BIG);
}

TEST_MAIN(cmocka_unit_test(test_fields), cmocka_unit_test(test_broken), cmocka_unit_test(test_limit))
