/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the encoder gives is what was put in, whatever pieces it comes in, and its bounds hold for whatever
 * is put in. */

#include <brotli/decode.h>
#include <stdio.h>
#include <zlib.h>

#include "hagw-proxyd/encode/encoder.h"
#include "tests/unit/test.h"

#define LARGEST (512U * 1024)

static BufferPool pool;
static Encoders all = { .pool = &pool };

typedef struct Text {
        char *data;
        size_t n, room;
} Text;

static void append(Text *t, Slice s) {
        if (t->n + s.n >= t->room) {
                t->room = 2 * t->room + s.n + 1;
                t->data = realloc(t->data, t->room);
                assert_non_null(t->data);
        }
        memcpy(t->data + t->n, s.p, s.n);
        t->n += s.n;
}

/* Something like a script. */
static Text script(size_t n, unsigned seed) {
        static const char *const words[] = { "function", "return", "const", "this", "(", ")", "{", "}", ";",
                                             "=>", "e", "t", ".prototype", "=", "\"use strict\"", "," };
        Text t = {};

        while (t.n < n) {
                char number[16];

                seed = seed * 1103515245U + 12345U;
                append(&t, slice_from(words[seed >> 16 & 15]));
                if ((seed >> 20 & 15) == 0) {
                        (void) snprintf(number, sizeof(number), "%u", seed);
                        append(&t, slice_from(number));
                }
        }
        t.n = n;
        return t;
}

static Text noise(size_t n) {
        Text t = { .data = malloc(n + 1), .n = n };
        unsigned seed = 1;

        for (size_t i = 0; i < n; i++) {
                seed = seed * 1103515245U + 12345U;
                t.data[i] = (char) (seed >> 16);
        }
        return t;
}

static Text zeros(size_t n) {
        return (Text) { .data = calloc(1, n + 1), .n = n };
}

static Text decode_gzip(const Text *t) {
        z_stream z = {};
        char out[4096];
        Text plain = {};
        int r;

        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        z.next_in = (Bytef *) t->data;
        z.avail_in = (uInt) t->n;
        do {
                z.next_out = (Bytef *) out;
                z.avail_out = sizeof(out);
                r = inflate(&z, Z_NO_FLUSH);
                assert_in_range(r, Z_OK, Z_STREAM_END);
                append(&plain, (Slice) { out, sizeof(out) - z.avail_out });
        } while (r != Z_STREAM_END);
        assert_int_equal(z.avail_in, 0);
        inflateEnd(&z);
        return plain;
}

static Text decode_brotli(const Text *t) {
        BrotliDecoderState *s = BrotliDecoderCreateInstance(NULL, NULL, NULL);
        const uint8_t *in = (const uint8_t *) t->data;
        size_t n = t->n;
        BrotliDecoderResult r;
        Text plain = {};

        do {
                char out[4096];
                uint8_t *p = (uint8_t *) out;
                size_t room = sizeof(out);

                r = BrotliDecoderDecompressStream(s, &n, &in, &room, &p, NULL);
                assert_true(r == BROTLI_DECODER_RESULT_SUCCESS ||
                            r == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);
                append(&plain, (Slice) { out, sizeof(out) - room });
        } while (r != BROTLI_DECODER_RESULT_SUCCESS);
        assert_int_equal(n, 0);
        BrotliDecoderDestroyInstance(s);
        return plain;
}

/* Until it has nothing to say to op any more. */
static void run(Encoder *e, Slice data, EncoderOp op, Text *out) {
        do {
                size_t before = data.n;
                ssize_t work = encoder_run(e, &data, op);

                assert_return_code(work, 0);
                assert_in_range(before - data.n, 0, ENCODER_PIECE);
                assert_in_range(work, before - data.n, (before - data.n) * ENCODER_WORK_BROTLI);
                assert_in_range(encoder_given(e).n, 0, ENCODER_OUT);
                append(out, encoder_given(e));
                encoder_take(e, encoder_given(e).n);
        } while (data.n > 0 || encoder_is_due(e));
}

static void check(Coding c, Text plain, size_t piece) {
        const size_t memory = c == CODING_GZIP ? ENCODER_MEMORY_GZIP : ENCODER_MEMORY_BROTLI;
        Encoder *e = encoder_new(&all, c, 1);
        Text coded = {}, again;
        size_t at = 0;

        assert_non_null(e);
        assert_int_equal(pool.used, memory);
        do {
                Slice s = { plain.data + at, MIN(piece, plain.n - at) };

                at += s.n;
                assert_false(encoder_is_over(e));
                run(e, s, at == plain.n ? ENCODER_END : ENCODER_GO_ON, &coded);
        } while (at < plain.n);
        assert_true(encoder_is_over(e));
        assert_int_equal(all.n, 0);
        assert_int_equal(pool.used, 0);
        assert_in_range(encoder_most(e), 1, memory - ENCODER_OUT);
        assert_in_range(encoder_held(e), 1, ENCODER_OUT + 1024);
        again = c == CODING_GZIP ? decode_gzip(&coded) : decode_brotli(&coded);
        assert_int_equal(again.n, plain.n);
        assert_memory_equal(strempty(again.data), plain.data, plain.n);
        encoder_free(e);
        free(again.data);
        free(coded.data);
        free(plain.data);
}

static void test_same(void **state) {
        static const size_t sizes[] = { 0, 1, 2, 1023, ENCODER_PIECE, ENCODER_BLOCK, ENCODER_BLOCK + 1,
                                        65537, LARGEST },
                            pieces[] = { 1, 1448, ENCODER_PIECE - 1, ENCODER_PIECE, ENCODER_PIECE + 1, 65536,
                                         LARGEST };

        for (Coding c = CODING_GZIP; c < _CODING_MAX; c++)
                for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                        for (size_t j = 0; j < ELEMENTSOF(pieces); j++)
                                if (pieces[j] > 1 || sizes[i] <= 65537)
                                        check(c, script(sizes[i], (unsigned) i + 1), pieces[j]);
}

static void test_odd_payload(void **state) {
        for (Coding c = CODING_GZIP; c < _CODING_MAX; c++)
                for (size_t piece = 1000; piece <= LARGEST; piece *= 100) {
                        check(c, noise(LARGEST), piece);
                        check(c, zeros(LARGEST), piece);
                }
}

/* What was put in comes out, and what comes after it goes on. */
static void test_flush(void **state) {
        for (Coding c = CODING_GZIP; c < _CODING_MAX; c++) {
                Encoder *e = encoder_new(&all, c, 1);
                Text coded = {}, plain;
                size_t before;

                run(e, SLICE("first,"), ENCODER_GO_ON, &coded);
                assert_true(encoder_holds(e));
                before = coded.n;
                run(e, (Slice) {}, ENCODER_FLUSH, &coded);
                assert_true(coded.n > before);
                assert_false(encoder_holds(e));
                before = coded.n;
                run(e, (Slice) {}, ENCODER_GO_ON, &coded);
                assert_int_equal(coded.n, before);
                run(e, SLICE("second,"), ENCODER_FLUSH, &coded);
                assert_false(encoder_holds(e));
                run(e, SLICE("third"), ENCODER_END, &coded);
                plain = c == CODING_GZIP ? decode_gzip(&coded) : decode_brotli(&coded);
                assert_int_equal(plain.n, strlen("first,second,third"));
                assert_memory_equal(plain.data, "first,second,third", plain.n);
                encoder_free(e);
                free(plain.data);
                free(coded.data);
        }
}

/* A little flush must not cost the whole: what a service sends in small pieces. */
static void test_smaller(void **state) {
        for (Coding c = CODING_GZIP; c < _CODING_MAX; c++) {
                Encoder *e = encoder_new(&all, c, 1);
                Text plain = script(LARGEST, 7), coded = {};

                run(e, (Slice) { plain.data, plain.n }, ENCODER_END, &coded);
                assert_in_range(coded.n, 1, plain.n / 2);
                encoder_free(e);
                free(plain.data);
                free(coded.data);
        }
}

static void test_limits(void **state) {
        Encoder *some[ENCODERS_MAX];

        for (size_t i = 0; i < ENCODERS_MAX; i++)
                assert_non_null(some[i] = encoder_new(&all, i % 2 ? CODING_GZIP : CODING_BROTLI, i));
        assert_null(encoder_new(&all, CODING_GZIP, ENCODERS_MAX));
        encoder_free(some[3]);
        assert_null(encoder_new(&all, CODING_GZIP, 1)); /* who has one has his share */
        assert_non_null(some[3] = encoder_new(&all, CODING_GZIP, ENCODERS_MAX));
        for (size_t i = 0; i < ENCODERS_MAX; i++)
                encoder_free(some[i]);
        assert_int_equal(all.n, 0);
        assert_int_equal(pool.used, 0);

        /* And the memory that there is. */
        pool.max = 2 * ENCODER_MEMORY_BROTLI;
        pool.wanted_max = ENCODER_MEMORY_BROTLI + ENCODER_MEMORY_GZIP;
        assert_non_null(some[0] = encoder_new(&all, CODING_BROTLI, 2));
        assert_null(encoder_new(&all, CODING_BROTLI, 2));
        assert_non_null(some[1] = encoder_new(&all, CODING_GZIP, 1));
        assert_null(encoder_new(&all, CODING_GZIP, 1));
        encoder_free(some[0]);
        encoder_free(some[1]);
        pool.max = pool.wanted_max = 0;
        assert_int_equal(all.n, 0);
}

/* Each address half of what the others leave, so that there is something for the next. */
static void test_shares(void **state) {
        static const unsigned shares[] = { 8, 4, 2, 1, 1 };
        Encoder *some[ENCODERS_MAX + 1];
        size_t n = 0;

        for (size_t who = 0; who < ELEMENTSOF(shares); who++)
                for (unsigned i = 0; i <= shares[who]; i++) {
                        some[n] = encoder_new(&all, CODING_GZIP, who);
                        assert_int_equal(some[n] != NULL, i < shares[who]);
                        n += some[n] != NULL;
                }
        assert_int_equal(n, ENCODERS_MAX);
        assert_null(encoder_new(&all, CODING_GZIP, ELEMENTSOF(shares)));
        encoder_free(some[0]); /* one of the first's */
        assert_null(encoder_new(&all, CODING_GZIP, 1));
        assert_non_null(some[0] = encoder_new(&all, CODING_GZIP, ELEMENTSOF(shares)));
        while (n > 0)
                encoder_free(some[--n]);
        assert_int_equal(all.n, 0);
        assert_int_equal(pool.used, 0);
}

/* Broken off in the midst of it. */
static void test_broken_off(void **state) {
        for (Coding c = CODING_GZIP; c < _CODING_MAX; c++) {
                Encoder *e = encoder_new(&all, c, 1);
                Text plain = noise(65536);
                Slice s = { plain.data, plain.n };

                assert_return_code(encoder_run(e, &s, ENCODER_END), 0);
                assert_true(s.n > 0);
                assert_true(encoder_held(e) > ENCODER_OUT + 4096);
                assert_null(encoder_free(e));
                free(plain.data);
        }
        assert_null(encoder_free(NULL));
        assert_int_equal(all.n, 0);
        assert_int_equal(pool.used, 0);
}

TEST_MAIN(cmocka_unit_test(test_shares), cmocka_unit_test(test_same), cmocka_unit_test(test_odd_payload),
          cmocka_unit_test(test_flush), cmocka_unit_test(test_smaller), cmocka_unit_test(test_limits),
          cmocka_unit_test(test_broken_off))
