/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pagepolicy.h"
#include "tests/unit/test.h"

/* SHA-256 of the empty text, and of "abc" (FIPS 180-4's first example). */
#define EMPTY "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
#define ABC "'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='"

#define POLICY(style, script, connect)                                                   \
        "default-src 'none'; style-src " style "; script-src " script "; connect-src " connect \
        "; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

static void test_hashes(void **state) {
        char out[PAGE_POLICY_MAX];

        assert_int_equal(page_policy("", NULL, false, out), 0);
        assert_string_equal(out, POLICY(EMPTY, "'none'", "'none'"));
        assert_int_equal(page_policy("", "abc", true, out), 0);
        assert_string_equal(out, POLICY(EMPTY, ABC, "'self'"));
}

TEST_MAIN(cmocka_unit_test(test_hashes))
