/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Heads: what passes, what is refused and with which status, however the bytes are cut. */

#include <stdio.h>

#include "hagw-proxyd/wire/h1.h"
#include "tests/unit/test.h"

#define FIELDS 64U

static const H1Limits limits = { .head_size = 32 * 1024, .header_count = FIELDS - HEADER_SPARE };

typedef struct Fixture {
        Header fields[FIELDS];
        char buffer[64 * 1024];
        H1Scan scan;
        Request request;
        Response response;
} Fixture;

static Fixture f;

static H1Verdict request_n(const char *text, size_t n) {
        memcpy(f.buffer, text, n);
        f.scan = (H1Scan) {};
        f.request = (Request) { .headers = { .items = f.fields, .max = FIELDS } };
        return h1_read_request(&f.scan, f.buffer, n, &limits, &f.request);
}

static H1Verdict request(const char *text) {
        return request_n(text, strlen(text));
}

static H1Verdict response(const char *text, H1Asked asked) {
        size_t n = strlen(text);

        memcpy(f.buffer, text, n);
        f.scan = (H1Scan) {};
        f.response = (Response) { .headers = { .items = f.fields, .max = FIELDS } };
        return h1_read_response(&f.scan, f.buffer, n, &limits, asked, &f.response);
}

static void assert_slice(Slice s, const char *expected) {
        assert_int_equal(s.n, strlen(expected));
        assert_memory_equal(s.p, expected, s.n);
}

#define H "GET / HTTP/1.1\r\nHost: a.example\r\n"

static void test_request(void **state) {
        static const char text[] =
                "POST /api/x%2f?a=b&c=%20 HTTP/1.1\r\nhost: ha.Example.com:443\r\nX-A: 1\r\nx-a:2 "
                "\t\r\nX-Empty:\r\n"
                "content-length: 17\r\nConnection: close\r\nExpect: 100-continue\r\n\r\nbody";

        assert_int_equal(request(text), H1_OK);
        assert_int_equal(f.request.head_size, sizeof(text) - 1 - 4);
        assert_int_equal(f.request.method, METHOD_POST);
        assert_slice(f.request.method_text, "POST");
        assert_slice(f.request.target, "/api/x%2f?a=b&c=%20");
        assert_slice(request_path(&f.request), "/api/x%2f");
        assert_slice(request_query(&f.request), "a=b&c=%20");
        assert_slice(f.request.authority, "ha.Example.com:443");
        assert_slice(f.request.host, "ha.Example.com");
        assert_int_equal(f.request.body, BODY_LENGTH);
        assert_int_equal(f.request.body_size, 17);
        assert_int_equal(f.request.flags, REQUEST_CLOSE | REQUEST_EXPECT_CONTINUE);
        assert_int_equal(f.request.headers.n, 7);
        assert_slice(header_value(&f.fields[1]), "1");
        assert_slice(header_value(&f.fields[2]), "2");
        assert_slice(header_value(&f.fields[3]), "");
        assert_ptr_equal(f.fields[1].name, strstr(f.buffer, "X-A"));
}

/* Every way to cut a head gives the same, and nothing before its end. */
static void test_segments(void **state) {
        static const char text[] =
                "\r\nGET /a?b HTTP/1.1\r\nHost: a.example\r\nCookie: a=b\r\n\r\nGET /next";
        size_t head = sizeof(text) - 1 - 9;

        memcpy(f.buffer, text, sizeof(text));
        f.scan = (H1Scan) {};
        f.request = (Request) { .headers = { .items = f.fields, .max = FIELDS } };
        for (size_t n = 0; n < head; n++)
                assert_int_equal(h1_read_request(&f.scan, f.buffer, n, &limits, &f.request), H1_MORE);
        assert_int_equal(h1_read_request(&f.scan, f.buffer, sizeof(text) - 1, &limits, &f.request), H1_OK);
        assert_int_equal(f.request.head_size, head);
        assert_slice(f.request.target, "/a?b");
        assert_int_equal(f.request.headers.n, 2);
}

/* Noise is known by its first byte; nobody waits for its end. */
static void test_noise(void **state) {
        static const struct {
                const char *text;
                H1Verdict verdict;
        } rows[] = {
                { "\x16\x03\x01", H1_BAD_LINE },      { " GET", H1_BAD_LINE },
                { "\r\n\x16", H1_BAD_LINE },          { "\x80", H1_BAD_LINE },
                { "{", H1_BAD_LINE },                 { "0GET / HTTP/1.1", H1_BAD_METHOD },
                { "\r\nget /", H1_BAD_METHOD },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(request(rows[i].text), rows[i].verdict);
        /* As it is of the whole, however it was cut. */
        assert_int_equal(request("0GET / HTTP/1.1\r\nHost: a\r\n\r\n"), H1_BAD_METHOD);
}

static void test_refused_requests(void **state) {
        static const struct {
                const char *text;
                H1Verdict verdict;
        } rows[] = {
                /* Request line */
                { "GET / HTTP/1.0\r\nHost: a\r\n\r\n", H1_BAD_VERSION },
                { "GET / HTTP/2.0\r\nHost: a\r\n\r\n", H1_BAD_VERSION },
                { "GET / HTTP/1.2\r\nHost: a\r\n\r\n", H1_BAD_VERSION },
                { "GET / http/1.1\r\nHost: a\r\n\r\n", H1_BAD_LINE },
                { "GET / RTSP/1.0\r\nHost: a\r\n\r\n", H1_BAD_LINE },
                { "GET /\r\nHost: a\r\n\r\n", H1_BAD_VERSION },
                { "GET /a-rather-long-path\r\nHost: a\r\n\r\n", H1_BAD_LINE },
                { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", H1_BAD_VERSION },
                { "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET },
                { "GET / a HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET },
                { "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET },
                { "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_LINE },
                { " GET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_LINE },
                { "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_LINE },
                { "get / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_METHOD },
                { "FROBNICATE / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_METHOD },
                { "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", H1_REFUSED_METHOD },
                { "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", H1_REFUSED_METHOD },
                { "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET },
                { "GET /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET },
                { "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET },
                { "GET a HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET },
                { "GET * HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET },
                { "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET },
                { "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_HOST },
                { "GET https://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_HOST },
                { "GET https:///x HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_HOST },
                /* Line ends */
                { "GET / HTTP/1.1\nHost: a\n\n", H1_BAD_LINE },
                { "GET / HTTP/1.1\r\nHost: a\n\r\n", H1_BAD_LINE },
                { "GET / HTTP/1.1\r\nHost: a\r\n\n", H1_BAD_LINE },
                { "GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n", H1_BAD_LINE },
                { "GET / HTTP/1.1\r\rHost: a\r\n\r\n", H1_BAD_LINE },
                { "\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_LINE },
                { "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_LINE },
                { "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_LINE },
                /* Fields */
                { H "X: a\r\n b\r\n\r\n", H1_BAD_LINE },
                { H "X: a\r\n\tb\r\n\r\n", H1_BAD_LINE },
                { "GET / HTTP/1.1\r\n Host: a\r\n\r\n", H1_BAD_LINE },
                { H "X : a\r\n\r\n", H1_BAD_HEADER },
                { H "Content-Length : 5\r\n\r\n", H1_BAD_HEADER },
                { H "Transfer-Encoding : chunked\r\n\r\n", H1_BAD_HEADER },
                { H "X\r\n\r\n", H1_BAD_HEADER },
                { H ": a\r\n\r\n", H1_BAD_HEADER },
                { H "X(: a\r\n\r\n", H1_BAD_HEADER },
                { H "X\xc3\xa4: a\r\n\r\n", H1_BAD_HEADER },
                { H "X: a\x01\r\n\r\n", H1_BAD_HEADER },
                { H "X: a\x7f\r\n\r\n", H1_BAD_HEADER },
                /* Host */
                { "GET / HTTP/1.1\r\nX: a\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost:\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost: :\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost: a::\r\n\r\n", H1_BAD_HOST },
                { "GET https://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_HOST },
                { "GET http://a:443/ HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_HOST },
                { "GET https://:443/ HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost: a:443443\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost: :443\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", H1_BAD_HOST },
                { "GET / HTTP/1.1\r\nHost: [a]b\r\n\r\n", H1_BAD_HOST },
                /* Length */
                { H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", H1_BAD_FRAMING },
                { H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", H1_BAD_FRAMING },
                { H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", H1_BAD_FRAMING },
                { H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", H1_BAD_FRAMING },
                { H "Content-Length: 5, 5\r\n\r\n", H1_BAD_FRAMING },
                { H "Content-Length: +5\r\n\r\n", H1_BAD_FRAMING },
                { H "Content-Length: -5\r\n\r\n", H1_BAD_FRAMING },
                { H "Content-Length: 0x5\r\n\r\n", H1_BAD_FRAMING },
                { H "Content-Length: 5 5\r\n\r\n", H1_BAD_FRAMING },
                { H "Content-Length: 5a\r\n\r\n", H1_BAD_FRAMING },
                { H "Content-Length:\r\n\r\n", H1_BAD_FRAMING },
                { H "Content-Length: 18446744073709551616\r\n\r\n", H1_BAD_FRAMING },
                { H "Content-Length: 1844674407370955161600\r\n\r\n", H1_BAD_FRAMING },
                { H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", H1_BAD_FRAMING },
                { H "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n", H1_BAD_FRAMING },
                { H "Transfer-Encoding: chunked, identity\r\n\r\n", H1_BAD_FRAMING },
                { H "Transfer-Encoding: chunked, chunked\r\n\r\n", H1_BAD_FRAMING },
                { H "Transfer-Encoding: identity\r\n\r\n", H1_BAD_FRAMING },
                { H "Transfer-Encoding: xchunked\r\n\r\n", H1_BAD_FRAMING },
                { H "Transfer-Encoding: \"chunked\"\r\n\r\n", H1_BAD_FRAMING },
                { H "Transfer-Encoding: chunked;q=1\r\n\r\n", H1_BAD_FRAMING },
                { H "Transfer-Encoding:\r\n\r\n", H1_BAD_FRAMING },
                { H "Transfer-Encoding: \x0b" "chunked\r\n\r\n", H1_BAD_HEADER },
                /* Upgrade, Expect, Connection */
                { H "Expect: 200-maybe\r\n\r\n", H1_BAD_EXPECT },
                { H "Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\r\n\r\n", H1_BAD_HEADER },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                H1Verdict v = request(rows[i].text);

                if (v != rows[i].verdict)
                        fail_msg("row %zu: %s, not %s:\n%s", i, h1_verdict_text(v),
                                 h1_verdict_text(rows[i].verdict), rows[i].text);
        }
        assert_int_equal(request(H "Transfer-Encoding: gzip, chunked\r\n\r\n"), H1_BAD_CODING);
}

/* Bytes that C strings cannot carry, in every place of a head: never taken. */
static void test_nul_everywhere(void **state) {
        static const char head[] = "GET /path HTTP/1.1\r\nHost: a.example\r\nX-Field: value\r\n\r\n";
        char text[sizeof(head)];

        for (size_t i = 0; i < sizeof(head) - 1; i++) {
                memcpy(text, head, sizeof(head));
                text[i] = '\0';
                assert_int_not_equal(request_n(text, sizeof(head) - 1), H1_OK);
        }
}

static void test_accepted_requests(void **state) {
        static const char *const texts[] = {
                "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
                "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n",
                "DELETE /x HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n",
                "GET /\"<>^`{|}\\?\"<>^`{|}\\? HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET //x/../%00%2e/;a=b HTTP/1.1\r\nHost: a\r\n\r\n",
                H "X: \xc3\xa4\t b\r\n\r\n",
                H "X!#$%&'*+-.^_`|~1: a\r\n\r\n",
                H "Transfer-Encoding: ChUnKeD\r\n\r\n",
                H "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAA\r\n\r\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                H1Verdict v = request(texts[i]);

                if (v != H1_OK)
                        fail_msg("%s: %s", h1_verdict_text(v), texts[i]);
                assert_int_equal(f.request.head_size, strlen(texts[i]));
                assert_false(f.request.flags & REQUEST_WEBSOCKET);
        }
}

static void test_absolute_target(void **state) {
        assert_int_equal(request("GET HTTPS://A.example:1/x?y HTTP/1.1\r\nHost: a.example:1\r\n\r\n"),
                         H1_OK);
        assert_slice(f.request.target, "/x?y");
        assert_int_equal(request("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"), H1_OK);
        assert_slice(f.request.target, "/");
        /* Ports that say nothing. */
        assert_int_equal(request("GET https://a:443/ HTTP/1.1\r\nHost: A\r\n\r\n"), H1_OK);
        assert_int_equal(request("GET https://a:/ HTTP/1.1\r\nHost: a:443\r\n\r\n"), H1_OK);
        assert_int_equal(request("GET http://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n"), H1_OK);
        assert_int_equal(request("GET / HTTP/1.1\r\nHost: a:\r\n\r\n"), H1_OK);
        assert_slice(f.request.authority, "a");
        assert_slice(f.request.host, "a");
        assert_slice(header_value(&f.fields[0]), "a");
        assert_int_equal(request("GET / HTTP/1.1\r\nHost: [::1]:\r\n\r\n"), H1_OK);
        assert_slice(f.request.host, "[::1]");
        assert_int_equal(request("GET http://a?x HTTP/1.1\r\nHost: a\r\n\r\n"), H1_BAD_HOST);
}

#define WS "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void test_websocket(void **state) {
        assert_int_equal(request(H WS "\r\n"), H1_OK);
        assert_int_equal(f.request.flags, REQUEST_WEBSOCKET);
        /* Another token, or no Connection option: no upgrade, and none goes further. */
        assert_int_equal(request(H "Upgrade: websocket2\r\nConnection: Upgrade\r\n\r\n"), H1_OK);
        assert_false(f.request.flags & REQUEST_WEBSOCKET);
        assert_int_equal(request(H "Upgrade: websocket\r\n\r\n"), H1_OK);
        assert_false(f.request.flags & REQUEST_WEBSOCKET);
        /* Misuse. */
        assert_int_equal(request("POST / HTTP/1.1\r\nHost: a\r\n" WS "\r\n"), H1_BAD_UPGRADE);
        assert_int_equal(request(H WS "Content-Length: 5\r\n\r\n"), H1_BAD_UPGRADE);
        assert_int_equal(request(H WS "Transfer-Encoding: chunked\r\n\r\n"), H1_BAD_UPGRADE);
        assert_int_equal(request(H WS "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
                         H1_BAD_UPGRADE);
        assert_int_equal(request(H WS "Upgrade: websocket\r\n\r\n"), H1_BAD_UPGRADE);
        assert_int_equal(request(H WS "Expect: 100-continue\r\n\r\n"), H1_BAD_UPGRADE);
        assert_int_equal(request(H "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), H1_BAD_UPGRADE);
        assert_int_equal(request(H
                                 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
                                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
                         H1_BAD_UPGRADE);
}

static void test_limits(void **state) {
        _cleanup_free_ char *text = malloc(64 * 1024);
        size_t n;

        /* Exactly as many fields as allowed, then one more. */
        n = (size_t) sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (unsigned i = 1; i < limits.header_count; i++)
                n += (size_t) sprintf(text + n, "X-%u: y\r\n", i);
        memcpy(text + n, "\r\n", 3);
        assert_int_equal(request(text), H1_OK);
        memcpy(text + n, "Z: z\r\n\r\n", 9);
        assert_int_equal(request(text), H1_TOO_MANY);
        /* Exactly as many bytes, then one more; said before the end came. */
        for (int more = 0; more < 2; more++) {
                static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
                size_t size = limits.head_size + (size_t) more;

                memcpy(text, start, sizeof(start) - 1);
                memset(text + sizeof(start) - 1, 'x', size);
                memcpy(text + size - 4, "\r\n\r\n", 5);
                assert_int_equal(request(text), more ? H1_TOO_LARGE : H1_OK);
        }
        memset(text, 'A', 40000);
        assert_int_equal(request_n(text, limits.head_size), H1_TOO_LONG);
        assert_int_equal(request_n(text, limits.head_size - 1), H1_MORE);
        /* A name longer than our structs hold. */
        n = (size_t) sprintf(text, H);
        memset(text + n, 'x', 300);
        memcpy(text + n + 300, ": y\r\n\r\n", 8);
        assert_int_equal(request(text), H1_BAD_HEADER);
        /* What Home Assistant takes must pass (REQUIREMENTS 10). */
        n = (size_t) sprintf(text, "GET /?");
        memset(text + n, 'q', 24000);
        memcpy(text + n + 24000, " HTTP/1.1\r\nHost: a\r\n\r\n", 23);
        assert_int_equal(request(text), H1_OK);
}

static void test_response(void **state) {
        static const H1Asked plain = {}, head = { .head = true }, ws = { .websocket = true };

        assert_int_equal(response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a\r\nSet-Cookie: "
                                  "b\r\n\r\nhello",
                                  plain),
                         H1_OK);
        assert_int_equal(f.response.status, 200);
        assert_slice(f.response.reason, "OK");
        assert_int_equal(f.response.body, BODY_LENGTH);
        assert_int_equal(f.response.body_size, 5);
        assert_int_equal(f.response.flags, 0);
        assert_int_equal(f.response.headers.n, 3);
        assert_int_equal(response("HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", head), H1_OK);
        assert_int_equal(f.response.body, BODY_NONE);
        assert_slice(f.response.reason, "");
        assert_int_equal(response("HTTP/1.1 200 \r\n\r\n", plain), H1_OK);
        assert_int_equal(f.response.body, BODY_UNTIL_EOF);
        assert_int_equal(f.response.flags, RESPONSE_CLOSE);
        assert_int_equal(response("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", plain), H1_OK);
        assert_int_equal(f.response.flags, RESPONSE_CLOSE);
        assert_int_equal(response("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", plain), H1_OK);
        assert_int_equal(f.response.body, BODY_NONE);
        assert_int_equal(response("HTTP/1.1 204 No Content\r\n\r\n", plain), H1_OK);
        assert_int_equal(f.response.body, BODY_NONE);
        assert_int_equal(response("HTTP/1.1 100 Continue\r\n\r\n", plain), H1_OK);
        assert_int_equal(f.response.flags, RESPONSE_INTERIM);
        assert_int_equal(response("HTTP/1.1 404 Nicht da \xfc\r\nTransfer-Encoding: chunked\r\nConnection: "
                                  "close\r\n\r\n",
                                  plain),
                         H1_OK);
        assert_int_equal(f.response.body, BODY_CHUNKED);
        assert_int_equal(f.response.flags, RESPONSE_CLOSE);
        assert_int_equal(response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: "
                                  "upgrade\r\n\r\n",
                                  ws),
                         H1_OK);
        assert_int_equal(f.response.flags, RESPONSE_UPGRADED);
}

static void test_refused_responses(void **state) {
        static const H1Asked plain = {}, ws = { .websocket = true };
        static const struct {
                const char *text;
                H1Verdict verdict;
        } rows[] = {
                { "HTTP/1.1 20\r\nContent-Length: 5\r\n\r\n", H1_BAD_LINE },
                { "HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\n", H1_BAD_LINE },
                { "HTTP/1.1 099 OK\r\nContent-Length: 5\r\n\r\n", H1_BAD_LINE },
                { "SSH-2.0-OpenSSH_9\r\n\r\n", H1_NOT_HTTP },
                { "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", H1_BAD_CODING },
                { "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", H1_BAD_CODING },
                { "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", H1_UNASKED },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                H1Verdict v = response(rows[i].text, plain);

                if (v != rows[i].verdict)
                        fail_msg("row %zu: %s, not %s:\n%s", i, h1_verdict_text(v),
                                 h1_verdict_text(rows[i].verdict), rows[i].text);
        }
        assert_int_equal(response("HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", ws),
                         H1_UNASKED);
        assert_int_equal(response("HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n", ws), H1_UNASKED);
        assert_int_equal(response("HTTP/1.0 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", ws),
                         H1_UNASKED);
}

static void test_write(void **state) {
        static const char text[] = "GET /a?b HTTP/1.1\r\nHost: a\r\nX:   1\r\nx: 2\r\n\r\n";
        static const char answer[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        char out[256];
        size_t n;

        assert_int_equal(request(text), H1_OK);
        assert_int_equal(h1_write_request(&f.request, out, sizeof(out), &n), 0);
        assert_slice((Slice) { out, n }, "GET /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: 2\r\n\r\n");
        assert_int_equal(n, h1_request_size(&f.request));
        assert_int_equal(h1_write_request(&f.request, out, n - 1, &n), -ENOBUFS);
        assert_int_equal(response(answer, (H1Asked) {}), H1_OK);
        assert_int_equal(h1_write_response(&f.response, out, sizeof(out), &n), 0);
        assert_slice((Slice) { out, n }, answer);
        assert_int_equal(n, h1_response_size(&f.response));
        assert_int_equal(h1_write_response(&f.response, out, n - 1, &n), -ENOBUFS);
}

static void test_status(void **state) {
        static const unsigned known[] = { 400, 405, 414, 417, 431, 501, 502, 505 };

        for (unsigned v = H1_MORE + 1; v < _H1_VERDICT_MAX; v++) {
                bool found = false;

                for (size_t i = 0; i < ELEMENTSOF(known); i++)
                        found |= h1_verdict_status((H1Verdict) v) == known[i];
                assert_true(found);
                assert_non_null(h1_verdict_text((H1Verdict) v));
        }
}

TEST_MAIN(cmocka_unit_test(test_request), cmocka_unit_test(test_segments), cmocka_unit_test(test_noise),
          cmocka_unit_test(test_refused_requests), cmocka_unit_test(test_nul_everywhere),
          cmocka_unit_test(test_accepted_requests), cmocka_unit_test(test_absolute_target),
          cmocka_unit_test(test_websocket), cmocka_unit_test(test_limits), cmocka_unit_test(test_response),
          cmocka_unit_test(test_refused_responses), cmocka_unit_test(test_write),
          cmocka_unit_test(test_status))
