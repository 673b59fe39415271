/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Odd answers: what they are read as, that nothing of them goes on as it came, and that their connection is
 * not used again. */

#include <stdio.h>

#include "hagw-proxyd/wire/forward.h"
#include "hagw-proxyd/wire/h1.h"
#include "tests/unit/test.h"

#define FIELDS 64U

static const H1Limits limits = { .head_size = 32 * 1024, .header_count = FIELDS - HEADER_SPARE };
static const H1Asked plain = {};

static Header fields[FIELDS];
static char buffer[64 * 1024], out[64 * 1024];
static Response answer;

static H1Verdict read_n(const char *text, size_t n, H1Asked asked) {
        H1Scan scan = {};

        memcpy(buffer, text, n);
        answer = (Response) { .headers = { .items = fields, .max = FIELDS } };
        return h1_read_response(&scan, buffer, n, &limits, asked, &answer);
}

static H1Verdict read_answer(const char *text, H1Asked asked) {
        return read_n(text, strlen(text), asked);
}

/* What a visitor gets of it. */
static const char *written(void) {
        BodyKind kind;
        size_t n;

        assert_int_equal(forward_response(&answer, &(ForwardAnswer) { .http1 = true }, &kind), 0);
        assert_int_equal(h1_write_response(&answer, out, sizeof(out) - 1, &n), 0);
        out[n] = '\0';
        return out;
}

#define OK "HTTP/1.1 200 OK\r\n"

static void test_read(void **state) {
        static const struct {
                const char *text, *written;
                BodyKind body;
        } rows[] = {
                /* Status lines */
                { "HTTP/1.1  200   OK \r\nContent-Length: 2\r\n\r\n", OK "Content-Length: 2\r\n\r\n",
                  BODY_LENGTH },
                { "http/1.1\t200\tOK\r\nContent-Length: 2\r\n\r\n", OK "Content-Length: 2\r\n\r\n",
                  BODY_LENGTH },
                { " HTTP/1.1 200\r\r\nContent-Length: 2\r\n\r\n",
                  "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\n",
                  BODY_LENGTH },
                { "HTTP/2 200\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\n",
                  BODY_LENGTH },
                { "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\n",
                  OK "Content-Length: 2\r\n\r\n", BODY_LENGTH },
                { "HTTP 200 OK\r\n\r\n", OK "Transfer-Encoding: chunked\r\n\r\n", BODY_UNTIL_EOF },
                { "ICY 200 OK\r\nicy-name: x\r\n\r\n",
                  OK "icy-name: x\r\nTransfer-Encoding: chunked\r\n\r\n",
                  BODY_UNTIL_EOF },
                { "HTTP/1.1 999 Own\r\nContent-Length: 0\r\n\r\n",
                  "HTTP/1.1 999 Own\r\nContent-Length: 0\r\n\r\n", BODY_NONE },
                { "HTTP/1.1 404 Not\rFound\r\nContent-Length: 0\r\n\r\n",
                  "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", BODY_NONE },
                { "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                  OK "Transfer-Encoding: chunked\r\n\r\n",
                  BODY_CHUNKED },
                /* Lines */
                { "HTTP/1.1 200 OK\nContent-Length: 2\n\n", OK "Content-Length: 2\r\n\r\n", BODY_LENGTH },
                { "\nHTTP/1.1 200 OK\nX: a\r\n\n", OK "X: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                  BODY_UNTIL_EOF },
                { OK "X: a\r\r\nY: b\r\r\nContent-Length: 2\r\n\r\n",
                  OK "X: a\r\nY: b\r\nContent-Length: 2\r\n\r\n",
                  BODY_LENGTH },
                { OK "X: a\r\n\t b\r\n \r\nContent-Length:\n 2\r\n\r\n",
                  OK "X: a  \t b\r\nContent-Length: 2\r\n\r\n",
                  BODY_LENGTH },
                { OK " X: a\r\n b\r\nContent-Length: 2\r\n\r\n",
                  OK "Content-Length: 2\r\n\r\n", BODY_LENGTH },
                /* Fields */
                { OK "X : a\r\nContent-Length\t: 2\r\n\r\n",
                  OK "X: a\r\nContent-Length: 2\r\n\r\n", BODY_LENGTH },
                { OK "X\r\n: a\r\nX Y: a\r\nX\xc3\xa4: b\r\nX(: c\r\n\x01: d\r\nContent-Length: 2\r\n\r\n",
                  OK "Content-Length: 2\r\n\r\n", BODY_LENGTH },
                { OK "HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\n", OK "Content-Length: 2\r\n\r\n",
                  BODY_LENGTH },
                { OK "X: \x01" "a\x1b[2J\x7f" "b\x0b\r\nContent-Length: 2\r\n\r\n",
                  OK "X: a [2J b\r\nContent-Length: 2\r\n\r\n", BODY_LENGTH },
                { OK "Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\r\nContent-Length: 2\r\n\r\n",
                  OK "Content-Length: 2\r\n\r\n", BODY_LENGTH },
                /* Framing */
                { OK "Content-Length: 2\r\nX: a\r\nContent-Length: 02, 2\r\n\r\n",
                  OK "Content-Length: 2\r\nX: a\r\n\r\n", BODY_LENGTH },
                { OK "Content-Length: 0000000000000000000000002\r\n\r\n", OK "Content-Length: 2\r\n\r\n",
                  BODY_LENGTH },
                { OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                  OK "Transfer-Encoding: chunked\r\n\r\n", BODY_CHUNKED },
                { OK "Transfer-Encoding: identity, chunked\r\nTransfer-Encoding: Chunked\r\n\r\n",
                  OK "Transfer-Encoding: chunked\r\n\r\n", BODY_CHUNKED },
                { OK "Transfer-Encoding:\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n",
                  OK "Content-Length: 2\r\n\r\n", BODY_LENGTH },
                { OK "Transfer-Encoding: identity\r\n\r\n", OK "Transfer-Encoding: chunked\r\n\r\n",
                  BODY_UNTIL_EOF },
                { "HTTP/1.1 204 No Content\r\nContent-Length: -5\r\nTransfer-Encoding: x\r\n\r\n",
                  "HTTP/1.1 204 No Content\r\n\r\n", BODY_NONE },
                { "HTTP/1.1 304 Not Modified\nTransfer-Encoding: chunked\n\n",
                  "HTTP/1.1 304 Not Modified\r\n\r\n", BODY_NONE },
                { "HTTP/1.1 100 Continue\nContent-Length: 5\n\n",
                  "HTTP/1.1 100 Continue\r\n\r\n", BODY_NONE },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                H1Verdict v = read_answer(rows[i].text, plain);

                if (v != H1_OK)
                        fail_msg("row %zu: %s:\n%s", i, h1_verdict_text(v), rows[i].text);
                assert_int_equal(answer.head_size, strlen(rows[i].text));
                assert_true(answer.flags & RESPONSE_CLOSE);
                assert_int_equal(answer.body, rows[i].body);
                assert_string_equal(written(), rows[i].written);
        }
        assert_int_equal(read_n(OK "X: a\0b\r\n\r\n", sizeof(OK) + 9, plain), H1_OK);
        assert_non_null(strstr(written(), "X: a b\r\n"));
}

static void test_refused(void **state) {
        static const H1Asked ws = { .websocket = true };
        static const struct {
                const char *text;
                H1Verdict verdict;
        } rows[] = {
                { "RTSP/1.0 200 OK\r\n\r\n", H1_NOT_HTTP },
                { "HTTPS/1.1 200 OK\r\n\r\n", H1_NOT_HTTP },
                { "HTTP/1.1/x 200 OK\r\n\r\n", H1_NOT_HTTP },
                { "<html>\r\n\r\n", H1_NOT_HTTP },
                { "HTTP/1.1\r\n\r\n", H1_BAD_LINE },
                { "HTTP/1.1 OK\r\n\r\n", H1_BAD_LINE },
                { "HTTP/1.1 0200 OK\r\n\r\n", H1_BAD_LINE },
                { "HTTP/1.1 200OK\r\n\r\n", H1_BAD_LINE },
                { "HTTP/1.1 000 OK\r\n\r\n", H1_BAD_LINE },
                { "HTTP/1.1\r200 OK\r\n\r\n", H1_NOT_HTTP },
                { "\n\nHTTP/1.1 200 OK\r\n\r\n", H1_BAD_LINE },
                { OK "X: a\rContent-Length: 2\r\n\r\n", H1_BAD_LINE },
                { OK "X: a\r\n\r\r\n\r\n", H1_BAD_LINE },
                { OK "Content-Length:\r\n\r\n", H1_BAD_FRAMING },
                { OK "Content-Length: 2\r\n 3\r\n\r\n", H1_BAD_FRAMING },
                { OK "Content-Length: 2,\r\nContent-Length: 3\r\n\r\n", H1_BAD_FRAMING },
                { OK "Content-Length: 2,,2\r\n\r\n", H1_BAD_FRAMING },
                { OK "Content-Length: +2\r\n\r\n", H1_BAD_FRAMING },
                { OK "Content-Length: 9000000000000000000\r\n\r\n", H1_BAD_FRAMING },
                { OK "Transfer-Encoding: gzip, chunked\r\n\r\n", H1_BAD_CODING },
                { OK "Transfer-Encoding: xchunked\r\n\r\n", H1_BAD_CODING },
                { OK "Transfer-Encoding: \x0b" "chunked\r\n\r\n", H1_BAD_FRAMING },
                { OK "Content-Length: 2\x01\r\n\r\n", H1_BAD_FRAMING },
                { OK "Transfer-Encoding: chunked;q=1\r\n\r\n", H1_BAD_CODING },
                { "HTTP/2.0 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", H1_UNASKED },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                H1Verdict v = read_answer(rows[i].text, ws);

                if (v != rows[i].verdict)
                        fail_msg("row %zu: %s, not %s:\n%s", i, h1_verdict_text(v),
                                 h1_verdict_text(rows[i].verdict), rows[i].text);
        }
}

/* What was asked counts as it does for others. */
static void test_asked(void **state) {
        static const H1Asked ws = { .websocket = true }, head = { .head = true };
        static const char upgrade[] = "HTTP/1.1 101 Switching\nUpgrade: websocket\nConnection: Upgrade\n\n";

        assert_int_equal(read_answer(upgrade, ws), H1_OK);
        assert_int_equal(answer.flags, RESPONSE_UPGRADED | RESPONSE_CLOSE);
        assert_int_equal(read_answer(upgrade, plain), H1_UNASKED);
        assert_int_equal(read_answer("HTTP/1.1 101 Switching\nUpgrade: websocket\n\n", ws), H1_UNASKED);
        assert_int_equal(read_answer(OK "Content-Length: 5\nContent-Length: 5\n\n", head), H1_OK);
        assert_int_equal(answer.body, BODY_NONE);
        assert_string_equal(written(), OK "Content-Length: 5\r\n\r\n");
}

/* Every way to cut one gives the same, and nothing before its end. */
static void test_segments(void **state) {
        static const char text[] = "\nHTTP/1.1  200 OK\nX: a\n b\r\nContent-Length:2\n\n";
        size_t size = sizeof(text) - 1;

        for (size_t cut = 0; cut < size; cut++) {
                H1Scan scan = {};

                memcpy(buffer, text, size);
                answer = (Response) { .headers = { .items = fields, .max = FIELDS } };
                assert_int_equal(h1_read_response(&scan, buffer, cut, &limits, plain, &answer), H1_MORE);
                assert_int_equal(h1_read_response(&scan, buffer, size, &limits, plain, &answer), H1_OK);
                assert_int_equal(answer.head_size, size);
                assert_int_equal(answer.headers.n, 2);
                assert_int_equal(answer.body_size, 2);
        }
}

static void test_limits(void **state) {
        size_t n = (size_t) sprintf(out, "HTTP/1.1 200 OK\n");
        static char text[64 * 1024];

        /* Fields: what is left out does not count. */
        memcpy(text, out, n);
        for (unsigned i = 0; i < limits.header_count; i++)
                n += (size_t) sprintf(text + n, "X: %u\n", i);
        memcpy(text + n, "\n", 2);
        assert_int_equal(read_answer(text, plain), H1_OK);
        assert_int_equal(answer.headers.n, limits.header_count);
        memcpy(text + n, "Y: a\n\n", 7);
        assert_int_equal(read_answer(text, plain), H1_TOO_MANY);
        /* A name longer than our structs hold is left out. */
        n = (size_t) sprintf(text, OK);
        memset(text + n, 'x', HEADER_NAME_MAX + 1);
        memcpy(text + n + HEADER_NAME_MAX + 1, ": y\r\nX: a\r\n\r\n", 14);
        assert_int_equal(read_answer(text, plain), H1_OK);
        assert_int_equal(answer.headers.n, 1);
        /* Bytes. */
        n = (size_t) sprintf(text, "HTTP/1.1 200 OK\nX: ");
        memset(text + n, 'x', sizeof(text) - n - 3);
        assert_int_equal(read_n(text, limits.head_size - 1, plain), H1_MORE);
        assert_int_equal(read_n(text, limits.head_size, plain), H1_TOO_LARGE);
}

/* Control bytes in a reason go no further, also where the answer is to the letter otherwise. */
static void test_reason(void **state) {
        static const char *const texts[] = { "O\x1b[2JK", "O\x01K", "O\x7fK", "OK\x08" };
        char text[64];

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                (void) snprintf(text, sizeof(text), "HTTP/1.1 200 %s\r\nContent-Length: 0\r\n\r\n",
                                texts[i]);
                assert_int_equal(read_answer(text, plain), H1_OK);
                assert_string_equal(written(), OK "Content-Length: 0\r\n\r\n");
        }
        assert_int_equal(read_answer("HTTP/1.1 200 O\tK \xfc\r\nContent-Length: 0\r\n\r\n", plain), H1_OK);
        assert_string_equal(written(), "HTTP/1.1 200 O\tK \xfc\r\nContent-Length: 0\r\n\r\n");
}

TEST_MAIN(cmocka_unit_test(test_read), cmocka_unit_test(test_refused), cmocka_unit_test(test_asked),
          cmocka_unit_test(test_segments), cmocka_unit_test(test_limits), cmocka_unit_test(test_reason))
