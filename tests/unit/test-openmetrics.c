/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <math.h>

#include "hagw-webd/openmetrics.h"
#include "tests/unit/test.h"

static void test_text(void **state) {
        const Figure figures[] = {
                { .name = "up", .help = "Whether it answers", .daemon = "dnsd", .value = 1 },
                { .name = "queries",
                  .help = "Questions\nand \\ more",
                  .daemon = "dnsd",
                  .counter = true,
                  .value = 12345678901,
                  .labels = { "type", "\"A\"\n\\" },
                  .n_labels = 1 },
                { .name = "up", .help = "ignored", .daemon = "netd", .value = 0 },
                { .name = "queries", .help = "of another type", .daemon = "netd", .value = 5 },
                { .name = "age", .help = "h", .value = 0.25 },
        };
        _cleanup_free_ char *s = NULL;

        assert_int_equal(openmetrics_write(figures, ELEMENTSOF(figures), &s), 0);
        assert_string_equal(s,
                            "# TYPE hagw_age gauge\n# HELP hagw_age h\nhagw_age 0.25\n"
                            "# TYPE hagw_queries counter\n# HELP hagw_queries Questions\\nand \\\\ more\n"
                            "hagw_queries_total{daemon=\"dnsd\",type=\"\\\"A\\\"\\n\\\\\"} 12345678901\n"
                            "# TYPE hagw_up gauge\n# HELP hagw_up Whether it answers\n"
                            "hagw_up{daemon=\"dnsd\"} 1\nhagw_up{daemon=\"netd\"} 0\n"
                            "# EOF\n");
}

static void test_valid(void **state) {
        Figure f = { .name = "ok_1", .help = "", .value = 1 };

        assert_true(figure_is_valid(&f));
        f.name = "";
        assert_false(figure_is_valid(&f));
        f.name = "1x";
        assert_false(figure_is_valid(&f));
        f.name = "a{b=\"c\"} 1\n";
        assert_false(figure_is_valid(&f));
        f = (Figure) { .name = "a", .help = "", .value = NAN };
        assert_false(figure_is_valid(&f));
        f = (Figure) { .name = "a", .help = "", .counter = true, .value = -1 };
        assert_false(figure_is_valid(&f));
        f = (Figure) { .name = "a", .help = "", .labels = { "b c", "x" }, .n_labels = 1 };
        assert_false(figure_is_valid(&f));
}

static void test_empty(void **state) {
        _cleanup_free_ char *s = NULL;

        assert_int_equal(openmetrics_write(NULL, 0, &s), 0);
        assert_string_equal(s, "# EOF\n");
}

TEST_MAIN(cmocka_unit_test(test_text), cmocka_unit_test(test_valid), cmocka_unit_test(test_empty))
