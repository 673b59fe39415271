/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The judge of HTTP/2's request heads. nghttp2 has taken the frames apart and checked most of this; what
 * smuggling would need is looked at here again, in one place and with tests. */

#include <llhttp.h>

#include "hagw-proxyd/wire/h2-head.h"
#include "hagw-proxyd/wire/judge.h"

#define LINE_OVERHEAD 4U /* of a field in HTTP/1.1: ": " and CRLF */

size_t h2_head_arena_size(const H1Limits *limits) {
        return limits->head_size + 64; /* a WebSocket's key */
}

void h2_head_begin(H2Head *h, Request *r, const H1Limits *limits, char *arena, size_t size) {
        *h = (H2Head) { .request = r, .limits = *limits, .arena = arena, .size = size };
        *r = (Request) { .headers = { .items = r->headers.items, .max = r->headers.max }, .head = arena };
}

/* Behind what is kept already. NULL: the head is too large. */
static char *keep(H2Head *h, Slice s) {
        char *p = h->arena + h->used;

        if (s.n > h->size - h->used)
                return NULL;
        if (s.n > 0)
                memcpy(p, s.p, s.n);
        h->used += s.n;
        return p;
}

/* RFC 9113 section 8.2.1, and stricter: no control character at all, as with HTTP/1.1. */
static bool value_is_clean(Slice v) {
        if (v.n > 0 && (v.p[0] == ' ' || v.p[0] == '\t' || v.p[v.n - 1] == ' ' || v.p[v.n - 1] == '\t'))
                return false;
        for (size_t i = 0; i < v.n; i++)
                if (header_is_control(v.p[i]))
                        return false;
        return true;
}

static bool name_is_clean(Slice name) {
        if (name.n == 0 || name.n > HEADER_NAME_MAX)
                return false;
        for (size_t i = 0; i < name.n; i++)
                if (!header_is_token_char(name.p[i]) || (name.p[i] >= 'A' && name.p[i] <= 'Z'))
                        return false;
        return true;
}

static H1Verdict take_pseudo(H2Head *h, Slice name, Slice value) {
        static const struct {
                Slice name;
                H2Field field;
                H1Verdict bad;
        } rows[] = {
                { { ":method", 7 }, H2_METHOD, H1_BAD_LINE },
                { { ":scheme", 7 }, H2_SCHEME, H1_BAD_TARGET },
                { { ":authority", 10 }, H2_AUTHORITY, H1_BAD_HOST },
                { { ":path", 5 }, H2_PATH, H1_BAD_TARGET },
                { { ":protocol", 9 }, H2_PROTOCOL, H1_BAD_UPGRADE },
        };
        Request *r = h->request;
        char *p;

        if (h->seen & H2_REGULAR)
                return H1_BAD_HEADER;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (!slice_equal(name, rows[i].name))
                        continue;
                if (h->seen & rows[i].field || value.n == 0 || !value_is_clean(value))
                        return rows[i].bad;
                h->seen |= rows[i].field;
                /* We have been spoken to by TLS; what a proxy would fetch otherwise is not here. */
                if (rows[i].field == H2_SCHEME)
                        return slice_equal(value, SLICE("https")) ? H1_OK : H1_BAD_TARGET;
                p = keep(h, value);
                if (!p)
                        return rows[i].field == H2_PATH ? H1_TOO_LONG : H1_TOO_LARGE;
                value.p = p;
                if (rows[i].field == H2_METHOD)
                        r->method_text = value;
                else if (rows[i].field == H2_AUTHORITY)
                        r->authority = value;
                else if (rows[i].field == H2_PATH)
                        r->target = value;
                else
                        h->protocol = value;
                return H1_OK;
        }
        return H1_BAD_HEADER;
}

static Header *add(H2Head *h, HeaderId id, Slice name, Slice value) {
        HeaderList *l = &h->request->headers;
        Header *i;

        if (l->n >= h->limits.header_count || l->n >= l->max) {
                h->verdict = H1_TOO_MANY;
                return NULL;
        }
        name.p = keep(h, name);
        value.p = name.p ? keep(h, value) : NULL;
        if (!value.p) {
                h->verdict = H1_TOO_LARGE;
                return NULL;
        }
        i = &l->items[l->n];
        (void) header_list_add_known(l, id, name, value);
        return i;
}

/* Crumbs become one field, as a service of HTTP/1.1 expects it. What was kept moves to the end, where it can
 * grow: mostly it is there already. */
static H1Verdict add_crumb(H2Head *h, Slice value) {
        Header *c = h->cookie;

        if (++h->n_crumbs > H2_COOKIE_CRUMBS_MAX)
                return H1_TOO_MANY;
        if (c->value + c->value_size != h->arena + h->used) {
                const char *p = keep(h, header_value(c));

                if (!p)
                        return H1_TOO_LARGE;
                c->value = p;
        }
        if (!keep(h, SLICE("; ")) || !keep(h, value))
                return H1_TOO_LARGE;
        c->value_size += (uint32_t) (value.n + 2);
        return H1_OK;
}

/* What Content-Length says; the frames have to keep it, which nghttp2 sees to. */
static H1Verdict take_length(H2Head *h, Slice value) {
        if (h->seen & H2_LENGTH || !judge_length(value, &h->request->body_size))
                return H1_BAD_FRAMING;
        h->seen |= H2_LENGTH;
        return H1_OK;
}

/* Fields with a meaning of their own. Those of a connection do not exist here (RFC 9113 section 8.2.2). */
static H1Verdict judge_field(H2Head *h, HeaderId id, Slice value) {
        switch (id) {
        case HEADER_CONNECTION:
        case HEADER_KEEP_ALIVE:
        case HEADER_PROXY_ANY:
        case HEADER_UPGRADE:
        case HEADER_HTTP2_SETTINGS:
                return H1_BAD_HEADER;
        case HEADER_TRANSFER_ENCODING:
                return H1_BAD_FRAMING;
        case HEADER_TE:
                return slice_equal_nocase(value, SLICE("trailers")) ? H1_OK : H1_BAD_HEADER;
        case HEADER_HOST:
                return h->host ? H1_BAD_HOST : H1_OK;
        case HEADER_CONTENT_LENGTH:
                return take_length(h, value);
        case HEADER_EXPECT:
                if (!slice_equal_nocase(value, SLICE("100-continue")))
                        return H1_BAD_EXPECT;
                h->request->flags |= REQUEST_EXPECT_CONTINUE;
                return H1_OK;
        case HEADER_SEC_WEBSOCKET_VERSION:
                if (slice_equal(value, SLICE("13")))
                        h->seen |= H2_VERSION;
                return H1_OK;
        default:
                return H1_OK;
        }
}

static H1Verdict take_field(H2Head *h, Slice name, Slice value) {
        Header known = { .name = name.p, .name_size = (uint16_t) name.n }, *i;
        H1Verdict v;

        h->seen |= H2_REGULAR;
        if (!name_is_clean(name) || !value_is_clean(value))
                return H1_BAD_HEADER;
        header_classify(&known);
        v = judge_field(h, known.id, value);
        if (v != H1_OK)
                return v;
        if (known.id == HEADER_SEC_WEBSOCKET_KEY && h->seen & H2_PROTOCOL)
                return H1_OK; /* it is for HTTP/1.1 alone (RFC 8441 section 5), where ours stands for it */
        if (known.id == HEADER_COOKIE && h->cookie)
                return add_crumb(h, value);
        i = add(h, known.id, name, value);
        if (!i)
                return h->verdict;
        i->folded = known.folded;
        if (known.id == HEADER_COOKIE)
                h->cookie = i;
        else if (known.id == HEADER_HOST)
                h->host = i;
        return H1_OK;
}

/* Who reads the answer to a head that is refused is told behind what was too much. */
static void keep_reader(H2Head *h, Slice name, Slice value) {
        Header known = { .name = name.p, .name_size = (uint16_t) name.n };
        const H1Verdict verdict = h->verdict;

        if (name.n == 0 || name.n > HEADER_NAME_MAX || value.n > H2_READER_MAX || !value_is_clean(value))
                return;
        header_classify(&known);
        if (known.id == HEADER_ACCEPT || known.id == HEADER_ACCEPT_LANGUAGE)
                (void) add(h, known.id, name, value);
        h->verdict = verdict;
}

H1Verdict h2_head_field(H2Head *h, Slice name, Slice value) {
        if (h->verdict != H1_OK) {
                keep_reader(h, name, value);
                return h->verdict;
        }
        h->weight += name.n + value.n + LINE_OVERHEAD;
        if (h->weight > h->limits.head_size)
                h->verdict = slice_equal(name, SLICE(":path")) ? H1_TOO_LONG : H1_TOO_LARGE;
        else if (name.n > 0 && name.p[0] == ':')
                h->verdict = take_pseudo(h, name, value);
        else
                h->verdict = take_field(h, name, value);
        return h->verdict;
}

/* The registered ones, as HTTP/1.1's parser knows them. */
static bool method_is_known(Slice s) {
#define NAME(number, name, string) { #string, sizeof(#string) - 1 },
        static const Slice known[] = { HTTP_METHOD_MAP(NAME) };
#undef NAME

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (slice_equal(s, known[i]))
                        return true;
        return false;
}

static H1Verdict judge_method(H2Head *h) {
        Request *r = h->request;
        bool connect;

        if (!(h->seen & H2_METHOD))
                return H1_BAD_LINE;
        for (size_t i = 0; i < r->method_text.n; i++)
                if (!header_is_token_char(r->method_text.p[i]))
                        return H1_BAD_LINE;
        connect = slice_equal(r->method_text, SLICE("CONNECT"));
        if (h->seen & H2_PROTOCOL && !connect)
                return H1_BAD_UPGRADE;
        if ((connect && !(h->seen & H2_PROTOCOL)) || slice_equal(r->method_text, SLICE("TRACE")))
                return H1_REFUSED_METHOD;
        if (!method_is_known(r->method_text))
                return H1_BAD_METHOD;
        r->method = method_from_text(r->method_text);
        return H1_OK;
}

/* One Host for the service, and it is the authority: RFC 9113 section 8.3.1. */
static H1Verdict take_authority(H2Head *h) {
        Request *r = h->request;

        if (h->host && !(h->seen & H2_AUTHORITY))
                r->authority = header_value(h->host);
        else if (h->host && !judge_authorities_agree(r->authority, header_value(h->host), SLICE(":443")))
                return H1_BAD_HOST;
        if (!judge_authority(&r->authority, &r->host))
                return H1_BAD_HOST;
        if (!h->host)
                h->host = add(h, HEADER_HOST, SLICE("host"), SLICE(""));
        if (!h->host)
                return h->verdict;
        h->host->value = r->authority.p;
        h->host->value_size = (uint32_t) r->authority.n;
        return H1_OK;
}

static H1Verdict judge_target(const H2Head *h) {
        Slice t = h->request->target;

        if (!(h->seen & H2_SCHEME) || !(h->seen & H2_PATH) || !judge_target_is_clean(t))
                return H1_BAD_TARGET;
        if (t.p[0] == '/')
                return H1_OK;
        return t.n == 1 && t.p[0] == '*' && h->request->method == METHOD_OPTIONS ? H1_OK : H1_BAD_TARGET;
}

/* RFC 8441: goes to the service as the GET that it knows. */
static H1Verdict judge_websocket(H2Head *h, bool bodiless, const char *key) {
        Request *r = h->request;

        if (!slice_equal(h->protocol, SLICE("websocket")))
                return H1_BAD_UPGRADE;
        if (bodiless || h->seen & H2_LENGTH || !(h->seen & H2_VERSION) || r->flags & REQUEST_EXPECT_CONTINUE)
                return H1_BAD_UPGRADE;
        r->method = METHOD_GET;
        r->method_text = SLICE("GET");
        r->flags |= REQUEST_WEBSOCKET;
        if (!add(h, HEADER_SEC_WEBSOCKET_KEY, SLICE("sec-websocket-key"), slice_from(key)))
                return h->verdict;
        return H1_OK;
}

static H1Verdict judge(H2Head *h, bool bodiless, const char *key) {
        Request *r = h->request;
        H1Verdict v;

        v = judge_method(h);
        if (v == H1_OK)
                v = take_authority(h);
        if (v == H1_OK)
                v = judge_target(h);
        if (v != H1_OK)
                return v;
        if (h->seen & H2_PROTOCOL)
                return judge_websocket(h, bodiless, key);
        if (bodiless && r->body_size > 0)
                return H1_BAD_FRAMING;
        if (bodiless || (h->seen & H2_LENGTH && r->body_size == 0))
                r->body = BODY_NONE;
        else
                r->body = h->seen & H2_LENGTH ? BODY_LENGTH : BODY_CHUNKED;
        return H1_OK;
}

H1Verdict h2_head_end(H2Head *h, bool bodiless, const char *websocket_key) {
        if (h->verdict == H1_OK)
                h->verdict = judge(h, bodiless, websocket_key);
        h->request->head_size = h->used;
        return h->verdict;
}

/* Of the old arena into the new one; constants stay where they are. */
static Slice settled(const H2Head *h, Slice s, char *arena) {
        if (s.p >= h->arena && s.p <= h->arena + h->used)
                s.p = arena + (s.p - h->arena);
        return s;
}

void h2_head_settle(H2Head *h, Request *to, Header *items, char *arena) {
        const Request *r = h->request;

        memcpy(arena, h->arena, h->used);
        *to = *r;
        to->head = arena;
        to->headers = (HeaderList) { .items = items,
                                     .n = r->headers.n,
                                     .max = (uint16_t) (r->headers.n + HEADER_SPARE) };
        to->method_text = settled(h, r->method_text, arena);
        to->authority = settled(h, r->authority, arena);
        to->host = settled(h, r->host, arena);
        to->target = settled(h, r->target, arena);
        for (size_t i = 0; i < r->headers.n; i++) {
                items[i] = r->headers.items[i];
                items[i].name = settled(h, (Slice) { items[i].name, items[i].name_size }, arena).p;
                items[i].value = settled(h, header_value(&items[i]), arena).p;
        }
}
