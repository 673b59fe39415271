/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP/1.1 bodies. Chunks are decoded here and not by llhttp because payload is handed out as slices of the
 * input, one a call, with no callback in between; fuzz-h1-body compares every answer with llhttp's. */

#include "h1-body.h"

void h1_body_init(H1Body *b, BodyKind kind, uint64_t size) {
        *b = (H1Body) { .kind = kind };
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

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -EINVAL;
}

static H1BodyState step_size(H1Body *b, char c) {
        int d = hex_digit(c);

        if (d >= 0) {
                /* 15 digits cannot overflow and no chunk is that large. */
                if (++b->digits > 15)
                        return H1_BODY_STATE_BAD;
                b->left = b->left << 4 | (uint64_t) d;
                return H1_BODY_STATE_SIZE;
        }
        if (b->digits == 0)
                return H1_BODY_STATE_BAD;
        return c == '\r' ? H1_BODY_STATE_SIZE_LF : c == ';' ? H1_BODY_STATE_EXT : H1_BODY_STATE_BAD;
}

static H1BodyState step_ext(char c) {
        if (c == '\r')
                return H1_BODY_STATE_SIZE_LF;
        return (uint8_t) c < ' ' && c != '\t' ? H1_BODY_STATE_BAD : H1_BODY_STATE_EXT;
}

static H1BodyState step_size_lf(H1Body *b, char c) {
        if (c != '\n')
                return H1_BODY_STATE_BAD;
        b->line = b->digits = 0;
        return b->left > 0 ? H1_BODY_STATE_DATA : H1_BODY_STATE_TRAILER;
}

/* Trailer fields are dropped, so only their lines matter. */
static H1BodyState step_trailer(H1BodyState state, char c) {
        bool start = state == H1_BODY_STATE_TRAILER;

        if (c == '\r')
                return start ? H1_BODY_STATE_END_LF : H1_BODY_STATE_TRAILER_LF;
        if (c == '\n' || c == '\0' || (start && (c == ' ' || c == '\t')))
                return H1_BODY_STATE_BAD;
        return H1_BODY_STATE_TRAILER_FIELD;
}

/* One byte of framing. */
static H1BodyState step(H1Body *b, char c) {
        switch (b->state) {
        case H1_BODY_STATE_SIZE:
                return ++b->line > H1_CHUNK_LINE_MAX ? H1_BODY_STATE_BAD : step_size(b, c);
        case H1_BODY_STATE_EXT:
                return ++b->line > H1_CHUNK_LINE_MAX ? H1_BODY_STATE_BAD : step_ext(c);
        case H1_BODY_STATE_SIZE_LF:
                return step_size_lf(b, c);
        case H1_BODY_STATE_DATA_CR:
                return c == '\r' ? H1_BODY_STATE_DATA_LF : H1_BODY_STATE_BAD;
        case H1_BODY_STATE_DATA_LF:
                return c == '\n' ? H1_BODY_STATE_SIZE : H1_BODY_STATE_BAD;
        case H1_BODY_STATE_TRAILER:
        case H1_BODY_STATE_TRAILER_FIELD:
                return ++b->line > H1_TRAILER_MAX ? H1_BODY_STATE_BAD : step_trailer(b->state, c);
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
