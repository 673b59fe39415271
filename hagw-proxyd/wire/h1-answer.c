/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Odd answers. What RFC 9112 lets a recipient mend is mended, and so is what two of aiohttp, nginx and
 * Apache read alike; what has no clear end, or two, is refused. */

#include "hagw-proxyd/wire/h1-answer.h"
#include "hagw-proxyd/wire/h1-judge.h"
#include "hagw-proxyd/wire/judge.h"

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

/* The line at *at without its end, and *at behind it. A line that goes on in the next (obs-fold, RFC 9112
 * section 5.2) is made one. */
static Slice next_line(char **at, char *end, bool folds) {
        char *begin = *at, *from = begin, *stop;

        for (;;) {
                char *lf = memchr(from, '\n', (size_t) (end - from));

                assert(lf);
                for (stop = lf; stop > from && stop[-1] == '\r'; stop--)
                        ;
                *at = lf + 1;
                if (!folds || *at == end || !is_blank(**at))
                        return (Slice) { begin, (size_t) (stop - begin) };
                memset(stop, ' ', (size_t) (*at - stop));
                from = *at;
        }
}

static Slice next_word(Slice *rest) {
        size_t n = 0;
        Slice word;

        *rest = slice_trim(*rest);
        while (n < rest->n && !is_blank(rest->p[n]))
                n++;
        word = (Slice) { rest->p, n };
        rest->p += n;
        rest->n -= n;
        return word;
}

/* HTTP/1.1 and what comes after it is that; whatever else calls itself HTTP, and the streams of old radio
 * servers, is read as HTTP/1.0. */
static bool read_version(Slice s, bool *ret_http10) {
        static const Slice name = { "HTTP", 4 };

        *ret_http10 = true;
        if (slice_equal_nocase(s, SLICE("ICY")))
                return true;
        if (s.n < name.n || !slice_equal_nocase((Slice) { s.p, name.n }, name))
                return false;
        for (size_t i = name.n; i < s.n; i++)
                if (i == name.n ? s.p[i] != '/' : !judge_is_digit(s.p[i]) && s.p[i] != '.')
                        return false;
        *ret_http10 = !(s.n == 8 && s.p[5] == '1' && s.p[6] == '.' && s.p[7] > '0');
        return true;
}

/* RFC 9112 section 4 lets any blanks separate the words. */
static H1Verdict read_status_line(Slice line, Response *r, bool *ret_http10) {
        Slice version = next_word(&line), status = next_word(&line);

        if (!read_version(version, ret_http10))
                return H1_NOT_HTTP;
        if (status.n != 3 || status.p[0] == '0')
                return H1_BAD_LINE;
        for (size_t i = 0; i < status.n; i++) {
                if (!judge_is_digit(status.p[i]))
                        return H1_BAD_LINE;
                r->status = r->status * 10 + (unsigned) (status.p[i] - '0');
        }
        r->reason = slice_trim(line);
        return H1_OK;
}

/* Without a name that is one it is no field, and left out, as browsers do. */
static H1Verdict read_field(Slice line, const H1Limits *limits, char *head, HeaderList *l) {
        const char *colon = memchr(line.p, ':', line.n);
        Slice name = { line.p, colon ? (size_t) (colon - line.p) : 0 }, value;
        bool clean = true;
        Header *h;
        char *p;

        /* Section 5.1: a proxy removes blanks before the colon. */
        while (name.n > 0 && is_blank(name.p[name.n - 1]))
                name.n--;
        if (name.n == 0 || name.n > HEADER_NAME_MAX)
                return H1_OK;
        for (size_t i = 0; i < name.n; i++)
                if (!header_is_token_char(name.p[i]))
                        return H1_OK;
        if (l->n >= MIN(limits->header_count, (unsigned) (l->max - HEADER_SPARE)))
                return H1_TOO_MANY;
        value = (Slice) { colon + 1, line.n - (size_t) (colon + 1 - line.p) };
        p = head + (value.p - head);
        for (size_t i = 0; i < value.n; i++)
                if (header_is_control(p[i])) {
                        p[i] = ' ';
                        clean = false;
                }
        value = slice_trim(value);
        h = &l->items[l->n++];
        *h = (Header) { .name = name.p,
                        .name_size = (uint16_t) name.n,
                        .value = value.p,
                        .value_size = (uint32_t) value.n };
        header_classify(h);
        return !clean && (h->id == HEADER_CONTENT_LENGTH || h->id == HEADER_TRANSFER_ENCODING) ?
                       H1_BAD_FRAMING :
                       H1_OK;
}

/* What the framing fields of one head say together. */
typedef struct Framing {
        Slice length; /* as it is told; p NULL: none */
        Slice digits; /* of it, without leading zeros */
        bool chunked;
        unsigned n_options;
} Framing;

/* The same length several times is that length (RFC 9110 section 8.6). */
static H1Verdict add_length(Framing *f, Slice value) {
        Slice item, digits;

        if (value.n == 0)
                return H1_BAD_FRAMING;
        while (slice_next(&value, ',', &item)) {
                if (item.n == 0)
                        return H1_BAD_FRAMING;
                for (size_t i = 0; i < item.n; i++)
                        if (!judge_is_digit(item.p[i]))
                                return H1_BAD_FRAMING;
                for (digits = item; digits.n > 1 && digits.p[0] == '0'; digits.p++)
                        digits.n--;
                if (f->length.p && !slice_equal(f->digits, digits))
                        return H1_BAD_FRAMING;
                f->digits = digits;
                f->length = item.n > JUDGE_LENGTH_DIGITS_MAX ? digits : item;
        }
        return H1_OK;
}

/* Chunked once, however often it is said; identity and nothing are no codings. What is compressed below the
 * chunks cannot be passed on, since no visitor understands it. */
static H1Verdict add_codings(Framing *f, Slice value) {
        Slice item;

        while (slice_next(&value, ',', &item)) {
                if (slice_equal_nocase(item, SLICE("chunked")))
                        f->chunked = true;
                else if (item.n > 0 && !slice_equal_nocase(item, SLICE("identity")))
                        return H1_BAD_CODING;
        }
        return H1_OK;
}

static H1Verdict read_framing(Framing *f, const Response *r) {
        bool bare = r->status < 200 || r->status == 204; /* RFC 9112 section 6.3 item 1 */
        H1Verdict v = H1_OK;

        for (size_t i = 0; v == H1_OK && i < r->headers.n; i++) {
                const Header *h = &r->headers.items[i];
                Slice rest = header_value(h), item;

                if (h->id == HEADER_CONTENT_LENGTH && !bare)
                        v = add_length(f, rest);
                else if (h->id == HEADER_TRANSFER_ENCODING && !bare)
                        v = add_codings(f, rest);
                else if (h->id == HEADER_CONNECTION)
                        while (slice_next(&rest, ',', &item))
                                f->n_options++;
        }
        /* Item 3: chunks win over a length. */
        if (f->chunked)
                f->length = (Slice) {};
        return v;
}

/* One framing field at most is left, and it says what was found. */
static void write_framing(const Framing *f, HeaderList *l) {
        Slice length = f->length, coding = f->chunked ? SLICE("chunked") : (Slice) {};
        Header *kept = l->items;

        for (size_t i = 0; i < l->n; i++) {
                Header h = l->items[i];
                Slice *value = h.id == HEADER_CONTENT_LENGTH      ? &length
                               : h.id == HEADER_TRANSFER_ENCODING ? &coding
                                                                  : NULL;

                if (value) {
                        if (!value->p)
                                continue;
                        h.value = value->p;
                        h.value_size = (uint32_t) value->n;
                        *value = (Slice) {};
                } else if (h.id == HEADER_CONNECTION && f->n_options > H1_CONNECTION_OPTIONS_MAX)
                        continue;
                *kept++ = h;
        }
        l->n = (uint16_t) (kept - l->items);
}

H1Verdict h1_read_odd_answer(size_t start, const H1Limits *limits, H1Asked asked, Response *r) {
        char *at = r->head + start, *end = r->head + r->head_size;
        Framing f = {};
        bool http10;
        H1Verdict v;

        assert(r->headers.max >= HEADER_SPARE);
        r->headers.n = 0;
        v = read_status_line(next_line(&at, end, /* folds= */ false), r, &http10);
        while (v == H1_OK && at < end) {
                Slice line = next_line(&at, end, /* folds= */ true);

                if (line.n == 0 && at == end)
                        break;
                /* Some take a bare CR for a line's end: then they would see other fields. */
                if (line.n == 0 || memchr(line.p, '\r', line.n))
                        return H1_BAD_LINE;
                v = read_field(line, limits, r->head, &r->headers);
        }
        if (v == H1_OK)
                v = read_framing(&f, r);
        if (v != H1_OK)
                return v;
        if (r->status == 101 && http10)
                return H1_UNASKED;
        write_framing(&f, &r->headers);
        v = h1_judge_response(r, asked, /* http10= */ false);
        r->flags |= RESPONSE_CLOSE;
        return v;
}

void h1_clean_reason(Response *r) {
        r->reason = slice_trim(r->reason);
        for (size_t i = 0; i < r->reason.n; i++)
                if (header_is_control(r->reason.p[i])) {
                        r->reason = slice_from(status_text(r->status));
                        r->flags |= RESPONSE_CLOSE;
                        return;
                }
}
