/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "h1.h"
#include "pages.h"
#include "test.h"

static char out[PAGE_SIZE_MAX];

/* Our own answers pass our own judge, and their length is true. */
static void assert_well_formed(size_t n, bool head) {
        static const H1Limits limits = { .head_size = 8192, .header_count = 32 };
        Header fields[48];
        Response r = { .headers = { .items = fields, .max = ELEMENTSOF(fields) } };
        H1Scan scan = {};

        assert_int_equal(h1_read_response(&scan, out, n, &limits, (H1Asked) { .head = head }, &r), H1_OK);
        if (head)
                assert_int_equal(r.head_size, n);
        else
                assert_int_equal(r.head_size + r.body_size, n);
        assert_string_equal(status_text(r.status)[0] ? "known" : "unknown", "known");
}

static void test_all(void **state) {
        for (unsigned kind = 0; kind < _PAGE_MAX; kind++)
                for (unsigned bits = 0; bits < 8; bits++) {
                        Page p = { .kind = (PageKind) kind,
                                   .html = bits & 1,
                                   .head = bits & 2,
                                   .close = bits & 4 };
                        size_t n = page_write(&p, out);

                        assert_well_formed(n, p.head);
                        assert_int_equal(!!memmem(out, n, "Connection: close", 17), p.close);
                        assert_int_equal(!!memmem(out, n, "text/html", 9), p.html);
                        /* The first of those that share a status. */
                        assert_int_equal(page_from_status(page_status(p.kind)),
                                         p.kind == PAGE_HOUSE_OFFLINE ? PAGE_UNAVAILABLE :
                                         p.kind == PAGE_FOREIGN       ? PAGE_UNAUTHORIZED :
                                                                        p.kind);
                }
        assert_int_equal(page_from_status(200), _PAGE_INVALID);
        /* Every error of a head has its page. */
        for (unsigned v = H1_MORE + 1; v < _H1_VERDICT_MAX; v++)
                assert_int_not_equal(page_from_status(h1_verdict_status((H1Verdict) v)), _PAGE_INVALID);
}

static void test_escapes(void **state) {
        Page p = {
                .kind = PAGE_BAD_GATEWAY,
                .html = true,
                .host = SLICE("<script>alert(1)</script>"),
                .upstream = SLICE("http://a\"b'c&d\r\n\xc3\xa4"),
                .error = SLICE("connection refused"),
        };
        size_t n = page_write(&p, out);

        assert_null(memmem(out, n, "<script", 7));
        assert_non_null(memmem(out, n, "&lt;script&gt;alert(1)&lt;/script&gt;", 37));
        assert_non_null(memmem(out, n, "a&quot;b&#39;c&amp;d????", 24));
        assert_non_null(memmem(out, n, "connection refused", 18));
        p.html = false;
        n = page_write(&p, out);
        assert_non_null(memmem(out, n, "What failed: connection refused\n", 32));
}

/* The worst that can be put in still ends in whole HTML. */
static void test_largest(void **state) {
        char text[4096];
        Slice s = { text, sizeof(text) };
        size_t n;

        memset(text, '"', sizeof(text));
        for (unsigned kind = 0; kind < _PAGE_MAX; kind++) {
                Page p = { .kind = (PageKind) kind,
                           .html = true,
                           .close = true,
                           .host = s,
                           .upstream = s,
                           .error = s };

                n = page_write(&p, out);
                assert_well_formed(n, false);
                assert_memory_equal(out + n - 8, "</html>\n", 8);
        }
}

static void test_redirect(void **state) {
        char location[PAGE_SIZE_MAX];
        size_t n;

        assert_int_equal(page_write_redirect(303, SLICE("/.hagw/auth/login?a=/"), NULL, false, out, &n), 0);
        assert_well_formed(n, false);
        assert_non_null(memmem(out, n, "303 See Other\r\nLocation: /.hagw/auth/login?a=/\r\n", 48));
        assert_int_equal(page_write_redirect(308, SLICE("https://a/\r\nX: y"), NULL, true, out, &n), 0);
        assert_well_formed(n, false);
        assert_non_null(memmem(out, n, "https://a/__X:_y\r\n", 18));
        memset(location, 'x', sizeof(location));
        assert_int_equal(
                page_write_redirect(308, (Slice){ location, sizeof(location) }, NULL, true, out, &n),
                -ENOBUFS);
        for (size_t k = PAGE_SIZE_MAX - 600; k < PAGE_SIZE_MAX; k++)
                if (page_write_redirect(308, (Slice) { location, k }, NULL, true, out, &n) >= 0)
                        assert_well_formed(n, false);
}

TEST_MAIN(cmocka_unit_test(test_all), cmocka_unit_test(test_escapes), cmocka_unit_test(test_largest),
          cmocka_unit_test(test_redirect))
