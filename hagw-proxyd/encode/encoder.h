/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/coding.h"
#include "libhagw/net/buffer.h"

/* Payload into gzip (RFC 1952) or brotli (RFC 7932), a piece at a time. What it costs is bounded: memory, by
 * small windows; the work of one call, by small pieces, and by brotli's being made to write each block of
 * them; and how many there are at once, because each holds as much as many a visitor's buffers. One thread.
 */

/* Of a worker, at work at once. Each address may have half of what the others leave of them: who stands
 * still with all that he gets leaves something for whoever comes next. */
#define ENCODERS_MAX 16U
#define ENCODER_MEMORY_GZIP (288U * 1024) /* bytes that one holds while it is at work */
#define ENCODER_MEMORY_BROTLI (1024U * 1024)
#define ENCODER_PIECE (8U * 1024)  /* bytes that one call takes */
#define ENCODER_BLOCK (16U * 1024) /* bytes that brotli keeps before it writes them */
#define ENCODER_OUT (16U * 1024)   /* bytes that one call gives */

/* What a byte of payload costs, in bytes that are decrypted meanwhile (loop.h), and the begin: measured. */
#define ENCODER_WORK_GZIP 18U
#define ENCODER_WORK_BROTLI 30U
#define ENCODER_WORK_BEGIN (64U * 1024)

/* A worker's. */
typedef struct Encoders {
        BufferPool *pool; /* what they hold counts there */
        unsigned n;       /* at work */
        uint64_t networks[ENCODERS_MAX]; /* whose those are */
} Encoders;

typedef enum EncoderOp {
        ENCODER_GO_ON,
        ENCODER_FLUSH, /* nothing of what was taken is held back */
        ENCODER_END,
        _ENCODER_OP_MAX,
} EncoderOp;

typedef struct Encoder Encoder;

/* network: whose it is. NULL: there are too many, or there is no memory. */
Encoder *encoder_new(Encoders *all, Coding c, uint64_t network);
/* Returns NULL. */
Encoder *encoder_free(Encoder *e);

/* Takes a piece off the front of *data and gives what comes of it. Only where nothing is left of what it
 * gave before. op: what is to be done once all of *data is taken. Returns the work that it was (loop.h), or
 * -ENOMEM: what was given so far cannot be completed. */
ssize_t encoder_run(Encoder *e, Slice *data, EncoderOp op);
/* It has more to give for what it has taken: to be called again, with what is left of *data. */
bool encoder_is_due(const Encoder *e);
/* It holds something back that it would give now with ENCODER_FLUSH. */
bool encoder_holds(const Encoder *e);
/* All has been given: no more calls; it does not count any more, and its memory is free but for the bytes
 * that it gave. */
bool encoder_is_over(const Encoder *e);

/* What it gave, and how much of that is taken. */
Slice encoder_given(const Encoder *e);
void encoder_take(Encoder *e, size_t n);

/* Bytes: now, and the most that the library ever had. */
size_t encoder_most(const Encoder *e);
size_t encoder_held(const Encoder *e);
