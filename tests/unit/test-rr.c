/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-dnsd/rr.h"
#include "tests/unit/test.h"

static void check(uint16_t type, const void *rdata, uint16_t size, const char *expected) {
        _cleanup_free_ char *text = NULL;

        assert_int_equal(rr_format(type, rdata, size, 0, size, &text), expected ? 0 : -EBADMSG);
        if (expected)
                assert_string_equal(text, expected);
}

static void test_format(void **state) {
        check(DNS_TYPE_A, "\300\0\2\1", 4, "192.0.2.1");
        check(DNS_TYPE_AAAA, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16, "2001:db8::1");
        check(DNS_TYPE_NS, "\2ns\1b", 6, "ns.b.");
        check(DNS_TYPE_TXT, "\1a\3b\"c", 6, "\"a\" \"b\\\"c\"");
        check(DNS_TYPE_TXT, "\1\1", 2, "\"\\001\"");
        check(DNS_TYPE_TXT, "\0", 1, "\"\"");
        check(DNS_TYPE_CAA, "\0\5issueca", 9, "0 issue \"ca\"");
        check(DNS_TYPE_SOA, "\1n\0\1h\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 26, "n. h. 1 2 3 4 5");
        check(65280, "\1\xff", 2, "\\# 2 01ff");
        check(65280, "", 0, "\\# 0");
}

static void test_broken(void **state) {
        check(DNS_TYPE_A, "\300\0\2", 3, NULL);
        check(DNS_TYPE_AAAA, "\300\0\2\1", 4, NULL);
        check(DNS_TYPE_NS, "\2ns\1", 4, NULL);
        check(DNS_TYPE_NS, "\1b\0x", 4, NULL);
        check(DNS_TYPE_TXT, "", 0, NULL);
        check(DNS_TYPE_TXT, "\5abc", 4, NULL);
        check(DNS_TYPE_CAA, "\0", 1, NULL);
        check(DNS_TYPE_CAA, "\0\5iss", 5, NULL);
        check(DNS_TYPE_SOA, "\1n\0\1h\0\0\0\0\1", 10, NULL);
}

static void test_rows(void **state) {
        assert_int_equal(rr_by_name("caa")->type, 257);
        assert_null(rr_by_name("NOTYPE"));
        assert_null(rr_by_type(65280));
        assert_int_equal(rr_by_type(DNS_TYPE_AXFR)->policy, RR_POLICY_REFUSED);
        for (uint32_t t = 0; t <= UINT16_MAX; t++)
                if (rr_by_type((uint16_t) t))
                        assert_ptr_equal(rr_by_name(rr_by_type((uint16_t) t)->name),
                                         rr_by_type((uint16_t) t));
}

TEST_MAIN(cmocka_unit_test(test_format), cmocka_unit_test(test_broken), cmocka_unit_test(test_rows))
