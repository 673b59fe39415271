/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP/1.1 bodies. Chunks are decoded here and not by llhttp because payload is handed out as slices of the
 * input, one a call, with no callback in between; fuzz-h1-body compares every answer with llhttp's. */

#include "hagw-proxyd/wire/h1-body.h"
#include "libhagw/pure/hex.h"

void h1_body_init(H1Body *b, BodyKind kind, uint64_t size, H1Reading reading) {
        *b = (H1Body) { .kind = kind, .reading = reading };
        switch (kind) {
        case BODY_LENGTH:
                b->left = size;
                b->state = size > 0 ? H1_BODY_STATE_DATA : H1_BODY_STATE_DONE;
                break;
        case BODY_CHUNKED:
                b->state = H1_BODY_STATE_SIZE;
                break;
        case BODY_UNTIL_EOF:
                b->left = UINT64_MAX;
                b->state = H1_BODY_STATE_DATA;
                break;
        default:
                b->state = H1_BODY_STATE_DONE;
        }
}

/* Where the body goes on although this was not to the letter. */
static H1BodyState odd(H1Body *b, H1BodyState next) {
        b->odd = true;
        return b->reading == H1_LENIENT ? next : H1_BODY_STATE_BAD;
}

static H1BodyState end_size(H1Body *b) {
        b->line = b->digits = 0;
        return b->left > 0 ? H1_BODY_STATE_DATA : H1_BODY_STATE_TRAILER;
}

/* What may follow a size. */
static H1BodyState step_behind_size(H1Body *b, char c) {
        switch (c) {
        case '\r':
                return H1_BODY_STATE_SIZE_LF;
        case ';':
                return H1_BODY_STATE_EXT;
        case '\n':
                return odd(b, end_size(b));
        case ' ':
        case '\t':
                return odd(b, H1_BODY_STATE_BLANK);
        default:
                return H1_BODY_STATE_BAD;
        }
}

static H1BodyState step_size(H1Body *b, char c) {
        int d = hex_value(c);

        if (d < 0)
                return b->digits == 0 ? H1_BODY_STATE_BAD : step_behind_size(b, c);
        b->digits = b->reading == H1_LENIENT && b->left == 0 ? 1 : b->digits + 1;
        /* 15 digits cannot overflow and no chunk is that large. */
        if (b->digits > 15)
                return H1_BODY_STATE_BAD;
        b->left = b->left << 4 | (uint64_t) d;
        return H1_BODY_STATE_SIZE;
}

static H1BodyState step_ext(H1Body *b, char c) {
        if (c == '\r')
                return H1_BODY_STATE_SIZE_LF;
        if (c == '\n')
                return odd(b, end_size(b));
        return (uint8_t) c < ' ' && c != '\t' ? H1_BODY_STATE_BAD : H1_BODY_STATE_EXT;
}

/* Trailer fields are dropped, but whatever else stands there is somebody's mistake or trick. */
static H1BodyState step_trailer(H1Body *b, char c) {
        bool start = b->state == H1_BODY_STATE_TRAILER, junk = b->state == H1_BODY_STATE_TRAILER_JUNK;

        if (c == '\n')
                return odd(b, start ? H1_BODY_STATE_DONE : H1_BODY_STATE_TRAILER);
        if (start && c == '\r')
                return H1_BODY_STATE_END_LF;
        if (b->state == H1_BODY_STATE_TRAILER_VALUE || junk) {
                if (c == '\r')
                        return H1_BODY_STATE_TRAILER_LF;
                return junk || header_is_control(c) ? odd(b, H1_BODY_STATE_TRAILER_JUNK) : b->state;
        }
        if (header_is_token_char(c))
                return H1_BODY_STATE_TRAILER_NAME;
        if (c == ':' && !start)
                return H1_BODY_STATE_TRAILER_VALUE;
        return odd(b, c == '\r' ? H1_BODY_STATE_TRAILER_LF : H1_BODY_STATE_TRAILER_JUNK);
}

/* One byte of framing. */
static H1BodyState step(H1Body *b, char c) {
        unsigned max = b->state >= H1_BODY_STATE_TRAILER ? H1_TRAILER_MAX :
                       b->reading == H1_STRICT           ? H1_CHUNK_LINE_MAX :
                                                           H1_CHUNK_LINE_LENIENT_MAX;

        if (++b->line > max)
                return H1_BODY_STATE_BAD;
        switch (b->state) {
        case H1_BODY_STATE_SIZE:
                return step_size(b, c);
        case H1_BODY_STATE_BLANK:
                return step_behind_size(b, c);
        case H1_BODY_STATE_EXT:
                return step_ext(b, c);
        case H1_BODY_STATE_SIZE_LF:
                return c == '\n' ? end_size(b) : H1_BODY_STATE_BAD;
        case H1_BODY_STATE_DATA_CR:
                b->line = 0;
                return c == '\r' ? H1_BODY_STATE_DATA_LF :
                       c == '\n' ? odd(b, H1_BODY_STATE_SIZE) :
                                   H1_BODY_STATE_BAD;
        case H1_BODY_STATE_DATA_LF:
                b->line = 0;
                return c == '\n' ? H1_BODY_STATE_SIZE : H1_BODY_STATE_BAD;
        case H1_BODY_STATE_TRAILER:
        case H1_BODY_STATE_TRAILER_NAME:
        case H1_BODY_STATE_TRAILER_VALUE:
        case H1_BODY_STATE_TRAILER_JUNK:
                return step_trailer(b, c);
        case H1_BODY_STATE_TRAILER_LF:
                return c == '\n' ? H1_BODY_STATE_TRAILER : H1_BODY_STATE_BAD;
        case H1_BODY_STATE_END_LF:
                return c == '\n' ? H1_BODY_STATE_DONE : H1_BODY_STATE_BAD;
        default:
                return H1_BODY_STATE_BAD;
        }
}

void h1_body_skip(H1Body *b, uint64_t n) {
        assert(b->state == H1_BODY_STATE_DATA && n <= b->left);
        if (b->kind == BODY_UNTIL_EOF)
                return;
        b->left -= n;
        if (b->left == 0)
                b->state = b->kind == BODY_CHUNKED ? H1_BODY_STATE_DATA_CR : H1_BODY_STATE_DONE;
}

H1BodyResult h1_body_next(H1Body *b, const char *in, size_t n, size_t *ret_used, Slice *ret_data) {
        size_t i = 0;

        while (i < n && b->state != H1_BODY_STATE_DONE && b->state != H1_BODY_STATE_BAD) {
                if (b->state == H1_BODY_STATE_DATA) {
                        size_t k = (size_t) MIN((uint64_t) (n - i), b->left);

                        h1_body_skip(b, k);
                        *ret_data = (Slice) { in + i, k };
                        *ret_used = i + k;
                        return H1_BODY_DATA;
                }
                b->state = step(b, in[i++]);
        }
        *ret_used = i;
        return b->state == H1_BODY_STATE_DONE  ? H1_BODY_END
               : b->state == H1_BODY_STATE_BAD ? H1_BODY_BAD
                                               : H1_BODY_MORE;
}

uint64_t h1_body_left(const H1Body *b) {
        return b->state == H1_BODY_STATE_DATA ? b->left : 0;
}

bool h1_body_done(const H1Body *b) {
        return b->state == H1_BODY_STATE_DONE;
}

bool h1_body_eof(H1Body *b) {
        if (b->kind == BODY_UNTIL_EOF && b->state == H1_BODY_STATE_DATA)
                b->state = H1_BODY_STATE_DONE;
        return h1_body_done(b);
}

size_t h1_chunk_head(uint64_t n, char out[static H1_CHUNK_HEAD_MAX]) {
        unsigned digits = 1;

        assert(n > 0);
        while (digits < 16 && n >> (4 * digits))
                digits++;
        for (unsigned i = 0; i < digits; i++)
                out[i] = "0123456789abcdef"[(n >> (4 * (digits - 1 - i))) & 15];
        memcpy(out + digits, "\r\n", 2);
        return digits + 2;
}
