/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bodies: the payload is the same however the bytes are cut, and framing that is wrong is found. */

#include "hagw-proxyd/wire/h1-body.h"
#include "tests/unit/test.h"

/* Feeds text in pieces of step bytes; collects the payload. */
static H1BodyResult feed_as(H1Reading reading, BodyKind kind, uint64_t size, const char *text, size_t n,
                            size_t step, char *out, size_t *ret_out, size_t *ret_used, bool *ret_odd) {
        H1BodyResult r = H1_BODY_MORE;
        size_t used, at = 0;
        Slice data;
        H1Body b;

        *ret_out = 0;
        h1_body_init(&b, kind, size, reading);
        while (at < n && r != H1_BODY_END && r != H1_BODY_BAD) {
                size_t k = MIN(step, n - at);

                r = h1_body_next(&b, text + at, k, &used, &data);
                assert_true(used <= k);
                at += used;
                if (r == H1_BODY_DATA) {
                        assert_true(data.n > 0);
                        memcpy(out + *ret_out, data.p, data.n);
                        *ret_out += data.n;
                } else if (r == H1_BODY_MORE)
                        assert_int_equal(used, k);
        }
        /* The end may be known already, without a further byte. */
        if (r == H1_BODY_DATA)
                r = h1_body_next(&b, NULL, 0, &used, &data);
        *ret_used = at;
        *ret_odd = b.odd;
        return r;
}

static H1BodyResult feed(BodyKind kind, uint64_t size, const char *text, size_t n, size_t step, char *out,
                         size_t *ret_out, size_t *ret_used) {
        bool odd;

        return feed_as(H1_STRICT, kind, size, text, n, step, out, ret_out, ret_used, &odd);
}

static void test_chunked(void **state) {
        static const char text[] = "5\r\nhello\r\n1;ext=\"a b\";c\r\n,\r\n0000A\r\n "
                                   "wonderful\r\n0\r\nTrailer: x\r\nB: y\r\n\r\nGET /";
        char out[64];
        size_t n, used;

        for (size_t step = 1; step < sizeof(text); step++) {
                assert_int_equal(feed(BODY_CHUNKED, 0, text, sizeof(text) - 1, step, out, &n, &used),
                                 H1_BODY_END);
                assert_int_equal(n, 16);
                assert_memory_equal(out, "hello, wonderful", 16);
                assert_int_equal(used, sizeof(text) - 1 - 5);
        }
}

static void test_length(void **state) {
        char out[16];
        size_t n, used;

        assert_int_equal(feed(BODY_LENGTH, 5, "hello world", 11, 11, out, &n, &used), H1_BODY_END);
        assert_int_equal(n, 5);
        assert_int_equal(used, 5);
        assert_int_equal(feed(BODY_LENGTH, 5, "hell", 4, 1, out, &n, &used), H1_BODY_MORE);
        assert_int_equal(feed(BODY_UNTIL_EOF, 0, "hello", 5, 2, out, &n, &used), H1_BODY_MORE);
        assert_int_equal(n, 5);
}

static void test_empty(void **state) {
        static const BodyKind kinds[] = { BODY_NONE, BODY_LENGTH };
        size_t used;
        Slice data;
        H1Body b;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                h1_body_init(&b, kinds[i], 0, H1_STRICT);
                assert_true(h1_body_done(&b));
                assert_int_equal(h1_body_next(&b, NULL, 0, &used, &data), H1_BODY_END);
                assert_int_equal(h1_body_next(&b, "x", 1, &used, &data), H1_BODY_END);
                assert_int_equal(used, 0);
        }
}

static void test_eof(void **state) {
        size_t used;
        Slice data;
        H1Body b;

        h1_body_init(&b, BODY_UNTIL_EOF, 0, H1_STRICT);
        assert_true(h1_body_eof(&b));
        assert_true(h1_body_done(&b));
        h1_body_init(&b, BODY_LENGTH, 5, H1_STRICT);
        assert_false(h1_body_eof(&b));
        h1_body_init(&b, BODY_CHUNKED, 0, H1_STRICT);
        assert_int_equal(h1_body_next(&b, "0\r\n", 3, &used, &data), H1_BODY_MORE);
        assert_false(h1_body_eof(&b));
        assert_int_equal(h1_body_next(&b, "\r\n", 2, &used, &data), H1_BODY_END);
        assert_true(h1_body_eof(&b));
}

static void test_malformed(void **state) {
        static const char *const texts[] = {
                "\r\n",
                "g\r\n",
                "-1\r\n",
                "+1\r\n",
                "0x5\r\nhello\r\n",
                " 5\r\nhello\r\n",
                "5 \r\nhello\r\n",
                "5\nhello\r\n",
                "5\r\nhello\n0\r\n\r\n",
                "5\r\nhello0\r\n\r\n",
                "5\r\nhelloX\r\n",
                "5\rhello\r\n",
                "5\r\r\nhello",
                ";x\r\n",
                "5;\x01\r\nhello\r\n",
                "5;a\nhello\r\n",
                "1000000000000000\r\n",
                "ffffffffffffffff\r\n",
                "0\r\n\n",
                "0\r\n\rX",
                "0\r\nA: b\n\r\n",
                "0\r\n A: b\r\n\r\n",
                "0\r\nA: b\rC\r\n\r\n",
                "0\n\n",
                "5\r\nhello\r\r\n0\r\n\r\n",
                /* Trailer lines that are no fields (RFC 9110 section 5.1, 5.5). */
                "0\r\nA\r\n\r\n",
                "0\r\n: b\r\n\r\n",
                "0\r\nA B: c\r\n\r\n",
                "0\r\nA : b\r\n\r\n",
                "0\r\nA\x80: b\r\n\r\n",
                "0\r\nA: b\x01\r\n\r\n",
                "0\r\nA: b\x7f\r\n\r\n",
                "0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                "0\r\nA: b\r\n c\r\n\r\n",
        };
        char out[64];
        size_t n, used;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                for (size_t step = 1; step <= strlen(texts[i]); step++)
                        if (feed(BODY_CHUNKED, 0, texts[i], strlen(texts[i]), step, out, &n, &used) !=
                            H1_BODY_BAD)
                                fail_msg("taken: %s", texts[i]);
        /* Bad stays bad. */
        H1Body b;
        Slice data;
        h1_body_init(&b, BODY_CHUNKED, 0, H1_STRICT);
        assert_int_equal(h1_body_next(&b, "x", 1, &used, &data), H1_BODY_BAD);
        assert_int_equal(h1_body_next(&b, "0\r\n\r\n", 5, &used, &data), H1_BODY_BAD);
        assert_false(h1_body_eof(&b));
}

/* What answers may have, and that strict reading refuses it. */
static void test_lenient(void **state) {
        static const struct {
                const char *text, *payload;
                bool odd;
        } rows[] = {
                { "2\r\nok\r\n0\r\n\r\n", "ok", false },
                { "2;a=\"b;c\"\r\nok\r\n00\r\nX: a\r\nY:\r\n\r\n", "ok", false },
                { "000000000000000000002\r\nok\r\n0\r\n\r\n", "ok", false },
                { "2  \t\r\nok\r\n0 \r\n\r\n", "ok", true },
                { "2 ;a\r\nok\r\n0\r\n\r\n", "ok", true },
                { "2\nok\n0\n\n", "ok", true },
                { "2 \nok\r\n0\r\n\n", "ok", true },
                { "2;a\nok\r\n0\r\n\r\n", "ok", true },
                { "2\r\nok\n0\r\n\r\n", "ok", true },
                { "2\r\nok\r\n0\r\nX: a\n\r\n", "ok", true },
                { "2\r\nok\r\n0\r\ngarbage\r\n\r\n", "ok", true },
                { "2\r\nok\r\n0\r\n: a\r\n\r\n", "ok", true },
                { "2\r\nok\r\n0\r\n b\n\n", "ok", true },
                { "2\r\nok\r\n0\r\nX: \x01\r\nGET / HTTP/1.1\r\n\r\n", "ok", true },
                /* Neither. */
                { " 2\r\nok\r\n0\r\n\r\n", NULL },
                { "2 2\r\nok\r\n0\r\n\r\n", NULL },
                { "2x\r\nok\r\n0\r\n\r\n", NULL },
                { "+2\r\nok\r\n0\r\n\r\n", NULL },
                { "\r\nok\r\n0\r\n\r\n", NULL },
                { "\nok\r\n0\r\n\r\n", NULL },
                { "2\r\r\nok\r\n0\r\n\r\n", NULL },
                { "2\rok\r\n0\r\n\r\n", NULL },
                { "2;\x01\r\nok\r\n0\r\n\r\n", NULL },
                { "2\r\nok0\r\n\r\n", NULL },
                { "2\r\nok\r\n\r\n0\r\n\r\n", NULL },
                { "2\r\nok\r\n0\r\nX: a\rb\r\n\r\n", NULL },
                { "2\r\nok\r\n0\r\n\rX", NULL },
                { "0ffffffffffffffff\r\n", NULL },
        };
        char out[64];
        size_t n, used;
        bool odd;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t size = strlen(rows[i].text), step = 1; step <= size; step++) {
                        H1BodyResult r = feed_as(H1_LENIENT, BODY_CHUNKED, 0, rows[i].text, size, step, out,
                                                 &n, &used, &odd);

                        if (r != (rows[i].payload ? H1_BODY_END : H1_BODY_BAD))
                                fail_msg("row %zu: %d: %s", i, (int) r, rows[i].text);
                        if (!rows[i].payload)
                                continue;
                        assert_int_equal(used, size);
                        assert_int_equal(n, strlen(rows[i].payload));
                        assert_memory_equal(out, rows[i].payload, n);
                        assert_int_equal(odd, rows[i].odd);
                        if (odd)
                                assert_int_equal(
                                        feed(BODY_CHUNKED, 0, rows[i].text, size, step, out, &n, &used),
                                        H1_BODY_BAD);
                }
}

static void test_limits(void **state) {
        char text[H1_TRAILER_MAX + 64], out[8];
        size_t n, used;
        bool odd;

        /* A size line of leading zeros, an extension, trailers without end. */
        memset(text, '0', sizeof(text));
        assert_int_equal(feed(BODY_CHUNKED, 0, text, sizeof(text), 7, out, &n, &used), H1_BODY_BAD);
        assert_true(used <= 16 + 7);
        memset(text, 'a', sizeof(text));
        memcpy(text, "5;", 2);
        assert_int_equal(feed(BODY_CHUNKED, 0, text, sizeof(text), 7, out, &n, &used), H1_BODY_BAD);
        assert_true(used <= H1_CHUNK_LINE_MAX + 7);
        memset(text, 'a', sizeof(text));
        memcpy(text, "0\r\n", 3);
        assert_int_equal(feed(BODY_CHUNKED, 0, text, sizeof(text), 7, out, &n, &used), H1_BODY_BAD);
        assert_true(used <= H1_TRAILER_MAX + 10);
        /* The same of an answer, whose sizes may be padded. */
        for (size_t i = 0; i < 4; i++) {
                static const char *const begins[] = { "0", "5 ", "5;", "0\r\n:" };
                static const char goes_on[] = { '0', ' ', 'a', 'a' };
                size_t start = strlen(begins[i]);

                memset(text, goes_on[i], sizeof(text));
                memcpy(text, begins[i], start);
                assert_int_equal(feed_as(H1_LENIENT, BODY_CHUNKED, 0, text, sizeof(text), 7, out, &n, &used,
                                         &odd),
                                 H1_BODY_BAD);
                assert_true(used > 8000 && used <= 8192 + 10);
        }
}

static void test_skip(void **state) {
        size_t used;
        Slice data;
        H1Body b;

        h1_body_init(&b, BODY_LENGTH, UINT64_C(1) << 40, H1_STRICT);
        assert_true(h1_body_left(&b) == UINT64_C(1) << 40);
        h1_body_skip(&b, (UINT64_C(1) << 40) - 1);
        assert_int_equal(h1_body_left(&b), 1);
        assert_int_equal(h1_body_next(&b, "xy", 2, &used, &data), H1_BODY_DATA);
        assert_int_equal(used, 1);
        assert_true(h1_body_done(&b));
        h1_body_init(&b, BODY_UNTIL_EOF, 0, H1_STRICT);
        h1_body_skip(&b, 1000);
        assert_true(h1_body_left(&b) == UINT64_MAX);
        h1_body_init(&b, BODY_CHUNKED, 0, H1_STRICT);
        assert_int_equal(h1_body_next(&b, "a\r\n", 3, &used, &data), H1_BODY_MORE);
        assert_int_equal(h1_body_left(&b), 10);
        h1_body_skip(&b, 10);
        assert_int_equal(h1_body_next(&b, "\r\n0\r\n\r\n", 7, &used, &data), H1_BODY_END);
}

static void test_chunk_head(void **state) {
        static const struct {
                uint64_t n;
                const char *text;
        } rows[] = { { 1, "1\r\n" }, { 15, "f\r\n" }, { 16, "10\r\n" }, { 0xdeadbeef, "deadbeef\r\n" },
                     { UINT64_MAX, "ffffffffffffffff\r\n" } };
        char out[H1_CHUNK_HEAD_MAX];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(h1_chunk_head(rows[i].n, out), strlen(rows[i].text));
                assert_memory_equal(out, rows[i].text, strlen(rows[i].text));
        }
}

TEST_MAIN(cmocka_unit_test(test_chunked), cmocka_unit_test(test_length), cmocka_unit_test(test_empty),
          cmocka_unit_test(test_eof), cmocka_unit_test(test_malformed), cmocka_unit_test(test_lenient),
          cmocka_unit_test(test_limits), cmocka_unit_test(test_skip), cmocka_unit_test(test_chunk_head))
