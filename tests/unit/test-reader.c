/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-proxyd/wire/h1.h"
#include "hagw-proxyd/wire/reader.h"
#include "tests/unit/test.h"

#define HTML "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n"
#define GERMAN "Accept-Language: de-AT,en;q=0.5\r\n"

static const struct {
        const char *method, *fields;
        bool html, again, form;
        const char *language;
} rows[] = {
        { "GET", "", false, true, false, "en" },
        { "GET", HTML, true, true, false, "en" },
        { "GET", HTML GERMAN, true, true, false, "de" },
        { "GET", GERMAN HTML, true, true, false, "de" },
        { "GET", HTML "Accept-Language: fr\r\n", true, true, false, "fr" },
        { "GET", HTML "Accept-Language: xx\r\n", true, true, false, "en" },
        { "GET", HTML "Accept-Language:\r\n", true, true, false, "en" },
        { "GET", "Accept: */*\r\nSec-Fetch-Mode: cors\r\n", false, true, false, "en" },
        { "GET", "ACCEPT: TEXT/HTML\r\n", true, true, false, "en" },
        { "HEAD", HTML, true, false, true, "en" },
        { "POST", HTML, true, false, true, "en" },
        { "POST", HTML "Sec-Fetch-Mode: navigate\r\n", true, false, true, "en" },
        { "POST", HTML "Sec-Fetch-Mode: cors\r\n", true, false, false, "en" },
        { "POST", "Accept: application/json\r\nSec-Fetch-Mode: navigate\r\n", false, false, false, "en" },
};

static void head_of(size_t i, char out[static 1024]) {
        (void) snprintf(out, 1024, "%s /x HTTP/1.1\r\nHost: a.b\r\n%s\r\n", rows[i].method, rows[i].fields);
}

static void test_request(void **state) {
        static const H1Limits limits = { .head_size = 8192, .header_count = 32 };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Header fields[48];
                Request q = { .headers = { .items = fields, .max = ELEMENTSOF(fields) } };
                H1Scan scan = {};
                Reader r;
                char head[1024];

                head_of(i, head);
                assert_int_equal(h1_read_request(&scan, head, strlen(head), &limits, &q), H1_OK);
                reader_of_request(&q, NULL, &r);
                assert_int_equal(r.html, rows[i].html);
                assert_int_equal(r.again, rows[i].again);
                assert_int_equal(r.form, rows[i].form && !streq(rows[i].method, "HEAD"));
                assert_string_equal(r.language->code, rows[i].language);
                reader_of_request(&q, languages + 2, &r);
                assert_string_equal(r.language->code, languages[2].code);
        }
}

/* The same of the bytes, wherever they end: what is not there is not known, and nothing is read beyond. */
static void test_bytes(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char head[1024];
                Reader r;

                head_of(i, head);
                for (size_t n = 0; n <= strlen(head); n++) {
                        char *copy = memcpy(malloc(n + 1), head, n);

                        reader_of_bytes((Slice) { copy, n }, NULL, &r);
                        assert_false(r.form);
                        assert_true(!r.html || rows[i].html);
                        free(copy);
                }
                reader_of_bytes(slice_from(head), NULL, &r);
                assert_int_equal(r.html, rows[i].html);
                assert_int_equal(r.again, rows[i].again);
                assert_true(!rows[i].html || streq(r.language->code, rows[i].language));
                reader_of_bytes(slice_from(head), languages + 1, &r);
                assert_string_equal(r.language->code, languages[1].code);
        }
}

static void test_odd_bytes(void **state) {
        static const char *const odd[] = { "", "\n", "\n\n\n", ":", "\n:", "\n:\n", "GET", "\r\n\r\n",
                                           "GET /\nAccept" };
        Reader r;

        for (size_t i = 0; i < ELEMENTSOF(odd); i++) {
                reader_of_bytes(slice_from(odd[i]), NULL, &r);
                assert_false(r.html);
        }
        reader_of_bytes((Slice) { NULL, 0 }, NULL, &r);
        assert_false(r.html);
        reader_of_bytes(SLICE("GET / HTTP/1.1\nAccept: text/html\nAccept-Language: fr\n"), NULL, &r);
        assert_true(r.html);
        assert_string_equal(r.language->code, "fr");
}

TEST_MAIN(cmocka_unit_test(test_request), cmocka_unit_test(test_bytes), cmocka_unit_test(test_odd_bytes))
