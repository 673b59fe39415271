/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-acmed/acme.h"
#include "tests/unit/test.h"

static void test_urls(void **state) {
        static const char *const good[] = { "https://ca.example/dir", "https://[2001:db8::1]:14000/x?y=z",
                                            "https://a" };
        static const char *const bad[] = {
                "",
                "https://",
                "https:///x",
                "http://ca.example/",
                "file:///etc/passwd",
                "HTTPS://x",
                "//ca.example/",
                "https://ca.example/a b",
                "https://ca.example/\n",
                "https://ca.example/\x7f",
                "https://ca.example/\"",
                "https://ca.example/\xc3\xa4",
                "ftp://x",
        };
        char longest[ACME_URL_MAX + 2];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(acme_url_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(acme_url_is_valid(bad[i]));
        memset(longest, 'a', sizeof(longest));
        memcpy(longest, "https://", 8);
        longest[ACME_URL_MAX] = '\0';
        assert_true(acme_url_is_valid(longest));
        longest[ACME_URL_MAX] = 'a';
        longest[ACME_URL_MAX + 1] = '\0';
        assert_false(acme_url_is_valid(longest));
}

static void test_tokens(void **state) {
        static const char *const bad[] = { "", "a/b", "../x", "a.b", "a b", "a=", "a+b", "a\n", "\xc3\xa4" };
        char longest[ACME_TOKEN_MAX + 2] = {};

        assert_true(acme_token_is_valid("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(acme_token_is_valid(bad[i]));
        memset(longest, 'x', ACME_TOKEN_MAX);
        assert_true(acme_token_is_valid(longest));
        longest[ACME_TOKEN_MAX] = 'x';
        assert_false(acme_token_is_valid(longest));
}

static void test_problem_is_printable(void **state) {
        AcmeAnswer a = {};

        assert_int_equal(acme_problem_set(&a.problem, "t", "%s",
                                          "a\x1b[31m\nb\xc2\x9b"
                                          "c\xc3\xa4\xc3"),
                         0);
        assert_string_equal(a.problem.text, "a [31m b  c\xc3\xa4 ");
        assert_true(acme_problem_is(&a.problem, "t"));
        assert_false(acme_problem_is(&a.problem, "u"));
        acme_answer_done(&a);
        assert_false(acme_problem_is(&a.problem, "t"));
}

static void test_links(void **state) {
        char *url = acme_link_alternate("<https://ca/alt/1>;rel=\"alternate\"");

        assert_string_equal(url, "https://ca/alt/1");
        free(url);
        assert_null(acme_link_alternate("<https://ca/dir>;rel=\"index\""));
        assert_null(acme_link_alternate("<file:///etc/passwd>;rel=\"alternate\""));
        assert_null(acme_link_alternate("https://ca/alt/1;rel=\"alternate\""));
        assert_null(acme_link_alternate("<https://ca/alt/1"));
        assert_null(acme_link_alternate(""));
}

static void test_times(void **state) {
        static const struct {
                const char *text;
                uint64_t seconds;
        } good[] = {
                { "1970-01-01T00:00:00Z", 0 },
                { "2025-01-02T04:00:00Z", 1735790400 },
                { "2025-01-02T04:00:00.123456789Z", 1735790400 },
                { "2025-01-02T05:30:00+01:30", 1735790400 },
                { "2025-01-01t20:00:00-08:00", 1735790400 },
        };
        static const char *const bad[] = { "",
                                           "x",
                                           "2025-01-02",
                                           "2025-01-02T04:00:00",
                                           "2025-13-02T04:00:00Z",
                                           "2025-01-02T04:00:00Zx",
                                           "2025-01-02T24:00:00Z",
                                           "2025-01-02T04:00:00.Z",
                                           "2025-01-02T04:00:00+1",
                                           "1969-12-31T23:59:59Z",
                                           "1970-01-01T00:00:00+01:00",
                                           "99999-01-02T04:00:00Z",
                                           "2025-01-02 04:00:00Z" };
        uint64_t usec;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                assert_int_equal(acme_time_parse(good[i].text, &usec), 0);
                assert_int_equal(usec, good[i].seconds * USEC_PER_SEC);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(acme_time_parse(bad[i], &usec), -EINVAL);
}

static void test_statuses(void **state) {
        for (int i = 0; i < _ACME_STATUS_MAX; i++)
                assert_int_equal(acme_status_from_string(acme_status_to_string(i)), i);
        assert_int_equal(acme_status_from_string("fine"), _ACME_STATUS_INVALID);
}

TEST_MAIN(cmocka_unit_test(test_urls), cmocka_unit_test(test_tokens),
          cmocka_unit_test(test_problem_is_printable), cmocka_unit_test(test_links),
          cmocka_unit_test(test_times), cmocka_unit_test(test_statuses))
