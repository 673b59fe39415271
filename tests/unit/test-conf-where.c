/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/conf-where.h"
#include "tests/unit/test.h"

static void test_where(void **state) {
        static const struct {
                const char *text;
                unsigned line, where;
                const char *words;
        } rows[] = {
                { "a = \"x;\nb = 1;\nc = \"y\";\n", 3, 1, "the quote in this line is not closed in it" },
                { "a = 1;\nb = \"x;\n", 2, 2, "the quote in this line is not closed in it" },
                { "a = \"it \\\" is\";\nb = ;\n", 2, 2,
                  " in this line, or at the end of what stands before it" },
                { "zones = (\n  { name = \"x\";\n);\n", 3, 2, "\"{\" is not closed before \")\" in line 3" },
                { "zones = (\n  { name = \"x\"; }\n", 3, 1, ": \"(\" is not closed" },
                { "# ( \"\n// {\n/* [\n*/ a = ;\n", 4, 4, " in this line" },
                { "a = 1;\n};\n", 2, 2, "\"}\" closes nothing" },
                { "", 1, 1, " in this line" },
                { "\"", 1, 1, "the quote" },
                { "/*", 1, 1, " in this line" },
                { "\"\\", 1, 1, "the quote" },
        };
        char out[CONF_WHERE_MAX];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                unsigned at = conf_where(rows[i].text, rows[i].line, out);

                if (at != rows[i].where || !strstr(out, rows[i].words))
                        fail_msg("%zu: %u%s", i, at, out);
        }
}

/* More brackets than are told apart. */
static void test_deep(void **state) {
        char text[101], out[CONF_WHERE_MAX];

        memset(text, '(', 100);
        text[100] = '\0';
        assert_int_equal(conf_where(text, 1, out), 1);
        memset(text + 50, ')', 50);
        assert_int_equal(conf_where(text, 1, out), 1);
        assert_string_equal(out, " in this line, or at the end of what stands before it");
        text[99] = '}';
        assert_int_equal(conf_where(text, 1, out), 1);
        assert_non_null(strstr(out, "\"(\" is not closed before \"}\""));
}

TEST_MAIN(cmocka_unit_test(test_where), cmocka_unit_test(test_deep))
