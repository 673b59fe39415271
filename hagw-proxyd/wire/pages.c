/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The answers that proxyd gives itself: a row each. Their looks and texts are libhagw's, as for hagw-webd's
 * pages. */

#include "hagw-proxyd/wire/forward.h"
#include "hagw-proxyd/wire/inner.h"
#include "hagw-proxyd/wire/pages.h"
#include "libhagw/pure/ownpath.h"
#include "libhagw/pure/page.h"

static const struct {
        unsigned status;
        Text title, text; /* for the person in front of it: what happened, what to do */
        Text hint;        /* for those inside; 0: there is none */
        Text link;        /* to the login; 0: there is none */
        unsigned retry;   /* seconds until it may be otherwise; 0: not by itself */
        bool challenge;   /* says where to log in (draft-broyer-http-cookie-auth) */
        const char *allow; /* 405: what is */
} rows[_PAGE_MAX] = {
        [PAGE_BAD_REQUEST] = { 400, TEXT_ERROR_TITLE, TEXT_TROUBLE_BAD_REQUEST },
        [PAGE_UNAUTHORIZED] = { 401, TEXT_TROUBLE_LOGIN_TITLE, TEXT_TROUBLE_LOGIN,
                                .link = TEXT_LOGIN_BUTTON, .challenge = true },
        [PAGE_FORM] = { 401, TEXT_TROUBLE_FORM_TITLE, TEXT_TROUBLE_FORM, .link = TEXT_TROUBLE_FORM_LINK,
                        .challenge = true },
        [PAGE_FOREIGN] = { 401, TEXT_TROUBLE_FOREIGN_TITLE, TEXT_TROUBLE_FOREIGN,
                           TEXT_TROUBLE_FOREIGN_HINT, .challenge = true },
        [PAGE_FORBIDDEN] = { 403, TEXT_DENIED_TITLE, TEXT_TROUBLE_FORBIDDEN },
        [PAGE_METHOD] = { 405, TEXT_ERROR_TITLE, TEXT_TROUBLE_METHOD,
                          .allow = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH" },
        [PAGE_TIMEOUT] = { 408, TEXT_TROUBLE_TIMEOUT_TITLE, TEXT_TROUBLE_TIMEOUT },
        [PAGE_URI_TOO_LONG] = { 414, TEXT_TROUBLE_TOO_LONG_TITLE, TEXT_TROUBLE_TOO_LONG },
        [PAGE_EXPECTATION] = { 417, TEXT_ERROR_TITLE, TEXT_TROUBLE_EXPECTATION },
        [PAGE_MISDIRECTED] = { 421, TEXT_TROUBLE_MISDIRECTED_TITLE, TEXT_TROUBLE_MISDIRECTED, .retry = 2 },
        [PAGE_TOO_LARGE] = { 431, TEXT_TROUBLE_TOO_LARGE_TITLE, TEXT_TROUBLE_TOO_LARGE },
        [PAGE_NOT_IMPLEMENTED] = { 501, TEXT_ERROR_TITLE, TEXT_TROUBLE_METHOD },
        [PAGE_BAD_GATEWAY] = { 502, TEXT_TROUBLE_GATEWAY_TITLE, TEXT_TROUBLE_GATEWAY,
                               TEXT_TROUBLE_GATEWAY_HINT, .retry = 5 },
        [PAGE_HOUSE_OFFLINE] = { 503, TEXT_TROUBLE_OFFLINE_TITLE, TEXT_TROUBLE_OFFLINE, .retry = 15 },
        [PAGE_HOUSE_SUSPENDED] = { 503, TEXT_TROUBLE_OFFLINE_TITLE, TEXT_TROUBLE_SUSPENDED },
        [PAGE_HOUSE_EXHAUSTED] = { 503, TEXT_TROUBLE_OFFLINE_TITLE, TEXT_TROUBLE_EXHAUSTED },
        [PAGE_HOUSE_CROWDED] = { 503, TEXT_TROUBLE_BUSY_TITLE, TEXT_TROUBLE_CROWDED, .retry = 15 },
        [PAGE_HOUSE_NO_HOST] = { 503, TEXT_TROUBLE_OFFLINE_TITLE, TEXT_TROUBLE_NO_HOST },
        [PAGE_HOUSE_REFUSES] = { 503, TEXT_TROUBLE_OFFLINE_TITLE, TEXT_TROUBLE_REFUSES },
        [PAGE_UNAVAILABLE] = { 503, TEXT_TROUBLE_BUSY_TITLE, TEXT_TROUBLE_BUSY, TEXT_TROUBLE_BUSY_HINT,
                               .retry = 5 },
        [PAGE_GATEWAY_TIMEOUT] = { 504, TEXT_TROUBLE_TIMEOUT_TITLE, TEXT_TROUBLE_LATE,
                                   TEXT_TROUBLE_LATE_HINT, .retry = 5 },
        [PAGE_VERSION] = { 505, TEXT_ERROR_TITLE, TEXT_TROUBLE_VERSION },
};

#define LOGIN_RETURN "?return=/"
#define NUMBER_MAX 24U  /* characters of a number with NUL */
#define SENTENCE_MAX 2048U  /* bytes of one text, with a host's name escaped in it */
#define BODY_MAX 8192U  /* bytes of what stands in the frame */
#define FIELDS_ROOM 256U /* what of the fields is put together is shorter */

/* Writes until the room is used up, which the tests say is never. */
typedef struct Out {
        char *p, *end;
} Out;

static void put(Out *o, const char *s) {
        size_t n = MIN(strlen(s), (size_t) (o->end - o->p));

        memcpy(o->p, s, n);
        o->p += n;
}

static const char *number_text(size_t v, char out[static NUMBER_MAX]) {
        size_t i = NUMBER_MAX - 1;

        out[i] = '\0';
        do
                out[--i] = (char) ('0' + v % 10);
        while (v /= 10);
        return out + i;
}

static void put_number(Out *o, size_t v) {
        char digits[NUMBER_MAX];

        put(o, number_text(v, digits));
}

/* Somebody else's words: controls and non-ASCII bytes replaced, cut. */
static const char *clean(Slice s, char out[static PAGE_DETAIL_MAX + 1]) {
        size_t n = MIN(s.n, (size_t) PAGE_DETAIL_MAX);

        for (size_t i = 0; i < n; i++)
                out[i] = (uint8_t) s.p[i] < ' ' || (uint8_t) s.p[i] >= 0x7f ? '?' : s.p[i];
        out[n] = '\0';
        return out;
}

static unsigned page_retry(const Page *p) {
        return p->again ? rows[p->kind].retry : 0;
}

typedef struct Details {
        char host[PAGE_DETAIL_MAX + 1], upstream[PAGE_DETAIL_MAX + 1], error[PAGE_DETAIL_MAX + 1];
} Details;

/* As the visitor has to write it. */
static void own_names(const Page *p, char cookie[static INNER_NAME_SIZE],
                      char login[static INNER_PATH_SIZE]) {
        inner_name(p->depth ?: INNER_DEPTH_OWN, cookie, login);
}

static int expand_html(const Page *p, const Details *d, const Language *l, char *out, size_t size) {
        const char *title = l->texts[rows[p->kind].title];
        char text[SENTENCE_MAX], body[BODY_MAX], code[NUMBER_MAX], seconds[NUMBER_MAX];
        char cookie[INNER_NAME_SIZE], login[INNER_PATH_SIZE + sizeof(LOGIN_RETURN)];
        const char *retry = page_retry(p) > 0 ? number_text(page_retry(p), seconds) : NULL;
        const PageValue host[] = { { "host", d->host }, {} };
        int r;

        own_names(p, cookie, login);
        strcat(login, LOGIN_RETURN);
        r = page_text_into(rows[p->kind].text, l, host, text, sizeof(text));
        if (r < 0)
                return r;
        const PageValue values[] = {
                { "title", title },
                { "text", text },
                { "hint", p->inside && rows[p->kind].hint ? l->texts[rows[p->kind].hint] : NULL },
                { "service", p->inside ? d->upstream : NULL },
                { "error", p->inside ? d->error : NULL },
                { "retry", retry },
                { "login", rows[p->kind].link ? login : NULL },
                { "form", p->kind == PAGE_FORM ? "yes" : NULL },
                { "link", rows[p->kind].link ? l->texts[rows[p->kind].link] : NULL },
                { "code", number_text(rows[p->kind].status, code) },
                { "reason", status_text(rows[p->kind].status) },
                {},
        };
        r = page_expand_into(page_trouble, l, values, body, sizeof(body));
        if (r < 0)
                return r;
        const PageValue layout[] = {
                { "language", l->code },
                { "title", title },
                { "style", page_style },
                { "body", body },
                { "refresh", NULL },
                { "retry", retry },
                { "wide", NULL },
                { "script", retry ? page_again : NULL },
                {},
        };
        return page_expand_into(page_layout, l, layout, out, size);
}

static void put_line(Out *o, const char *label, const char *text) {
        if (!*text)
                return;
        put(o, label);
        put(o, ": ");
        put(o, text);
        put(o, "\n");
}

/* For programs, and for a page that does not fit, which there is not: English. */
static size_t write_text(const Page *p, const Details *d, char *out, size_t size) {
        const char *const *texts = languages[0].texts;
        Out o = { out, out + size };
        char text[SENTENCE_MAX];
        const PageValue host[] = { { "host", d->host }, {} };

        put_number(&o, rows[p->kind].status);
        put(&o, " ");
        put(&o, status_text(rows[p->kind].status));
        put(&o, "\n");
        if (page_text_into(rows[p->kind].text, languages, host, text, sizeof(text)) >= 0)
                put(&o, text);
        put(&o, "\n");
        put_line(&o, "Host", d->host);
        if (p->inside) {
                put_line(&o, texts[TEXT_TROUBLE_SERVICE], d->upstream);
                put_line(&o, texts[TEXT_TROUBLE_ERROR], d->error);
                if (rows[p->kind].hint) {
                        put(&o, texts[rows[p->kind].hint]);
                        put(&o, "\n");
                }
        }
        return (size_t) (o.p - out);
}

static size_t write_body(const Page *p, char out[static PAGE_SIZE_MAX]) {
        Details d;
        int n = -ENOBUFS;

        (void) clean(p->host, d.host);
        (void) clean(p->upstream, d.upstream);
        (void) clean(p->error, d.error);
        if (p->html)
                n = expand_html(p, &d, p->language ?: languages, out, PAGE_SIZE_MAX - FIELDS_ROOM);
        return n >= 0 ? (size_t) n : write_text(p, &d, out, PAGE_SIZE_MAX - FIELDS_ROOM);
}

/* None of them is one that anybody asks for by its id. */
static void add(Answer *a, Slice name, Slice value) {
        HeaderList *l = &a->response.headers;

        assert(l->n < PAGE_FIELDS_MAX);
        l->items[l->n++] = (Header) { .name = name.p, .name_size = (uint16_t) name.n, .value = value.p,
                                      .value_size = (uint32_t) value.n };
}

static void answer_begin(Answer *a, unsigned status, const char *date) {
        *a = (Answer) { .response = { .status = status, .reason = slice_from(status_text(status)) } };
        a->response.headers = (HeaderList) { .items = a->fields, .max = ELEMENTSOF(a->fields) };
        if (date && *date)
                add(a, SLICE("Date"), slice_from(date));
}

/* A value that is put together: begin is where it begins in o. */
static void add_made(Answer *a, Slice name, const Out *o, const char *begin) {
        add(a, name, (Slice) { begin, (size_t) (o->p - begin) });
}

static void add_number(Answer *a, Slice name, Out *o, size_t v) {
        const char *begin = o->p;

        put_number(o, v);
        add_made(a, name, o, begin);
}

static void add_challenge(Answer *a, const Page *p, Out *o) {
        char cookie[INNER_NAME_SIZE], login[INNER_PATH_SIZE];
        const char *begin = o->p;

        own_names(p, cookie, login);
        put(o, "Cookie realm=\"hagw\", form-action=\"");
        put(o, login);
        put(o, "\", cookie-name=\"");
        put(o, cookie);
        put(o, "\"");
        add_made(a, SLICE("WWW-Authenticate"), o, begin);
}

void page_make(const Page *p, char out[static PAGE_SIZE_MAX], Answer *ret) {
        static const struct {
                Slice name, value;
        } always[] = {
#define S(text) { text, sizeof(text) - 1 }
                { S("Cache-Control"), S("no-store") },
                { S("X-Content-Type-Options"), S("nosniff") },
                { S("Referrer-Policy"), S("same-origin") },
#undef S
        };
        size_t n = write_body(p, out);
        Out o = { out + n, out + PAGE_SIZE_MAX };

        answer_begin(ret, rows[p->kind].status, p->date);
        if (p->html) {
                add(ret, SLICE("Content-Type"), SLICE("text/html; charset=utf-8"));
                add(ret, SLICE("Content-Language"), slice_from((p->language ?: languages)->code));
                add(ret, SLICE("Content-Security-Policy"), slice_from(p->policy));
        } else
                add(ret, SLICE("Content-Type"), SLICE("text/plain; charset=utf-8"));
        for (size_t i = 0; i < ELEMENTSOF(always); i++)
                add(ret, always[i].name, always[i].value);
        if (rows[p->kind].challenge)
                add_challenge(ret, p, &o);
        if (rows[p->kind].allow)
                add(ret, SLICE("Allow"), slice_from(rows[p->kind].allow));
        if (rows[p->kind].retry > 0)
                add_number(ret, SLICE("Retry-After"), &o, rows[p->kind].retry);
        add_number(ret, SLICE("Content-Length"), &o, n);
        ret->response.body = BODY_LENGTH;
        ret->response.body_size = n;
        ret->body = (Slice) { out, n };
}

unsigned page_status(PageKind kind) {
        return rows[kind].status;
}

PageKind page_from_refusal(Refusal r) {
        static const PageKind kinds[_REFUSAL_MAX] = {
                [REFUSAL_NONE] = _PAGE_INVALID,
                [REFUSAL_SUSPENDED] = PAGE_HOUSE_SUSPENDED,
                [REFUSAL_EXHAUSTED] = PAGE_HOUSE_EXHAUSTED,
                [REFUSAL_CONNECTIONS] = _PAGE_INVALID,
                [REFUSAL_AWAY] = PAGE_HOUSE_OFFLINE,
                [REFUSAL_CHANNELS] = PAGE_HOUSE_CROWDED,
                [REFUSAL_HOUSE] = PAGE_HOUSE_REFUSES,
                [REFUSAL_HOST] = PAGE_HOUSE_NO_HOST,
        };

        return r >= REFUSAL_NONE && r < _REFUSAL_MAX ? kinds[r] : _PAGE_INVALID;
}

PageKind page_from_status(unsigned status) {
        for (unsigned k = 0; k < _PAGE_MAX; k++)
                if (rows[k].status == status)
                        return (PageKind) k;
        return _PAGE_INVALID;
}

int page_make_redirect(unsigned status, Slice location, const char *date, char out[static PAGE_SIZE_MAX],
                       Answer *ret) {
        if (location.n > PAGE_SIZE_MAX)
                return -ENOBUFS;
        /* Whoever built it is trusted to have encoded it; a line end in it would still be somebody else's
         * header. */
        for (size_t i = 0; i < location.n; i++)
                out[i] = (uint8_t) location.p[i] <= ' ' || location.p[i] == 0x7f ? '_' : location.p[i];
        answer_begin(ret, status, date);
        add(ret, SLICE("Location"), (Slice) { out, location.n });
        add(ret, SLICE("Cache-Control"), SLICE("no-store"));
        if (slice_starts_with(location, SLICE(OWN_AUTH_PREFIX)))
                add(ret, SLICE(FORWARD_OWN_FIELD), SLICE("1"));
        add(ret, SLICE("Content-Length"), SLICE("0"));
        return 0;
}
