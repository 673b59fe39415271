/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which answers are compressed: a row for each refusal, each of which differs from what is taken in nothing
 * but its reason. */

#include <stdio.h>

#include "hagw-proxyd/wire/compress.h"
#include "hagw-proxyd/wire/forward.h"
#include "hagw-proxyd/wire/h1.h"
#include "tests/unit/test.h"

#define FILE_OF(type) "Content-Type: " type "\r\nLast-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\n"
#define SCRIPT FILE_OF("text/javascript")
#define LONG "Content-Length: 1024\r\n"
#define TAKES "Accept-Encoding: gzip, br\r\n"

typedef struct Fixture {
        char request[2048], answer[2048], out[4096];
        Header asked[64], said[64];
        Request q;
        Response r;
        CompressPlan plan;
} Fixture;

/* target: with the method before it, where it is not GET. */
static void read_heads(Fixture *f, const char *target, const char *request, const char *status,
                       const char *answer) {
        const H1Limits limits = { 2048, 48 };
        H1Scan scan = {};
        H1Asked asked = {};

        *f = (Fixture) { .q.headers = { .items = f->asked, .max = ELEMENTSOF(f->asked) },
                         .r.headers = { .items = f->said, .max = ELEMENTSOF(f->said) } };
        (void) snprintf(f->request, sizeof(f->request), "%s%s HTTP/1.1\r\nHost: a.example\r\n%s\r\n",
                        target[0] == '/' ? "GET " : "", target, request);
        (void) snprintf(f->answer, sizeof(f->answer), "HTTP/1.1 %s\r\n%s\r\n", status, answer);
        assert_int_equal(h1_read_request(&scan, f->request, strlen(f->request), &limits, &f->q), H1_OK);
        asked.head = f->q.method == METHOD_HEAD;
        scan = (H1Scan) {};
        assert_int_equal(h1_read_response(&scan, f->answer, strlen(f->answer), &limits, asked, &f->r),
                         H1_OK);
}

static CompressVerdict judge(Fixture *f, const char *target, const char *request, const char *status,
                             const char *answer) {
        read_heads(f, target, request, status, answer);
        compress_judge(&f->q, &f->r, &f->plan);
        assert_int_equal(f->plan.coding != CODING_IDENTITY, f->plan.verdict == COMPRESS_YES);
        return f->plan.verdict;
}

typedef struct Row {
        CompressVerdict verdict;
        const char *target, *request, *status, *answer;
} Row;

static void check(const Row *rows, size_t n) {
        Fixture f;

        for (size_t i = 0; i < n; i++) {
                const Row *r = &rows[i];
                CompressVerdict v = judge(&f, r->target, r->request, r->status, r->answer);

                if (v != r->verdict)
                        fail_msg("%s %s %s %s: %s, not %s", r->target, r->request, r->status, r->answer,
                                 compress_verdict_text(v), compress_verdict_text(r->verdict));
        }
}

static void test_rows(void **state) {
        static const Row rows[] = {
                { COMPRESS_YES, "/a.js", TAKES, "200 OK", SCRIPT LONG },
                { COMPRESS_YES, "/a", TAKES, "200 OK", SCRIPT LONG },
                { COMPRESS_YES, "HEAD /a.js", TAKES, "200 OK", SCRIPT LONG },
                { COMPRESS_YES, "/a.js", TAKES, "200 OK", SCRIPT "Transfer-Encoding: chunked\r\n" },
                { COMPRESS_YES, "/a.js", TAKES, "200 OK", SCRIPT "Connection: close\r\n" },
                { COMPRESS_YES, "HEAD /a.js", TAKES, "200 OK", SCRIPT },
                { COMPRESS_YES, "/a.js", TAKES, "200 OK", SCRIPT LONG "ETag: \"x\"\r\n" },
                { COMPRESS_YES, "/a.js", TAKES "Cookie: session=1\r\nAuthorization: Basic eA==\r\n",
                  "200 OK",
                  SCRIPT LONG },

                { COMPRESS_METHOD, "POST /a.js", TAKES, "200 OK", SCRIPT LONG },
                { COMPRESS_METHOD, "OPTIONS /a.js", TAKES, "200 OK", SCRIPT LONG },
                { COMPRESS_METHOD, "/a.js", TAKES "Content-Length: 1\r\n", "200 OK", SCRIPT LONG },

                { COMPRESS_STATUS, "/a.js", TAKES, "404 Not Found", SCRIPT LONG },
                { COMPRESS_STATUS, "/a.js", TAKES, "203 Changed", SCRIPT LONG },
                { COMPRESS_STATUS, "/a.js", TAKES, "302 Found", SCRIPT LONG },
                { COMPRESS_STATUS, "/a.js", TAKES, "304 Not Modified", SCRIPT },

                { COMPRESS_TYPE, "/a.js", TAKES, "200 OK", FILE_OF("text/html") LONG },
                { COMPRESS_TYPE, "/a.js", TAKES, "200 OK", FILE_OF("text/plain") LONG },
                { COMPRESS_TYPE, "/a.js", TAKES, "200 OK", FILE_OF("text/event-stream") LONG },
                { COMPRESS_TYPE, "/a.js", TAKES, "200 OK", FILE_OF("application/xhtml+xml") LONG },
                { COMPRESS_TYPE, "/a.js", TAKES, "200 OK", FILE_OF("application/octet-stream") LONG },
                { COMPRESS_TYPE, "/a.js", TAKES, "200 OK", FILE_OF("image/png") LONG },
                { COMPRESS_TYPE, "/a.woff2", TAKES, "200 OK", FILE_OF("font/woff2") LONG },
                { COMPRESS_TYPE, "/a.js", TAKES, "200 OK", FILE_OF("text/javascriptx") LONG },
                { COMPRESS_TYPE, "/a.js", TAKES, "200 OK", FILE_OF("") LONG },
                { COMPRESS_TYPE, "/a.js", TAKES, "200 OK", SCRIPT LONG "Content-Type: text/html\r\n" },
                { COMPRESS_TYPE, "/a.js", TAKES, "200 OK", "Last-Modified: x\r\n" LONG },

                { COMPRESS_CODED, "/a.js", TAKES, "200 OK", SCRIPT LONG "Content-Encoding: gzip\r\n" },
                { COMPRESS_CODED, "/a.js", TAKES, "200 OK", SCRIPT LONG "Content-Encoding: zstd\r\n" },
                { COMPRESS_COOKIE, "/a.js", TAKES, "200 OK", SCRIPT LONG "Set-Cookie: a=b\r\n" },
                { COMPRESS_PRIVATE, "/a.js", TAKES, "200 OK", SCRIPT LONG "Cache-Control: private\r\n" },
                { COMPRESS_PRIVATE, "/a.js", TAKES,
                  "200 OK", SCRIPT LONG "Cache-Control: max-age=9, No-Store\r\n" },
                { COMPRESS_PRIVATE, "/a.js", TAKES, "200 OK",
                  SCRIPT LONG "Cache-Control: public\r\nCache-Control: private=\"x\"\r\n" },
                { COMPRESS_PRIVATE, "/a.js", TAKES, "200 OK", SCRIPT LONG "Vary: Origin, cookie\r\n" },
                { COMPRESS_PRIVATE, "/a.js", TAKES, "200 OK", SCRIPT LONG "Vary: Authorization\r\n" },
                { COMPRESS_PRIVATE, "/a.js", TAKES, "200 OK", SCRIPT LONG "Vary: *\r\n" },
                { COMPRESS_YES, "/a.js", TAKES, "200 OK", SCRIPT LONG "Vary: Origin, Accept-Encoding\r\n" },
                { COMPRESS_TRANSFORM, "/a.js", TAKES,
                  "200 OK", SCRIPT LONG "Cache-Control: public, no-transform\r\n" },
                { COMPRESS_TRANSFORM, "/a.js", TAKES "Cache-Control: no-transform\r\n",
                  "200 OK", SCRIPT LONG },
                { COMPRESS_YES, "/a.js", TAKES "Cache-Control: no-cache\r\n", "200 OK", SCRIPT LONG },
                { COMPRESS_YES, "/a.js", TAKES, "200 OK", SCRIPT LONG "Cache-Control: no-cache\r\n" },
                { COMPRESS_DIGEST, "/a.js", TAKES, "200 OK", SCRIPT LONG "Content-MD5: x\r\n" },
                { COMPRESS_DIGEST, "/a.js", TAKES, "200 OK", SCRIPT LONG "Digest: sha-256=x\r\n" },
                { COMPRESS_DIGEST, "/a.js", TAKES, "200 OK", SCRIPT LONG "Content-Digest: sha-256=:x:\r\n" },
                { COMPRESS_DIGEST, "/a.js", TAKES, "200 OK", SCRIPT LONG "Repr-Digest: sha-256=:x:\r\n" },

                { COMPRESS_TAG, "/a.js", TAKES, "200 OK", SCRIPT LONG "ETag: x\r\n" },
                { COMPRESS_TAG, "/a.js", TAKES, "200 OK", SCRIPT LONG "ETag: \"\r\n" },
                { COMPRESS_TAG, "/a.js", TAKES, "200 OK", SCRIPT LONG "ETag: w/\"x\"\r\n" },
                { COMPRESS_TAG, "/a.js", TAKES, "200 OK", SCRIPT LONG "ETag: \"x\" \"y\"\r\n" },
                { COMPRESS_SMALL, "/a.js", TAKES, "200 OK", SCRIPT "Content-Length: 1023\r\n" },
                { COMPRESS_SMALL, "/a.js", TAKES, "200 OK", SCRIPT "Content-Length: 0\r\n" },
                { COMPRESS_SMALL, "HEAD /a.js", TAKES, "200 OK", SCRIPT "Content-Length: 1023\r\n" },
                { COMPRESS_YES, "/a.js", "Accept-Encoding: gzip, identity;q=0\r\n", "200 OK",
                  SCRIPT "Content-Length: 1\r\n" },
                { COMPRESS_SMALL, "/a.js", "Accept-Encoding: gzip, identity;q=0\r\n", "200 OK",
                  SCRIPT "Content-Length: 0\r\n" },
                { COMPRESS_SMALL, "HEAD /a.js", "Accept-Encoding: gzip, identity;q=0\r\n", "200 OK",
                  SCRIPT "Content-Length: 0\r\n" },

                { COMPRESS_PART, "/a.js", TAKES "Range: bytes=0-9\r\n", "206 Partial Content",
                  SCRIPT "Content-Range: bytes 0-9/2000\r\nContent-Length: 10\r\n" },
                { COMPRESS_PART, "/a.js", TAKES "Range: bytes=0-9\r\n", "200 OK", SCRIPT LONG },
                { COMPRESS_UNWANTED, "/a.js", "", "200 OK", SCRIPT LONG },
                { COMPRESS_UNWANTED, "/a.js", "Accept-Encoding: identity\r\n", "200 OK", SCRIPT LONG },
                { COMPRESS_UNWANTED, "/a.js", "Accept-Encoding: zstd\r\n", "200 OK", SCRIPT LONG },
        };

        check(rows, ELEMENTSOF(rows));
}

/* What tells a file from what was made for the one who asks. */
static void test_files(void **state) {
#define JSON FILE_OF("application/json") LONG
#define BARE "Content-Type: text/javascript\r\n" LONG
        static const Row rows[] = {
                { COMPRESS_DYNAMIC, "/a.js", TAKES, "200 OK", BARE },
                { COMPRESS_DYNAMIC, "/a.js", TAKES, "200 OK", BARE "ETag: \"x\"\r\n" },
                { COMPRESS_DYNAMIC, "/a.js", TAKES, "200 OK", BARE "Cache-Control: max-age=3600\r\n" },
                { COMPRESS_DYNAMIC, "/a.js", TAKES, "200 OK", BARE "Cache-Control: publicly, no-cache\r\n" },
                { COMPRESS_YES, "/a.js", TAKES, "200 OK", BARE "Cache-Control: PUBLIC, max-age=0\r\n" },
                { COMPRESS_YES, "/a.js", TAKES, "200 OK", BARE "Cache-Control: max-age=9, immutable\r\n" },
                { COMPRESS_YES, "/a.js", TAKES, "200 OK", BARE "Cache-Control: s-maxage=9\r\n" },
                { COMPRESS_YES, "/a.js?v=1", TAKES, "200 OK", SCRIPT LONG },
                { COMPRESS_YES, "/x/a.min.MJS?v=1/2.html", TAKES, "200 OK", SCRIPT LONG },
                { COMPRESS_QUERY, "/jsonp?callback=x", TAKES, "200 OK", SCRIPT LONG },
                { COMPRESS_QUERY, "/a.css?v=1", TAKES, "200 OK", SCRIPT LONG },
                { COMPRESS_QUERY, "/js?v=1", TAKES, "200 OK", SCRIPT LONG },
                { COMPRESS_QUERY, "/a.js/?v=1", TAKES, "200 OK", SCRIPT LONG },
                { COMPRESS_QUERY, "/a?v=.js", TAKES, "200 OK", SCRIPT LONG },
                { COMPRESS_YES, "/a.css?v=1", TAKES, "200 OK", FILE_OF("text/css; charset=utf-8") LONG },
                { COMPRESS_YES, "/", TAKES, "200 OK", FILE_OF("text/css") LONG },
                /* Data. */
                { COMPRESS_YES, "/en.json", TAKES, "200 OK", JSON },
                { COMPRESS_YES, "/a.js.map", TAKES, "200 OK", JSON },
                { COMPRESS_YES, "/site.webmanifest", TAKES,
                  "200 OK", FILE_OF("application/manifest+json") LONG },
                { COMPRESS_YES, "/en.json", TAKES "Cookie: a=b\r\n", "200 OK", JSON },
                { COMPRESS_QUERY, "/api/states", TAKES, "200 OK", JSON },
                { COMPRESS_QUERY, "/en.json?x", TAKES, "200 OK", JSON },
                { COMPRESS_QUERY, "/en.json?", TAKES, "200 OK", JSON },
                { COMPRESS_QUERY, "/json", TAKES, "200 OK", JSON },
                { COMPRESS_QUERY, "/.json/x", TAKES, "200 OK", JSON },
                { COMPRESS_CREDENTIALS, "/en.json", TAKES "Authorization: Bearer x\r\n", "200 OK", JSON },
                { COMPRESS_DYNAMIC, "/en.json", TAKES, "200 OK",
                  "Content-Type: application/json\r\nETag: W/\"x\"\r\n" LONG },
                { COMPRESS_TYPE, "/en.json", TAKES, "200 OK", FILE_OF("application/problem+json") LONG },
                { COMPRESS_YES, "/a.ttf", TAKES, "200 OK", FILE_OF("font/ttf") LONG },
                { COMPRESS_YES, "/a.wasm", TAKES, "200 OK", FILE_OF("application/wasm") LONG },
                { COMPRESS_YES, "/a.svg", TAKES, "200 OK", FILE_OF("IMAGE/SVG+XML") LONG },
        };

        check(rows, ELEMENTSOF(rows));
}

/* A tag that was made weak comes back weak. */
static void test_unchanged(void **state) {
        static const Row rows[] = {
                { COMPRESS_UNCHANGED, "/a", "If-None-Match: W/\"x\"\r\n", "304 Same", "ETag: \"x\"\r\n" },
                { COMPRESS_UNCHANGED, "/a", "If-None-Match: \"y, W/\", W/\"x\"\r\n",
                  "304 Same", "ETag: \"x\"\r\n" },
                { COMPRESS_UNCHANGED, "/a", "If-None-Match: \"y\"\r\nIf-None-Match: W/\"x\"\r\n", "304 Same",
                  "ETag: \"x\"\r\n" },
                { COMPRESS_STATUS, "/a", "If-None-Match: W/\"x\"\r\n", "304 Same", "ETag: W/\"x\"\r\n" },
                { COMPRESS_STATUS, "/a", "If-None-Match: W/\"x\", \"x\"\r\n",
                  "304 Same", "ETag: \"x\"\r\n" },
                { COMPRESS_STATUS, "/a", "If-None-Match: \"x\"\r\n", "304 Same", "ETag: \"x\"\r\n" },
                { COMPRESS_STATUS, "/a", "If-None-Match: *\r\n", "304 Same", "ETag: \"x\"\r\n" },
                { COMPRESS_STATUS, "/a", "If-None-Match: W/\"x\r\n", "304 Same", "ETag: \"x\"\r\n" },
                { COMPRESS_STATUS, "/a", "If-None-Match: W/\"x\"\r\n", "304 Same", "" },
                { COMPRESS_STATUS, "/a", "If-None-Match: W/\"x\"\r\n", "304 Same", "ETag: x\r\n" },
        };

        check(rows, ELEMENTSOF(rows));
}

static const char *forwarded(Fixture *f, CompressVerdict expected, const char *target, const char *request,
                             const char *status, const char *answer, BodyKind *ret) {
        const ForwardAnswer a = { .http1 = true, .compress = &f->plan };
        size_t n;

        assert_int_equal(judge(f, target, request, status, answer), expected);
        assert_return_code(forward_response(&f->r, &a, ret), 0);
        assert_return_code(h1_write_response(&f->r, f->out, sizeof(f->out) - 1, &n), 0);
        f->out[n] = '\0';
        return f->out;
}

static void test_heads(void **state) {
        Fixture f;
        BodyKind kind;

        assert_string_equal(forwarded(&f, COMPRESS_YES, "/a.js", TAKES, "200 OK",
                                      SCRIPT LONG "ETag: \"x\"\r\nAccept-Ranges: bytes\r\n"
                                                  "Vary: Origin\r\n", &kind),
                            "HTTP/1.1 200 OK\r\n" SCRIPT "ETag: W/\"x\"\r\nVary: Origin\r\n"
                            "Content-Encoding: br\r\nVary: Accept-Encoding\r\n"
                            "Transfer-Encoding: chunked\r\n\r\n");
        assert_int_equal(kind, BODY_CHUNKED);
        assert_string_equal(forwarded(&f, COMPRESS_YES, "/a.js", "Accept-Encoding: gzip\r\n", "200 OK",
                                      SCRIPT "Transfer-Encoding: chunked\r\nETag: W/\"x\"\r\n"
                                      "Vary: origin, accept-encoding\r\n", &kind),
                            "HTTP/1.1 200 OK\r\n" SCRIPT "ETag: W/\"x\"\r\nVary: origin, accept-encoding\r\n"
                            "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
        /* As GET would be, but for the framing. */
        assert_string_equal(forwarded(&f, COMPRESS_YES, "HEAD /a.js", TAKES, "200 OK", SCRIPT LONG, &kind),
                            "HTTP/1.1 200 OK\r\n" SCRIPT "Content-Encoding: br\r\n"
                            "Vary: Accept-Encoding\r\n\r\n");
        assert_int_equal(kind, BODY_NONE);
        assert_string_equal(forwarded(&f, COMPRESS_UNWANTED, "/a.js", "", "200 OK",
                                      SCRIPT LONG "ETag: \"x\"\r\n", &kind),
                            "HTTP/1.1 200 OK\r\n" SCRIPT LONG "ETag: \"x\"\r\n"
                            "Vary: Accept-Encoding\r\n\r\n");
        assert_int_equal(kind, BODY_LENGTH);
        assert_string_equal(forwarded(&f, COMPRESS_PART, "/a.js", TAKES "Range: bytes=0-1023\r\n",
                                      "206 Partial Content", SCRIPT LONG "Accept-Ranges: bytes\r\n", &kind),
                            "HTTP/1.1 206 Partial Content\r\n" SCRIPT LONG
                            "Accept-Ranges: bytes\r\nVary: Accept-Encoding\r\n\r\n");
        assert_string_equal(forwarded(&f, COMPRESS_UNCHANGED, "/a.js", "If-None-Match: W/\"x\"\r\n",
                                      "304 Same", "ETag: \"x\"\r\n", &kind),
                            "HTTP/1.1 304 Same\r\nETag: W/\"x\"\r\nVary: Accept-Encoding\r\n\r\n");
        assert_string_equal(forwarded(&f, COMPRESS_DYNAMIC, "/a.js", TAKES, "200 OK",
                                      "Content-Type: text/javascript\r\n" LONG "ETag: \"x\"\r\n", &kind),
                            "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\n" LONG
                            "ETag: \"x\"\r\n\r\n");
}

static void test_limits(void **state) {
        char tag[COMPRESS_TAG_MAX + 2], answer[COMPRESS_TAG_MAX + 128];
        Fixture f;

        for (size_t more = 0; more < 2; more++) {
                memset(tag, 'x', sizeof(tag));
                tag[0] = tag[COMPRESS_TAG_MAX - 1 + more] = '"';
                tag[COMPRESS_TAG_MAX + more] = '\0';
                (void) snprintf(answer, sizeof(answer), SCRIPT LONG "ETag: %s\r\n", tag);
                assert_int_equal(judge(&f, "/a.js", TAKES, "200 OK", answer),
                                 more ? COMPRESS_TAG : COMPRESS_YES);
                compress_cut_head(&f.plan, &f.r);
        }
}

static void test_not(void **state) {
        Fixture f;

        assert_int_equal(judge(&f, "/a.js", TAKES, "200 OK", SCRIPT LONG), COMPRESS_YES);
        assert_int_equal(f.plan.coding, CODING_BROTLI);
        compress_not(&f.plan, COMPRESS_CROWDED);
        compress_cut_head(&f.plan, &f.r);
        assert_int_equal(f.r.body, BODY_LENGTH);
        assert_return_code(compress_say_head(&f.plan, &f.r), 0);
        assert_true(header_list_has_token(&f.r.headers, HEADER_VARY, "accept-encoding"));
        assert_null(header_list_find(&f.r.headers, HEADER_CONTENT_ENCODING));
        for (CompressVerdict v = 0; v < _COMPRESS_VERDICT_MAX; v++)
                assert_non_null(compress_verdict_text(v));
}

TEST_MAIN(cmocka_unit_test(test_rows), cmocka_unit_test(test_files), cmocka_unit_test(test_unchanged),
          cmocka_unit_test(test_heads), cmocka_unit_test(test_limits), cmocka_unit_test(test_not))
