/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/reason.h"
#include "tests/unit/test.h"

static void test_given(void **state) {
        _cleanup_free_ char *reason = NULL;

        assert_int_equal(reason_give(&reason, -EINVAL, "\"%s\" is number %u.", "x", 3U), -EINVAL);
        assert_string_equal(reason, "\"x\" is number 3.");
}

/* libcurl's own sentences, and what is nearly one of them. */
static void test_measures(void **state) {
        static const struct {
                const char *text, *left;
        } rows[] = {
                { "Failed to connect to ntfy.test port 443 after 12 ms: Could not connect to server",
                  "Failed to connect to ntfy.test port 443: Could not connect to server" },
                { "Connection timed out after 15001 milliseconds", "Connection timed out" },
                { "Resolving timed out after 15000 milliseconds", "Resolving timed out" },
                { "Connection timeout after 300 ms", "Connection timeout" },
                { "Operation timed out after 60001 milliseconds with 0 bytes received",
                  "Operation timed out" },
                { "Operation timed out after 60002 milliseconds with 17 out of 4096 bytes received",
                  "Operation timed out" },
                { "look after yourself after 5 ms", "look after yourself" },
                { "Could not resolve host: after.test", "Could not resolve host: after.test" },
                { "closed after ms", "closed after ms" },
                { "closed after 3 tries", "closed after 3 tries" },
                { "it ends with after 12", "it ends with after 12" },
                { "it ends with after ", "it ends with after " },
                { "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = strdup(rows[i].text);

                assert_non_null(text);
                reason_drop_measures(text);
                assert_string_equal(text, rows[i].left);
        }
}

TEST_MAIN(cmocka_unit_test(test_given), cmocka_unit_test(test_measures))
