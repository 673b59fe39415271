/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/base64url.h"
#include "tests/unit/test.h"

static void assert_round(const char *plain, const char *encoded) {
        _cleanup_free_ char *e = base64url_encode(plain, strlen(plain));
        _cleanup_free_ void *d = NULL;
        size_t n;

        assert_string_equal(e, encoded);
        assert_int_equal(strlen(e), BASE64URL_LENGTH(strlen(plain)));
        assert_int_equal(base64url_decode(e, strlen(e), &d, &n), 0);
        assert_int_equal(n, strlen(plain));
        assert_memory_equal(d, plain, n);
}

static void test_round_trip(void **state) {
        assert_round("", "");
        assert_round("f", "Zg");
        assert_round("fo", "Zm8");
        assert_round("foo", "Zm9v");
        assert_round("\xfb\xff", "-_8");
}

static void test_refuses(void **state) {
        static const char *const bad[] = { "Z", "Zg==", "Zh", "Zm9", "a b", "Zg\n", "+/8", "Zm9vZ" };
        void *d;
        size_t n;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(base64url_decode(bad[i], strlen(bad[i]), &d, &n), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refuses))
