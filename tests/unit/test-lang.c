/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/conf-schema.h"
#include "libhagw/pure/lang.h"
#include "tests/unit/test.h"

/* The places for values, "{{…}}", that a text has. */
static size_t places(const char *s) {
        size_t n = 0;

        while ((s = strstr(s, "{{"))) {
                n++;
                s += 2;
        }
        return n;
}

static void test_complete(void **state) {
        size_t n = 0;

        for (const Language *l = languages; l->code; l++, n++)
                for (Text t = 0; t < _TEXT_MAX; t++) {
                        if (!l->texts[t] || !*l->texts[t])
                                fail_msg("%s has no text for %s", l->code, text_name(t));
                        if (places(l->texts[t]) != places(languages[0].texts[t]))
                                fail_msg("%s names other values than %s in %s", l->code, languages[0].code,
                                         text_name(t));
                }
        assert_true(n >= 3);
}

static void test_names(void **state) {
        for (Text t = 0; t < _TEXT_MAX; t++) {
                assert_non_null(text_name(t));
                assert_int_equal(text_from_name(text_name(t), strlen(text_name(t))), t);
        }
        assert_int_equal(text_from_name("nothing", 7), _TEXT_INVALID);
        assert_int_equal(text_from_name("", 0), _TEXT_INVALID);
        assert_null(text_name(_TEXT_INVALID));
}

/* login.language offers exactly the languages there are. */
static void test_setting(void **state) {
        const ConfSetting *s = conf_settings;
        size_t n = 0;

        while (s->name && !(s->group && streq(s->group, "login") && streq(s->name, "language")))
                s++;
        assert_non_null(s->name);
        assert_string_equal(s->choices[0], "auto");
        for (; languages[n].code && s->choices[n + 1]; n++)
                assert_string_equal(languages[n].code, s->choices[n + 1]);
        assert_null(languages[n].code);
        assert_null(s->choices[n + 1]);
}

static void test_choose(void **state) {
        static const struct {
                const char *setting, *accept, *code;
        } rows[] = {
                { "auto", NULL, "en" },
                { "auto", "", "en" },
                { "auto", "de", "de" },
                { "auto", "de-AT,de;q=0.9,en;q=0.8", "de" },
                { "auto", "DE-at", "de" },
                { "auto", "es-ES, fr;q=0.5, en;q=0.4", "fr" },
                { "auto", "en;q=0.4,fr;q=0.5", "fr" },
                { "auto", "fr;q=0,de;q=0.1", "de" },
                { "auto", "fr;q=0", "en" },
                { "auto", "fr ; q=0.3 , de ; q=0.31", "de" },
                { "auto", "deutsch", "en" },
                { "auto", "*", "en" },
                { "auto", ";;,,;q=1,=", "en" },
                { "auto", "fr;q=x, de;q=0.001", "de" },
                { "fr", "de", "fr" },
                { "xx", "de", "en" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_equal(language_choose(rows[i].setting, rows[i].accept)->code, rows[i].code);
}

TEST_MAIN(cmocka_unit_test(test_complete), cmocka_unit_test(test_names), cmocka_unit_test(test_choose),
          cmocka_unit_test(test_setting))
