/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/wire/request.h"
#include "libhagw/pure/hostname.h"
#include "tests/unit/test.h"

static Header items[4];

static Request with(Method m, const char *name, const char *value) {
        Request r = { .method = m, .headers = { .items = items, .max = ELEMENTSOF(items) } };

        if (name)
                assert_int_equal(header_list_add(&r.headers, name, slice_from(value)), 0);
        return r;
}

static void test_methods(void **state) {
        static const struct {
                const char *text;
                Method method;
                bool idempotent;
        } rows[] = { { "GET", METHOD_GET, true },       { "HEAD", METHOD_HEAD, true },
                     { "POST", METHOD_POST, false },    { "PUT", METHOD_PUT, true },
                     { "DELETE", METHOD_DELETE, true }, { "OPTIONS", METHOD_OPTIONS, true },
                     { "PATCH", METHOD_PATCH, false },  { "PROPFIND", METHOD_OTHER, false },
                     { "get", METHOD_OTHER, false },    { "", METHOD_OTHER, false } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(method_from_text(slice_from(rows[i].text)), rows[i].method);
                assert_int_equal(method_is_idempotent(rows[i].method), rows[i].idempotent);
        }
}

static void test_target(void **state) {
        Request r = { .target = SLICE("/a?b?c") };

        assert_true(slice_equal(request_path(&r), SLICE("/a")));
        assert_true(slice_equal(request_query(&r), SLICE("b?c")));
        r.target = SLICE("/a?");
        assert_true(slice_equal(request_path(&r), SLICE("/a")));
        assert_int_equal(request_query(&r).n, 0);
        r.target = SLICE("/a");
        assert_true(slice_equal(request_path(&r), SLICE("/a")));
        assert_int_equal(request_query(&r).n, 0);
}

static void test_host(void **state) {
        char name[HOSTNAME_MAX + 1];
        Request r = { .host = SLICE("HA.Example.com.") };

        assert_int_equal(request_normalize_host(&r, name), 14);
        assert_string_equal(name, "ha.example.com");
        r.host = SLICE("[::1]");
        assert_int_equal(request_normalize_host(&r, name), -EINVAL);
}

static void test_html(void **state) {
        static const struct {
                const char *accept;
                bool html;
        } rows[] = { { "text/html", true },      { "Text/HTML;q=0.9, */*", true },
                     { "*/*", false },           { "application/json", false },
                     { "text/htmlx", false },    { "application/xhtml+xml", true },
                     { "a,text/html ;x", true }, { "", false } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Request r = with(METHOD_GET, "Accept", rows[i].accept);

                assert_int_equal(request_accepts_html(&r), rows[i].html);
                assert_int_equal(request_is_navigation(&r), rows[i].html);
                r.method = METHOD_POST;
                assert_false(request_is_navigation(&r));
        }
        Request r = with(METHOD_GET, "Sec-Fetch-Mode", "navigate");
        assert_true(request_is_navigation(&r));
        r.flags = REQUEST_WEBSOCKET;
        assert_false(request_is_navigation(&r));
        r = with(METHOD_GET, "Sec-Fetch-Mode", "cors");
        assert_int_equal(header_list_add(&r.headers, "Accept", SLICE("text/html")), 0);
        assert_false(request_is_navigation(&r));
}

TEST_MAIN(cmocka_unit_test(test_methods), cmocka_unit_test(test_target), cmocka_unit_test(test_host),
          cmocka_unit_test(test_html))
