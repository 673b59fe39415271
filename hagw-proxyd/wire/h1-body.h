/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/request.h"

/* HTTP/1.1 bodies (RFC 9112 sections 6 and 7): where the payload lies in the bytes read, and how chunks are
 * written. Strict: sizes are hexadecimal digits only, lines end in CRLF, trailers are fields. Chunk
 * extensions and trailer fields are read and dropped (section 7.1.2 allows it), and are limited. Lenient: an
 * answer, in which a size may have blanks behind it, lines may end in LF, and whatever stands behind the
 * last chunk is dropped up to the empty line. Pure. */

#define H1_CHUNK_LINE_MAX 256U          /* bytes of a chunk's size line */
#define H1_CHUNK_LINE_LENIENT_MAX 8192U /* the same */
#define H1_TRAILER_MAX 8192U            /* bytes of all trailer fields */

typedef enum H1Reading {
        H1_STRICT,
        H1_LENIENT,
} H1Reading;

typedef enum H1BodyState {
        H1_BODY_STATE_DATA,    /* left bytes of payload (BODY_UNTIL_EOF: any number) */
        H1_BODY_STATE_SIZE,    /* in a chunk's size */
        H1_BODY_STATE_BLANK,   /* behind it, lenient */
        H1_BODY_STATE_EXT,     /* behind it */
        H1_BODY_STATE_SIZE_LF,
        H1_BODY_STATE_DATA_CR,
        H1_BODY_STATE_DATA_LF,
        H1_BODY_STATE_TRAILER, /* at the start of a trailer line */
        H1_BODY_STATE_TRAILER_NAME,
        H1_BODY_STATE_TRAILER_VALUE,
        H1_BODY_STATE_TRAILER_JUNK, /* in a line that is no field, lenient */
        H1_BODY_STATE_TRAILER_LF,
        H1_BODY_STATE_END_LF,
        H1_BODY_STATE_DONE,
        H1_BODY_STATE_BAD,
        _H1_BODY_STATE_MAX,
} H1BodyState;

typedef struct H1Body {
        BodyKind kind;
        H1BodyState state;
        H1Reading reading;
        bool odd;        /* it was taken, but not to the letter: the connection is not to be used again */
        uint64_t left;   /* payload bytes of the body or of the chunk */
        uint32_t line;   /* bytes of the line or the trailers so far */
        uint32_t digits; /* of the size; lenient: without leading zeros, but for one */
} H1Body;

typedef enum H1BodyResult {
        H1_BODY_MORE, /* everything was used; more bytes are needed */
        H1_BODY_DATA, /* ret_data is payload; call again with what is left */
        H1_BODY_END,  /* complete; what is left of the input is not ours */
        H1_BODY_BAD,  /* malformed: close both connections */
} H1BodyResult;

void h1_body_init(H1Body *b, BodyKind kind, uint64_t size, H1Reading reading);

/* ret_used: bytes of in that are done with, payload included. ret_data is set for H1_BODY_DATA and never
 * empty. A body that is empty says H1_BODY_END at once, also with n == 0. */
H1BodyResult h1_body_next(H1Body *b, const char *in, size_t n, size_t *ret_used, Slice *ret_data);

/* For BODY_LENGTH: payload moved past this object (spliced, say). n is at most h1_body_left(). */
void h1_body_skip(H1Body *b, uint64_t n);
/* Payload bytes that are known to follow without framing in between; UINT64_MAX for BODY_UNTIL_EOF. */
uint64_t h1_body_left(const H1Body *b);

bool h1_body_done(const H1Body *b);
/* The connection's end was reached: true where that ends the body, false where it cuts it short. */
bool h1_body_eof(H1Body *b);

/* A chunk is written as head, payload, "\r\n"; the body ends with H1_CHUNK_LAST. n > 0. Returns the head's
 * length. */
#define H1_CHUNK_HEAD_MAX 18U
#define H1_CHUNK_END "\r\n"
#define H1_CHUNK_LAST "0\r\n\r\n"
size_t h1_chunk_head(uint64_t n, char out[static H1_CHUNK_HEAD_MAX]);
