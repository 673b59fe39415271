/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-proxyd/wire/h1.h"
#include "hagw-proxyd/wire/pages.h"
#include "tests/unit/test.h"

static char out[PAGE_SIZE_MAX + 4096];

/* As HTTP/1.1 has it. */
static size_t write_answer(const Answer *a, bool head) {
        char fields[PAGE_SIZE_MAX];
        size_t n, body = head ? 0 : a->body.n;

        assert_int_equal(h1_write_response(&a->response, fields, sizeof(fields), &n), 0);
        assert_true(n < 1536 || a->body.n == 0);
        assert_true(n + body <= sizeof(out));
        memmove(out + n, a->body.p ?: out, body);
        memcpy(out, fields, n);
        return n + body;
}

static size_t write_page(const Page *p, bool head) {
        Answer a;

        page_make(p, out, &a);
        assert_true(a.response.headers.n < PAGE_FIELDS_MAX + 1);
        return write_answer(&a, head);
}

static int write_redirect(unsigned status, Slice location, size_t *ret) {
        Answer a;
        int r = page_make_redirect(status, location, NULL, out, &a);

        if (r >= 0)
                *ret = write_answer(&a, false);
        return r;
}

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

static Page page_of(unsigned kind, const Language *language) {
        return (Page) { .kind = (PageKind) kind,
                        .html = true,
                        .again = true,
                        .language = language,
                        .policy = "default-src 'none'",
                        .host = SLICE("ha.home.example.com") };
}

static bool has(size_t n, const char *text) {
        return memmem(out, n, text, strlen(text));
}

static bool is_of_a_house(unsigned kind) {
        return kind >= PAGE_HOUSE_OFFLINE && kind <= PAGE_HOUSE_REFUSES;
}

static void test_all(void **state) {
        for (unsigned kind = 0; kind < _PAGE_MAX; kind++)
                for (unsigned bits = 0; bits < 4; bits++) {
                        Page p = page_of(kind, NULL);
                        size_t n;

                        p.html = bits & 1;
                        n = write_page(&p, bits & 2);
                        assert_well_formed(n, bits & 2);
                        assert_int_equal(has(n, "text/html"), p.html);
                        assert_int_equal(has(n, "Content-Security-Policy: default-src 'none'\r\n"), p.html);
                        /* The first of those that share a status. */
                        assert_int_equal(page_from_status(page_status(p.kind)),
                                         is_of_a_house(kind)                       ? PAGE_UNAVAILABLE :
                                         kind == PAGE_FORM || kind == PAGE_FOREIGN ? PAGE_UNAUTHORIZED :
                                                                                     kind);
                }
        assert_int_equal(page_from_status(200), _PAGE_INVALID);
        /* Every error of a head has its page. */
        for (unsigned v = H1_MORE + 1; v < _H1_VERDICT_MAX; v++)
                assert_int_not_equal(page_from_status(h1_verdict_status((H1Verdict) v)), _PAGE_INVALID);
}

static void test_escapes(void **state) {
        Page p = page_of(PAGE_BAD_GATEWAY, NULL);
        size_t n;

        p.inside = true;
        p.host = SLICE("<script>alert(1)</script>");
        p.upstream = SLICE("http://a\"b'c&d\r\n\xc3\xa4");
        p.error = SLICE("connection refused");
        n = write_page(&p, false);
        assert_false(has(n, "<script>alert"));
        assert_true(has(n, "&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert_true(has(n, "a&quot;b&#39;c&amp;d????"));
        assert_true(has(n, "connection refused"));
        p.html = false;
        n = write_page(&p, false);
        assert_true(has(n, "What failed: connection refused\n"));
}

/* What of the house is in trouble is said in the house. */
static void test_inside(void **state) {
        for (unsigned kind = 0; kind < _PAGE_MAX; kind++)
                for (unsigned bits = 0; bits < 4; bits++) {
                        Page p = page_of(kind, NULL);
                        size_t n;

                        p.html = bits & 1;
                        p.inside = bits & 2;
                        p.upstream = SLICE("192.168.1.4:8123");
                        p.error = SLICE("connection refused");
                        n = write_page(&p, false);
                        assert_int_equal(has(n, "192.168.1.4"), p.inside);
                        assert_int_equal(has(n, "connection refused"), p.inside);
                        assert_true(p.inside || !has(n, "hagw-ctl"));
                        assert_true(p.inside || !has(n, "hagw.conf"));
                        if (kind == PAGE_BAD_GATEWAY)
                                assert_int_equal(has(n, "hagw-ctl status"), p.inside);
                }
}

/* A page comes back by itself where that may help and does no harm. */
static void test_again(void **state) {
        for (unsigned kind = 0; kind < _PAGE_MAX; kind++)
                for (unsigned bits = 0; bits < 2; bits++) {
                        Page p = page_of(kind, NULL);
                        bool later = kind == PAGE_MISDIRECTED || kind == PAGE_BAD_GATEWAY ||
                                     kind == PAGE_HOUSE_OFFLINE || kind == PAGE_HOUSE_CROWDED ||
                                     kind == PAGE_UNAVAILABLE ||
                                     kind == PAGE_GATEWAY_TIMEOUT;
                        size_t n;

                        p.again = bits;
                        n = write_page(&p, false);
                        assert_int_equal(has(n, "Retry-After: "), later);
                        assert_int_equal(has(n, "<script>"), later && p.again);
                        assert_int_equal(has(n, "<noscript><meta http-equiv=\"refresh\""), later && p.again);
                        assert_int_equal(has(n, "id=\"again\""), later && p.again);
                }
}

/* Behind another gateway our names have another character. */
static void test_depth(void **state) {
        for (unsigned kind = 0; kind < _PAGE_MAX; kind++) {
                bool challenged = kind == PAGE_UNAUTHORIZED || kind == PAGE_FORM || kind == PAGE_FOREIGN;
                Page p = page_of(kind, NULL);
                size_t n;

                p.depth = '3';
                n = write_page(&p, false);
                assert_int_equal(has(n, "href=\"/.hag3/auth/login?return=/\""),
                                 kind == PAGE_UNAUTHORIZED || kind == PAGE_FORM);
                assert_int_equal(has(n, "WWW-Authenticate: Cookie realm=\"hagw\", form-action="
                                        "\"/.hag3/auth/login\", cookie-name=\"__Host-hag3\"\r\n"),
                                 challenged);
                assert_false(has(n, ".hagw/") || has(n, "Host-hagw"));
        }
}

static void test_login(void **state) {
        for (unsigned kind = 0; kind < _PAGE_MAX; kind++) {
                Page p = page_of(kind, NULL);
                size_t n = write_page(&p, false);

                assert_int_equal(has(n, "href=\"/.hagw/auth/login?return=/\""),
                                 kind == PAGE_UNAUTHORIZED || kind == PAGE_FORM);
                assert_int_equal(has(n, "target=\"_blank\" rel=\"noopener\""), kind == PAGE_FORM);
        }
}

static void test_languages(void **state) {
        for (const Language *l = languages; l->code; l++) {
                char lang[32], field[64];

                (void) snprintf(lang, sizeof(lang), "<html lang=\"%s\">", l->code);
                (void) snprintf(field, sizeof(field), "Content-Language: %s\r\n", l->code);
                for (unsigned kind = 0; kind < _PAGE_MAX; kind++) {
                        Page p = page_of(kind, l);
                        size_t n = write_page(&p, false);

                        assert_well_formed(n, false);
                        assert_true(has(n, lang));
                        assert_true(has(n, field));
                        assert_true(has(n, l->texts[TEXT_FOOTER]));
                        /* Programs are told in English. */
                        p.html = false;
                        n = write_page(&p, false);
                        assert_false(has(n, "Content-Language"));
                        assert_false(has(n, "&"));
                }
        }
}

/* The worst that can be put in still ends in whole HTML: bytes of the largest are bounded, and known. */
static void test_largest(void **state) {
        char text[4096], policy[512];
        Slice s = { text, sizeof(text) };
        size_t largest = 0;

        memset(text, '"', sizeof(text));
        memset(policy, 'p', sizeof(policy) - 1);
        policy[sizeof(policy) - 1] = '\0';
        for (const Language *l = languages; l->code; l++)
                for (unsigned kind = 0; kind < _PAGE_MAX; kind++) {
                        Page p = page_of(kind, l);
                        size_t n;

                        p.inside = true;
                        p.policy = policy;
                        p.host = p.upstream = p.error = s;
                        p.date = "Sun, 06 Nov 1994 08:49:37 GMT";
                        n = write_page(&p, false);
                        largest = MAX(largest, n);
                        assert_well_formed(n, false);
                        assert_true(has(n, "text/html"));
                        assert_memory_equal(out + n - 8, "</html>\n", 8);
                        p = page_of(kind, l);
                        p.policy = policy;
                        assert_true(write_page(&p, false) < 12288);
                }
        print_message("the largest: %zu bytes\n", largest);
        assert_true(largest < PAGE_SIZE_MAX);
}

static void test_redirect(void **state) {
        char location[PAGE_SIZE_MAX + 1];
        size_t n = 0;

        assert_int_equal(write_redirect(303, SLICE("/.hagw/auth/login?a=/"), &n), 0);
        assert_well_formed(n, false);
        assert_non_null(memmem(out, n, "303 See Other\r\nLocation: /.hagw/auth/login?a=/\r\n", 48));
        assert_int_equal(write_redirect(308, SLICE("https://a/\r\nX: y"), &n), 0);
        assert_well_formed(n, false);
        assert_non_null(memmem(out, n, "https://a/__X:_y\r\n", 18));
        memset(location, 'x', sizeof(location));
        assert_int_equal(
                write_redirect(308, (Slice){ location, sizeof(location) }, &n),
                -ENOBUFS);
        assert_int_equal(write_redirect(308, (Slice) { location, 4096 }, &n), 0);
        assert_well_formed(n, false);
}

/* Who is refused reads why, but for those of whom there may be very many. */
static void test_refusals(void **state) {
        assert_int_equal(page_from_refusal(REFUSAL_NONE), _PAGE_INVALID);
        assert_int_equal(page_from_refusal(_REFUSAL_MAX), _PAGE_INVALID);
        for (Refusal r = REFUSAL_NONE + 1; r < _REFUSAL_MAX; r++)
                assert_int_equal(page_from_refusal(r) == _PAGE_INVALID, r == REFUSAL_CONNECTIONS);
}

TEST_MAIN(cmocka_unit_test(test_refusals), cmocka_unit_test(test_all), cmocka_unit_test(test_escapes),
          cmocka_unit_test(test_inside), cmocka_unit_test(test_again), cmocka_unit_test(test_depth),
          cmocka_unit_test(test_login), cmocka_unit_test(test_languages), cmocka_unit_test(test_largest),
          cmocka_unit_test(test_redirect))
