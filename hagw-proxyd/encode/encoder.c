/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* zlib and brotli behind one face. Runs in the worker's thread. */

#include <brotli/encode.h>
#include <malloc.h>
#include <zlib.h>

#include "hagw-proxyd/encode/encoder.h"

/* gzip with zlib's whole window, which costs 256 KiB; less of it makes answers 4 % larger. brotli's is far
 * from its largest, because its tables grow with it: with 64 KiB they are 1 MiB, with 256 KiB twice as much
 * for 5 %. What a step of quality brings stands in docs/performance.md. */
#define GZIP_LEVEL 5
#define GZIP_WINDOW_BITS 15
#define GZIP_HEADER 16 /* added to them: a gzip wrapper, and not zlib's */
#define GZIP_MEMORY_LEVEL 8
#define BROTLI_QUALITY 5
#define BROTLI_WINDOW_BITS 16

typedef struct EncoderOps {
        bool (*begin)(Encoder *e);
        void (*end)(Encoder *e);
        /* One call of the library. False: no memory. */
        bool (*run)(Encoder *e, Slice *data, EncoderOp op);
        unsigned work; /* of a byte */
        unsigned block; /* 0: as the library likes */
        size_t memory;
} EncoderOps;

struct Encoder {
        Encoders *all;
        const EncoderOps *ops;
        uint64_t network;
        union {
                z_stream gzip;
                BrotliEncoderState *brotli;
        };
        EncoderOp op;   /* of the last call */
        bool at_work;   /* the library's part is there */
        bool due;
        bool holds;
        size_t left;     /* of the last piece, not taken yet */
        size_t in_block; /* bytes that were taken since the library was last made to write all */
        size_t memory, most; /* bytes that the library has now, and ever had */
        size_t begin, end; /* of what it gave */
        char out[ENCODER_OUT];
};

static void *get(void *userdata, size_t size) {
        Encoder *e = userdata;
        void *p = malloc(size);

        if (p)
                e->memory += malloc_usable_size(p);
        e->most = MAX(e->most, e->memory);
        return p;
}

static void put(void *userdata, void *p) {
        Encoder *e = userdata;

        e->memory -= malloc_usable_size(p);
        free(p);
}

static void *gzip_get(void *userdata, unsigned n, unsigned size) {
        return get(userdata, (size_t) n * size);
}

static bool gzip_begin(Encoder *e) {
        e->gzip = (z_stream) { .zalloc = gzip_get, .zfree = put, .opaque = e };
        return deflateInit2(&e->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS + GZIP_HEADER,
                            GZIP_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
}

static void gzip_end(Encoder *e) {
        (void) deflateEnd(&e->gzip);
}

static bool gzip_run(Encoder *e, Slice *data, EncoderOp op) {
        static const int flushes[_ENCODER_OP_MAX] = { Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH };
        z_stream *z = &e->gzip;
        size_t n = data->n;

        z->next_in = (z_const Bytef *) data->p;
        z->avail_in = (uInt) n;
        z->next_out = (Bytef *) e->out;
        z->avail_out = sizeof(e->out);
        /* Z_BUF_ERROR is no error: there was nothing to do. */
        if (deflate(z, flushes[op]) == Z_STREAM_ERROR)
                return false;
        n -= z->avail_in;
        data->p += n;
        data->n -= n;
        e->end = sizeof(e->out) - z->avail_out;
        e->due = z->avail_out == 0;
        return true;
}

static bool brotli_begin(Encoder *e) {
        e->brotli = BrotliEncoderCreateInstance(get, put, e);
        return e->brotli && BrotliEncoderSetParameter(e->brotli, BROTLI_PARAM_QUALITY, BROTLI_QUALITY) &&
               BrotliEncoderSetParameter(e->brotli, BROTLI_PARAM_LGWIN, BROTLI_WINDOW_BITS);
}

static void brotli_end(Encoder *e) {
        BrotliEncoderDestroyInstance(e->brotli);
        e->brotli = NULL;
}

static bool brotli_run(Encoder *e, Slice *data, EncoderOp op) {
        static const BrotliEncoderOperation operations[_ENCODER_OP_MAX] = {
                BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH, BROTLI_OPERATION_FINISH
        };
        const uint8_t *in = (const uint8_t *) data->p;
        uint8_t *out = (uint8_t *) e->out;
        size_t n = data->n, room = sizeof(e->out);

        if (!BrotliEncoderCompressStream(e->brotli, operations[op], &data->n, &in, &room, &out, NULL))
                return false;
        data->p += n - data->n;
        e->end = sizeof(e->out) - room;
        e->due = BrotliEncoderHasMoreOutput(e->brotli) ||
                 (op == ENCODER_END && !BrotliEncoderIsFinished(e->brotli));
        return true;
}

static const EncoderOps codings[_CODING_MAX] = {
        [CODING_GZIP] = { gzip_begin, gzip_end, gzip_run, ENCODER_WORK_GZIP, .memory = ENCODER_MEMORY_GZIP },
        [CODING_BROTLI] = { brotli_begin, brotli_end, brotli_run, ENCODER_WORK_BROTLI,
                            .block = ENCODER_BLOCK, .memory = ENCODER_MEMORY_BROTLI },
};

static bool has_share(const Encoders *all, uint64_t network) {
        unsigned own = 0;

        for (unsigned i = 0; i < all->n; i++)
                own += all->networks[i] == network;
        return own < (ENCODERS_MAX - (all->n - own) + 1) / 2;
}

static void leave_place(Encoders *all, uint64_t network) {
        unsigned i = 0;

        while (all->networks[i] != network)
                i++;
        all->networks[i] = all->networks[--all->n];
}

/* The library's part goes, with its place; what was given stays. */
static void leave_work(Encoder *e) {
        if (!e->at_work)
                return;
        e->at_work = false;
        e->ops->end(e);
        leave_place(e->all, e->network);
        buffer_release(e->all->pool, e->ops->memory);
}

Encoder *encoder_new(Encoders *all, Coding c, uint64_t network) {
        Encoder *e;

        assert(codings[c].begin);
        if (!has_share(all, network) || !buffer_reserve(all->pool, codings[c].memory))
                return NULL;
        e = malloc(sizeof(*e));
        if (!e) {
                buffer_release(all->pool, codings[c].memory);
                return NULL;
        }
        memset(e, 0, offsetof(Encoder, out));
        e->all = all;
        e->ops = &codings[c];
        e->network = network;
        e->at_work = true;
        all->networks[all->n++] = network;
        return e->ops->begin(e) ? e : encoder_free(e);
}

Encoder *encoder_free(Encoder *e) {
        if (!e)
                return NULL;
        leave_work(e);
        free(e);
        return NULL;
}

/* How much of it the next call takes. */
static size_t cut_piece(const Encoder *e, Slice data) {
        size_t n = MIN(data.n, (size_t) ENCODER_PIECE);

        return e->ops->block > 0 ? MIN(n, e->ops->block - e->in_block) : n;
}

/* What the library is to do with a piece of so many bytes; last: behind it stands what op says. */
static EncoderOp choose(const Encoder *e, size_t n, bool last, EncoderOp op) {
        if (last && op != ENCODER_GO_ON)
                return op;
        return e->ops->block > 0 && e->in_block + n == e->ops->block ? ENCODER_FLUSH : ENCODER_GO_ON;
}

ssize_t encoder_run(Encoder *e, Slice *data, EncoderOp op) {
        /* The library wants to be done with what it was last called with. */
        size_t n = e->due ? e->left : cut_piece(e, *data);
        Slice piece = { data->p, n };

        assert(e->at_work && e->begin == e->end && n <= data->n);
        if (!e->due)
                e->op = choose(e, n, n == data->n, op);
        e->begin = e->end = 0;
        if (!e->ops->run(e, &piece, e->op))
                return -ENOMEM;
        e->left = piece.n;
        e->due = e->due || e->left > 0;
        n -= piece.n;
        data->p += n;
        data->n -= n;
        e->in_block = e->op == ENCODER_GO_ON ? e->in_block + n : 0;
        e->holds = e->op == ENCODER_GO_ON && e->in_block > 0;
        if (e->op == ENCODER_END && !e->due)
                leave_work(e);
        return (ssize_t) (n * e->ops->work);
}

bool encoder_is_due(const Encoder *e) {
        return e->due;
}

bool encoder_holds(const Encoder *e) {
        return e->holds;
}

bool encoder_is_over(const Encoder *e) {
        return !e->at_work;
}

Slice encoder_given(const Encoder *e) {
        return (Slice) { e->out + e->begin, e->end - e->begin };
}

void encoder_take(Encoder *e, size_t n) {
        assert(n <= e->end - e->begin);
        e->begin += n;
}

size_t encoder_most(const Encoder *e) {
        return e->most;
}

size_t encoder_held(const Encoder *e) {
        return sizeof(*e) + e->memory;
}
