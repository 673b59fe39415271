/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP/1.1 heads: the search for the end, llhttp over the whole head at once, and the writing of heads. What
 * a head then means, h1-judge.c decides. */

#include <llhttp.h>

#include "hagw-proxyd/wire/h1-answer.h"
#include "hagw-proxyd/wire/h1-judge.h"
#include "hagw-proxyd/wire/h1.h"

static const struct {
        unsigned status;
        const char *text;
} verdicts[_H1_VERDICT_MAX] = {
        [H1_OK] = { 0, "ok" },
        [H1_MORE] = { 0, "incomplete head" },
        [H1_BAD_LINE] = { 400, "malformed line" },
        [H1_BAD_METHOD] = { 501, "unknown method" },
        [H1_REFUSED_METHOD] = { 405, "refused method" },
        [H1_BAD_TARGET] = { 400, "malformed target" },
        [H1_BAD_VERSION] = { 505, "not HTTP/1.1" },
        [H1_BAD_HEADER] = { 400, "malformed header field" },
        [H1_BAD_HOST] = { 400, "missing or ambiguous Host" },
        [H1_BAD_FRAMING] = { 400, "ambiguous message length" },
        [H1_BAD_CODING] = { 501, "unknown transfer coding" },
        [H1_BAD_UPGRADE] = { 400, "malformed upgrade" },
        [H1_BAD_EXPECT] = { 417, "unknown expectation" },
        [H1_TOO_LONG] = { 414, "request line too long" },
        [H1_TOO_LARGE] = { 431, "head too large" },
        [H1_TOO_MANY] = { 431, "too many header fields" },
        [H1_UNASKED] = { 502, "upgrade that was not asked for" },
        [H1_NOT_HTTP] = { 502, "what answers there does not speak HTTP" },
};

unsigned h1_verdict_status(H1Verdict v) {
        return verdicts[v].status;
}

const char *h1_verdict_text(H1Verdict v) {
        return verdicts[v].text;
}

/* One empty line in front is skipped. H1_OK: a first byte is there. */
static H1Verdict scan_start(H1Scan *s, const char *b, size_t size, bool answer) {
        if (s->seen > 0)
                return H1_OK;
        if (size >= 1 && answer && b[0] == '\n') {
                s->start = s->line = s->seen = 1;
                s->odd = true;
        } else if (size >= 1 && b[0] == '\r') {
                if (size < 2)
                        return H1_MORE;
                if (b[1] != '\n')
                        return H1_BAD_LINE;
                s->start = s->line = s->seen = 2;
        }
        return size > s->start ? H1_OK : H1_MORE;
}

/* Finds the empty line. Every line of a request must end in CRLF and none may begin with white space
 * (obs-fold), so that no reader behind us can see other lines than we do. */
static H1Verdict scan_head(H1Scan *s, const char *b, size_t size, const H1Limits *limits, bool answer,
                           size_t *ret_size) {
        size_t window = MIN(size, limits->head_size);

        while (s->seen < window) {
                const char *lf = memchr(b + s->seen, '\n', window - s->seen);
                size_t i, end;

                if (!lf)
                        break;
                i = (size_t) (lf - b);
                end = i > s->line && b[i - 1] == '\r' ? i - 1 : i;
                if (end == i || b[s->line] == ' ' || b[s->line] == '\t') {
                        if (!answer)
                                return H1_BAD_LINE;
                        s->odd = true;
                }
                if (end == s->line) {
                        if (s->lines == 0)
                                return H1_BAD_LINE;
                        *ret_size = i + 1;
                        return H1_OK;
                }
                if (s->lines == 0)
                        s->first = end;
                else if (s->lines > limits->header_count)
                        return H1_TOO_MANY;
                s->lines++;
                s->line = s->seen = i + 1;
        }
        s->seen = window;
        if (size < limits->head_size)
                return H1_MORE;
        return s->lines == 0 ? H1_TOO_LONG : H1_TOO_LARGE;
}

typedef struct Reader {
        HeaderList *list;
        unsigned limit;
        Slice line; /* the target or the reason phrase */
        H1Verdict verdict;
        bool complete;
} Reader;

static int on_line(llhttp_t *parser, const char *at, size_t n) {
        Reader *r = parser->data;

        if (r->line.p && r->line.p + r->line.n != at)
                return -1;
        r->line = (Slice) { r->line.p ?: at, r->line.n + n };
        return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t n) {
        Reader *r = parser->data;
        Header *h;

        if (n == 0 || n > HEADER_NAME_MAX) {
                r->verdict = H1_BAD_HEADER;
                return -1;
        }
        if (r->list->n >= r->limit) {
                r->verdict = H1_TOO_MANY;
                return -1;
        }
        h = &r->list->items[r->list->n++];
        *h = (Header) { .name = at, .name_size = (uint16_t) n };
        header_classify(h);
        return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t n) {
        Reader *r = parser->data;
        Header *h;

        if (r->list->n == 0)
                return -1;
        h = &r->list->items[r->list->n - 1];
        if (h->value && h->value + h->value_size != at)
                return -1;
        if (!h->value)
                h->value = at;
        h->value_size += (uint32_t) n;
        return 0;
}

static int on_headers_complete(llhttp_t *parser) {
        Reader *r = parser->data;

        r->complete = true;
        return HPE_PAUSED;
}

static const llhttp_settings_t settings[] = {
        [HTTP_REQUEST] = {
                .on_url = on_line,
                .on_header_field = on_header_field,
                .on_header_value = on_header_value,
                .on_headers_complete = on_headers_complete,
        },
        [HTTP_RESPONSE] = {
                .on_status = on_line,
                .on_header_field = on_header_field,
                .on_header_value = on_header_value,
                .on_headers_complete = on_headers_complete,
        },
};

static H1Verdict verdict_from_llhttp(llhttp_errno_t e) {
        switch (e) {
        case HPE_INVALID_METHOD:
                return H1_BAD_METHOD;
        case HPE_INVALID_URL:
                return H1_BAD_TARGET;
        case HPE_INVALID_VERSION:
        case HPE_PAUSED_H2_UPGRADE:
                return H1_BAD_VERSION;
        case HPE_INVALID_HEADER_TOKEN:
                return H1_BAD_HEADER;
        case HPE_UNEXPECTED_CONTENT_LENGTH:
        case HPE_INVALID_CONTENT_LENGTH:
        case HPE_INVALID_TRANSFER_ENCODING:
                return H1_BAD_FRAMING;
        default:
                return H1_BAD_LINE;
        }
}

static void trim_values(HeaderList *l) {
        for (size_t i = 0; i < l->n; i++) {
                Header *h = &l->items[i];
                Slice v = h->value ? slice_trim(header_value(h)) : SLICE("");

                h->value = v.p;
                h->value_size = (uint32_t) v.n;
        }
}

/* Exactly the bytes of the head: llhttp must reach the end of the fields at their last byte, neither earlier
 * nor later. */
static H1Verdict read_fields(llhttp_type_t type, const char *b, size_t n, const H1Limits *limits,
                             HeaderList *list, Slice *ret_line) {
        Reader reader = { .list = list,
                          .limit = MIN(limits->header_count, (unsigned) (list->max - HEADER_SPARE)) };
        llhttp_errno_t e;
        llhttp_t parser;

        assert(list->max >= HEADER_SPARE);
        list->n = 0;
        llhttp_init(&parser, type, &settings[type]);
        parser.data = &reader;
        e = llhttp_execute(&parser, b, n);
        if (reader.verdict != H1_OK)
                return reader.verdict;
        if (e != HPE_PAUSED && e != HPE_OK)
                return verdict_from_llhttp(e);
        if (!reader.complete || (e == HPE_PAUSED && llhttp_get_error_pos(&parser) < b + n - 1))
                return H1_BAD_FRAMING;
        trim_values(list);
        *ret_line = reader.line;
        return H1_OK;
}

/* What cannot become a method need not be waited for: a TLS hello on port 80, binary noise. Asked first, so
 * that it is the same answer however the bytes come. */
static H1Verdict judge_first_byte(char c) {
        if (c >= 'A' && c <= 'Z')
                return H1_OK;
        return header_is_token_char(c) ? H1_BAD_METHOD : H1_BAD_LINE;
}

H1Verdict h1_read_request(H1Scan *scan, char *buffer, size_t size, const H1Limits *limits, Request *r) {
        HeaderList headers = r->headers;
        size_t head_size;
        H1Verdict v;
        Slice target;

        v = scan_start(scan, buffer, size, /* answer= */ false);
        if (v == H1_OK)
                v = judge_first_byte(buffer[scan->start]);
        if (v == H1_OK)
                v = scan_head(scan, buffer, size, limits, /* answer= */ false, &head_size);
        if (v != H1_OK)
                return v;
        *r = (Request) { .headers = headers, .head = buffer, .head_size = head_size };
        v = h1_judge_request_line((Slice) { buffer + scan->start, scan->first - scan->start }, r);
        if (v != H1_OK)
                return v;
        v = read_fields(HTTP_REQUEST, buffer + scan->start, head_size - scan->start, limits, &r->headers,
                        &target);
        if (v != H1_OK)
                return v;
        if (target.p != r->target.p || target.n != r->target.n)
                return H1_BAD_TARGET;
        return h1_judge_request(r);
}

/* To the letter. */
static H1Verdict read_strictly(const H1Scan *scan, const H1Limits *limits, H1Asked asked, Response *r) {
        bool http10;
        H1Verdict v;

        v = h1_judge_status_line((Slice) { r->head + scan->start, scan->first - scan->start }, r, &http10);
        if (v != H1_OK)
                return v;
        v = read_fields(HTTP_RESPONSE, r->head + scan->start, r->head_size - scan->start, limits,
                        &r->headers, &r->reason);
        if (v != H1_OK)
                return v;
        return h1_judge_response(r, asked, http10);
}

H1Verdict h1_read_response(H1Scan *scan, char *buffer, size_t size, const H1Limits *limits, H1Asked asked,
                           Response *r) {
        HeaderList headers = r->headers;
        size_t head_size;
        H1Verdict v;

        v = scan_start(scan, buffer, size, /* answer= */ true);
        if (v == H1_OK)
                v = scan_head(scan, buffer, size, limits, /* answer= */ true, &head_size);
        if (v != H1_OK)
                return v;
        *r = (Response) { .headers = headers, .head = buffer, .head_size = head_size };
        if (scan->odd || read_strictly(scan, limits, asked, r) != H1_OK) {
                *r = (Response) { .headers = headers, .head = buffer, .head_size = head_size };
                v = h1_read_odd_answer(scan->start, limits, asked, r);
        }
        if (v == H1_OK && !slice_equal(r->reason, SLICE("OK"))) /* most say just that */
                h1_clean_reason(r);
        return v;
}
