/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP/2's heads: what passes, what is refused; and what passes means the same to a reader of HTTP/1.1. */

#include <stdio.h>

#include "hagw-proxyd/wire/forward.h"
#include "hagw-proxyd/wire/h2-head.h"
#include "tests/unit/test.h"

#define FIELDS 64U
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static const H1Limits limits = { .head_size = 4096, .header_count = FIELDS - HEADER_SPARE };

typedef struct Field {
        Slice name, value;
} Field;

#define F(name, value) { { name, sizeof(name) - 1 }, { value, sizeof(value) - 1 } }
#define GET F(":method", "GET"), F(":scheme", "https")
#define ROOT F(":authority", "ha.example.com"), F(":path", "/")

static Header fields[FIELDS];
static char arena[8192];
static Request request;
static H2Head head;

static H1Verdict take(const Field *f, size_t n, bool bodiless) {
        request = (Request) { .headers = { .items = fields, .max = FIELDS } };
        h2_head_begin(&head, &request, &limits, arena, h2_head_arena_size(&limits));
        for (size_t i = 0; i < n; i++)
                (void) h2_head_field(&head, f[i].name, f[i].value);
        return h2_head_end(&head, bodiless, KEY);
}

#define TAKE(bodiless, ...) \
        take((const Field[]) { __VA_ARGS__ }, ELEMENTSOF(((const Field[]) { __VA_ARGS__ })), bodiless)

static void assert_slice(Slice s, const char *expected) {
        assert_int_equal(s.n, strlen(expected));
        assert_memory_equal(s.p, expected, s.n);
}

static const char *field(const char *name) {
        static char text[8192];

        for (size_t i = 0; i < request.headers.n; i++) {
                const Header *h = &request.headers.items[i];

                if (slice_equal((Slice) { h->name, h->name_size }, slice_from(name))) {
                        (void) snprintf(text, sizeof(text), "%.*s", (int) h->value_size, h->value);
                        return text;
                }
        }
        return NULL;
}

static void test_request(void **state) {
        assert_int_equal(TAKE(false, F(":method", "POST"), F(":path", "/api/x%2f?a=b"),
                              F(":scheme", "https"), F(":authority", "ha.Example.com:443"), F("x-a", "1"),
                              F("x-empty", ""), F("content-length", "17"), F("te", "trailers"),
                              F("expect", "100-continue")),
                         H1_OK);
        assert_int_equal(request.method, METHOD_POST);
        assert_slice(request.target, "/api/x%2f?a=b");
        assert_slice(request.authority, "ha.Example.com:443");
        assert_slice(request.host, "ha.Example.com");
        assert_int_equal(request.body, BODY_LENGTH);
        assert_int_equal(request.body_size, 17);
        assert_int_equal(request.flags, REQUEST_EXPECT_CONTINUE);
        assert_string_equal(field("host"), "ha.Example.com:443");
        assert_string_equal(field("x-empty"), "");
        assert_ptr_equal(request.head, arena);
}

static void test_bodies(void **state) {
        assert_int_equal(TAKE(true, GET, ROOT), H1_OK);
        assert_int_equal(request.body, BODY_NONE);
        assert_int_equal(TAKE(false, GET, ROOT), H1_OK);
        assert_int_equal(request.body, BODY_CHUNKED);
        assert_int_equal(TAKE(false, GET, ROOT, F("content-length", "0")), H1_OK);
        assert_int_equal(request.body, BODY_NONE);
        assert_int_equal(TAKE(true, GET, ROOT, F("content-length", "0")), H1_OK);
        assert_int_equal(request.body, BODY_NONE);
        assert_int_equal(TAKE(true, GET, ROOT, F("content-length", "1")), H1_BAD_FRAMING);
}

static void test_authority(void **state) {
        assert_int_equal(TAKE(true, GET, ROOT, F("host", "HA.example.com:443")), H1_OK);
        assert_string_equal(field("host"), "ha.example.com"); /* the authority, and once */
        assert_int_equal(TAKE(true, GET, F(":path", "/"), F("host", "ha.example.com:8443")), H1_OK);
        assert_slice(request.authority, "ha.example.com:8443");
        assert_int_equal(TAKE(true, GET, F(":authority", "[2001:db8::1]:"), F(":path", "/")), H1_OK);
        assert_slice(request.host, "[2001:db8::1]");
        assert_string_equal(field("host"), "[2001:db8::1]");
}

static void test_cookies(void **state) {
        assert_int_equal(TAKE(true, GET, ROOT, F("cookie", "a=1"), F("cookie", "b=2"), F("x-a", "1"),
                              F("cookie", "c=3"), F("cookie", "d=4")),
                         H1_OK);
        assert_string_equal(field("cookie"), "a=1; b=2; c=3; d=4");
        assert_int_equal(request.headers.n, 3);
}

static void test_too_many_crumbs(void **state) {
        Field f[4 + 1 + H2_COOKIE_CRUMBS_MAX + 1] = { GET, ROOT };
        const H1Limits wide = { 64U * 1024, FIELDS - HEADER_SPARE };
        static char much[65U * 1024];

        for (size_t i = 4; i < ELEMENTSOF(f); i++)
                f[i] = (Field) F("cookie", "a=1");
        for (unsigned more = 0; more < 2; more++) {
                request = (Request) { .headers = { .items = fields, .max = FIELDS } };
                h2_head_begin(&head, &request, &wide, much, sizeof(much));
                for (size_t i = 0; i < 4 + 1 + H2_COOKIE_CRUMBS_MAX + more; i++)
                        (void) h2_head_field(&head, f[i].name, f[i].value);
                assert_int_equal(h2_head_end(&head, true, KEY), more ? H1_TOO_MANY : H1_OK);
        }
}

static void test_websocket(void **state) {
#define WEBSOCKET F(":method", "CONNECT"), F(":protocol", "websocket"), F(":scheme", "https"), \
                  F(":authority", "ha.example.com"), F(":path", "/api/websocket")
        assert_int_equal(TAKE(false, WEBSOCKET, F("sec-websocket-version", "13"),
                              F("sec-websocket-key", "it is not said")),
                         H1_OK);
        assert_int_equal(request.method, METHOD_GET);
        assert_int_equal(request.body, BODY_NONE);
        assert_int_equal(request.flags, REQUEST_WEBSOCKET);
        assert_string_equal(field("sec-websocket-key"), KEY);
        assert_int_equal(TAKE(true, WEBSOCKET, F("sec-websocket-version", "13")), H1_BAD_UPGRADE);
        assert_int_equal(TAKE(false, WEBSOCKET), H1_BAD_UPGRADE);
        assert_int_equal(TAKE(false, WEBSOCKET, F("sec-websocket-version", "12")), H1_BAD_UPGRADE);
        assert_int_equal(TAKE(false, WEBSOCKET, F("sec-websocket-version", "13"), F("content-length", "0")),
                         H1_BAD_UPGRADE);
        assert_int_equal(TAKE(false, F(":method", "CONNECT"), F(":protocol", "connect-udp"),
                              F(":scheme", "https"), ROOT, F("sec-websocket-version", "13")),
                         H1_BAD_UPGRADE);
        assert_int_equal(TAKE(false, F(":protocol", "websocket"), GET, ROOT,
                              F("sec-websocket-version", "13")),
                         H1_BAD_UPGRADE);
}

/* Each beside a head that is right without it. */
static void test_refused_fields(void **state) {
        static const struct {
                Field field;
                H1Verdict verdict;
        } rows[] = {
                { F("connection", "close"), H1_BAD_HEADER },
                { F("keep-alive", "1"), H1_BAD_HEADER },
                { F("proxy-connection", "close"), H1_BAD_HEADER },
                { F("upgrade", "h2c"), H1_BAD_HEADER },
                { F("http2-settings", "AAAA"), H1_BAD_HEADER },
                { F("transfer-encoding", "chunked"), H1_BAD_FRAMING },
                { F("te", "gzip"), H1_BAD_HEADER },
                { F("X-A", "1"), H1_BAD_HEADER },
                { F("x a", "1"), H1_BAD_HEADER },
                { F("x:a", "1"), H1_BAD_HEADER },
                { F("x\r\na", "1"), H1_BAD_HEADER },
                { F("x\0a", "1"), H1_BAD_HEADER },
                { F("", "1"), H1_BAD_HEADER },
                { F("x-a", "1\r\ntransfer-encoding: chunked"), H1_BAD_HEADER },
                { F("x-a", "1\n"), H1_BAD_HEADER },
                { F("x-a", "1\0"), H1_BAD_HEADER },
                { F("x-a", " 1"), H1_BAD_HEADER },
                { F("x-a", "1\t"), H1_BAD_HEADER },
                { F("x-a", "1\x7f"), H1_BAD_HEADER },
                { F("content-length", "+1"), H1_BAD_FRAMING },
                { F("content-length", "1, 1"), H1_BAD_FRAMING },
                { F("content-length", ""), H1_BAD_FRAMING },
                { F("content-length", "1000000000000000000"), H1_BAD_FRAMING },
                { F("expect", "200-ok"), H1_BAD_EXPECT },
                { F("host", "other.example.com"), H1_BAD_HOST },
                { F("host", ""), H1_BAD_HOST },
                { F(":path", "/"), H1_BAD_TARGET },
                { F(":method", "GET"), H1_BAD_LINE },
                { F(":scheme", "https"), H1_BAD_TARGET },
                { F(":authority", "ha.example.com"), H1_BAD_HOST },
                { F(":status", "200"), H1_BAD_HEADER },
                { F(":", ""), H1_BAD_HEADER },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Field f[] = { GET, ROOT, rows[i].field };

                assert_int_equal(take(f, ELEMENTSOF(f), false), rows[i].verdict);
        }
        assert_int_equal(TAKE(false, GET, ROOT, F("content-length", "1"), F("content-length", "1")),
                         H1_BAD_FRAMING);
        assert_int_equal(TAKE(false, GET, ROOT, F("host", "ha.example.com"), F("host", "ha.example.com")),
                         H1_BAD_HOST);
        assert_int_equal(TAKE(true, GET, F(":authority", "ha.example.com"), F("x-a", "1"), F(":path", "/")),
                         H1_BAD_HEADER);
}

static void test_refused_lines(void **state) {
        static const struct {
                Slice method, scheme, authority, path;
                H1Verdict verdict;
        } rows[] = {
#define S(text) { text, sizeof(text) - 1 }
#define R(m, s, a, p, v) { S(m), S(s), S(a), S(p), v }
                R("OPTIONS", "https", "a.example", "*", H1_OK),
                R("GET", "https", "a.example", "*", H1_BAD_TARGET),
                R("PROPFIND", "https", "a.example", "/", H1_OK),
                R("get", "https", "a.example", "/", H1_BAD_METHOD),
                R("BREW", "https", "a.example", "/", H1_BAD_METHOD),
                R("G ET", "https", "a.example", "/", H1_BAD_LINE),
                R("GET / HTTP/1.1\r\nx:", "https", "a.example", "/", H1_BAD_LINE),
                R("CONNECT", "https", "a.example", "/", H1_REFUSED_METHOD),
                R("TRACE", "https", "a.example", "/", H1_REFUSED_METHOD),
                R("GET", "http", "a.example", "/", H1_BAD_TARGET),
                R("GET", "HTTPS", "a.example", "/", H1_BAD_TARGET),
                R("GET", "https", "a.example", "", H1_BAD_TARGET),
                R("GET", "https", "a.example", "x", H1_BAD_TARGET),
                R("GET", "https", "a.example", "https://b.example/", H1_BAD_TARGET),
                R("GET", "https", "a.example", "/ HTTP/1.1", H1_BAD_TARGET),
                R("GET", "https", "a.example", "/\r\nx: y", H1_BAD_TARGET),
                R("GET", "https", "a.example", "/\tx", H1_BAD_TARGET),
                R("GET", "https", "a.example", "/#x", H1_BAD_TARGET),
                R("GET", "https", "a.example", "/\xc3\xa4", H1_BAD_TARGET),
                R("GET", "https", "u@a.example", "/", H1_BAD_HOST),
                R("GET", "https", "a.example/x", "/", H1_BAD_HOST),
                R("GET", "https", "a.example:x", "/", H1_BAD_HOST),
                R("GET", "https", "a.example b", "/", H1_BAD_HOST),
                R("GET", "https", "", "/", H1_BAD_HOST),
#undef R
#undef S
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Field f[] = { { SLICE(":method"), rows[i].method }, { SLICE(":scheme"), rows[i].scheme },
                              { SLICE(":authority"), rows[i].authority }, { SLICE(":path"), rows[i].path } };

                assert_int_equal(take(f, ELEMENTSOF(f), true), rows[i].verdict);
        }
        assert_int_equal(TAKE(true, F(":scheme", "https"), ROOT), H1_BAD_LINE);
        assert_int_equal(TAKE(true, F(":method", "GET"), ROOT), H1_BAD_TARGET);
        assert_int_equal(TAKE(true, GET, F(":authority", "a.example")), H1_BAD_TARGET);
        assert_int_equal(TAKE(true, GET, F(":path", "/")), H1_BAD_HOST);
}

static void test_limits(void **state) {
        static char text[8192];
        Field f[4 + FIELDS] = { GET, ROOT };

        memset(text, 'x', sizeof(text));
        for (size_t i = 4; i < ELEMENTSOF(f); i++)
                f[i] = (Field) F("x-a", "1");
        assert_int_equal(take(f, 4 + limits.header_count - 1, true), H1_OK); /* and the Host */
        assert_int_equal(take(f, 4 + limits.header_count, true), H1_TOO_MANY);
        f[4].value = (Slice) { text, limits.head_size };
        assert_int_equal(take(f, 5, true), H1_TOO_LARGE);
        text[0] = '/';
        f[3].value = (Slice) { text, limits.head_size };
        assert_int_equal(take(f, 4, true), H1_TOO_LONG);
        text[0] = 'x';
        f[4] = (Field) { { text, HEADER_NAME_MAX + 1 }, SLICE("1") };
        f[3].value = SLICE("/");
        assert_int_equal(take(f, 5, true), H1_BAD_HEADER);
        /* Crumbs that other fields stand between are kept more than once, in the same room. */
        for (size_t i = 4; i < 40; i++)
                f[i] = i % 2 ? (Field) { SLICE("cookie"), { text, 100 } } : (Field) F("x-a", "1");
        assert_int_equal(take(f, 40, true), H1_TOO_LARGE);
}

/* The strict reader of HTTP/1.1 sees the one request that was judged. */
static void test_as_http1(void **state) {
        const ForwardContext context = { .address = SLICE("203.0.113.9") };
        static Header others[FIELDS];
        static char out[16384];
        Request again = { .headers = { .items = others, .max = FIELDS } };
        H1Scan scan = {};
        size_t n;

        assert_int_equal(TAKE(false, F(":method", "PUT"), F(":scheme", "https"), ROOT, F("cookie", "a=1"),
                              F("x-a", "b: c"), F("cookie", "d=2")),
                         H1_OK);
        assert_int_equal(forward_request(&request, &context), 0);
        assert_int_equal(h1_write_request(&request, out, sizeof(out), &n), 0);
        assert_int_equal(h1_read_request(&scan, out, n, &limits, &again), H1_OK);
        assert_int_equal(again.head_size, n);
        assert_slice(again.method_text, "PUT");
        assert_slice(again.target, "/");
        assert_slice(again.authority, "ha.example.com");
        assert_int_equal(again.body, BODY_CHUNKED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_request),
                cmocka_unit_test(test_bodies),
                cmocka_unit_test(test_authority),
                cmocka_unit_test(test_cookies),
                cmocka_unit_test(test_too_many_crumbs),
                cmocka_unit_test(test_websocket),
                cmocka_unit_test(test_refused_fields),
                cmocka_unit_test(test_refused_lines),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_as_http1),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
