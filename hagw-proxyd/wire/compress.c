/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/wire/compress.h"

/* What is data may have been made for the one who asks, with what he asked in it, and looks the same as a
 * file. There the target has to look like a file's, too. */
#define TYPE(text) { text, sizeof(text) - 1 }
static const struct {
        Slice type;
        const char *endings; /* of such a file's name */
        bool data;
} types[] = {
        { TYPE("text/javascript"), "js mjs cjs" },
        { TYPE("application/javascript"), "js mjs cjs" },
        { TYPE("application/x-javascript"), "js mjs cjs" },
        { TYPE("text/css"), "css" },
        { TYPE("image/svg+xml"), "svg" },
        { TYPE("application/wasm"), "wasm" },
        { TYPE("font/ttf"), "ttf" },
        { TYPE("font/otf"), "otf" },
        { TYPE("font/sfnt"), "ttf otf" },
        { TYPE("application/font-sfnt"), "ttf otf" },
        { TYPE("application/x-font-ttf"), "ttf" },
        { TYPE("application/x-font-otf"), "otf" },
        { TYPE("application/vnd.ms-fontobject"), "eot" },
        { TYPE("application/json"), "json map", .data = true },
        { TYPE("application/manifest+json"), "webmanifest json", .data = true },
        { TYPE("application/geo+json"), "geojson json", .data = true },
};

/* What an answer's fields say together. */
typedef struct Sight {
        const Header *tag, *length;
        unsigned n_types;
        bool coded, cookie, kept, fixed, digest, modified, shared;
} Sight;

static void see_cache_control(Sight *s, Slice value) {
        Slice item, name;

        while (slice_next(&value, ',', &item)) {
                if (!slice_next(&item, '=', &name))
                        continue;
                if (slice_equal_nocase(name, SLICE("private")) ||
                    slice_equal_nocase(name, SLICE("no-store")))
                        s->kept = true;
                else if (slice_equal_nocase(name, SLICE("no-transform")))
                        s->fixed = true;
                else if (slice_equal_nocase(name, SLICE("public")) ||
                         slice_equal_nocase(name, SLICE("immutable")) ||
                         slice_equal_nocase(name, SLICE("s-maxage")))
                        s->shared = true;
        }
}

/* An answer that hangs on who asks says so here, if anywhere. */
static void see_vary(Sight *s, Slice value) {
        Slice item;

        while (slice_next(&value, ',', &item))
                if (slice_equal(item, SLICE("*")) || slice_equal_nocase(item, SLICE("cookie")) ||
                    slice_equal_nocase(item, SLICE("authorization")))
                        s->kept = true;
}

static void see(Sight *s, const Header *h) {
        switch (h->id) {
        case HEADER_CONTENT_TYPE:
                s->n_types++;
                break;
        case HEADER_CONTENT_LENGTH:
                s->length = h;
                break;
        case HEADER_ETAG:
                s->tag = h;
                break;
        case HEADER_CONTENT_ENCODING:
                s->coded = true;
                break;
        case HEADER_SET_COOKIE:
                s->cookie = true;
                break;
        case HEADER_CACHE_CONTROL:
                see_cache_control(s, header_value(h));
                break;
        case HEADER_VARY:
                see_vary(s, header_value(h));
                break;
        case HEADER_CONTENT_DIGEST: /* RFC 9530 */
        case HEADER_REPR_DIGEST:
        case HEADER_DIGEST: /* RFC 3230 */
        case HEADER_CONTENT_MD5:
                s->digest = true;
                break;
        case HEADER_LAST_MODIFIED:
                s->modified = true;
                break;
        default:
                break;
        }
}

static int find_type(const Header *h) {
        Slice value = h ? header_value(h) : (Slice) {}, type;

        if (!slice_next(&value, ';', &type))
                return -ENOENT;
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (slice_equal_nocase(type, types[i].type))
                        return (int) i;
        return -ENOENT;
}

static bool ends_as(Slice path, const char *endings) {
        Slice rest = slice_from(endings), ending;
        size_t n = 0;

        while (n < path.n && path.p[path.n - n - 1] != '.' && path.p[path.n - n - 1] != '/')
                n++;
        if (n == path.n || path.p[path.n - n - 1] != '.')
                return false;
        while (slice_next(&rest, ' ', &ending))
                if (slice_equal_nocase(ending, (Slice) { path.p + path.n - n, n }))
                        return true;
        return false;
}

static bool is_weak(Slice tag) {
        return slice_starts_with(tag, SLICE("W/"));
}

static bool is_tag(Slice tag) {
        if (is_weak(tag))
                tag = (Slice) { tag.p + 2, tag.n - 2 };
        return tag.n >= 2 && tag.p[0] == '"' && tag.p[tag.n - 1] == '"' && tag.n <= COMPRESS_TAG_MAX &&
               !memchr(tag.p + 1, '"', tag.n - 2);
}

/* RFC 9110 section 8.8.3. A comma may stand within a tag. */
static bool next_tag(Slice *rest, Slice *ret) {
        const char *p, *end;

        while (rest->n > 0 && rest->p[0] != '"' && rest->p[0] != 'W')
                rest->p++, rest->n--;
        p = rest->n > 0 ? memchr(rest->p, '"', rest->n) : NULL;
        end = p ? memchr(p + 1, '"', rest->n - (size_t) (p + 1 - rest->p)) : NULL;
        if (!end)
                return false;
        *ret = (Slice) { rest->p, (size_t) (end + 1 - rest->p) };
        rest->p += ret->n;
        rest->n -= ret->n;
        return true;
}

/* He has the tag in the weak form that it gets here, and not as the service says it. */
static bool has_weak_form(const Request *q, Slice tag) {
        bool found = false;

        if (is_weak(tag))
                return false;
        for (size_t i = 0; i < q->headers.n; i++) {
                const Header *h = &q->headers.items[i];
                Slice rest = header_value(h), had;

                while (h->id == HEADER_IF_NONE_MATCH && next_tag(&rest, &had)) {
                        if (slice_equal(had, tag))
                                return false;
                        if (is_weak(had) && slice_equal((Slice) { had.p + 2, had.n - 2 }, tag))
                                found = true;
                }
        }
        return found;
}

static bool is_plain_get(const Request *q) {
        return (q->method == METHOD_GET || q->method == METHOD_HEAD) && q->body == BODY_NONE;
}

/* It is not one visitor's, and nothing in it hangs on what one may write. */
static CompressVerdict judge_file(const Request *q, int type, const Sight *s) {
        if (s->n_types != 1)
                return COMPRESS_TYPE;
        if (s->coded)
                return COMPRESS_CODED;
        if (s->cookie)
                return COMPRESS_COOKIE;
        if (s->kept)
                return COMPRESS_PRIVATE;
        if (s->fixed || header_list_has_token(&q->headers, HEADER_CACHE_CONTROL, "no-transform"))
                return COMPRESS_TRANSFORM;
        if (s->digest)
                return COMPRESS_DIGEST;
        if (types[type].data && header_list_find(&q->headers, HEADER_AUTHORIZATION))
                return COMPRESS_CREDENTIALS;
        /* Not an ETag: frameworks compute one of whatever they send. Nor an age, which a browser may keep
         * what is its user's for. */
        if (!s->modified && !s->shared)
                return COMPRESS_DYNAMIC;
        if (memchr(q->target.p, '?', q->target.n) ?
                    types[type].data || !ends_as(request_path(q), types[type].endings) :
                    types[type].data && !ends_as(request_path(q), types[type].endings))
                return COMPRESS_QUERY;
        if (s->tag && !is_tag(header_value(s->tag)))
                return COMPRESS_TAG;
        return COMPRESS_YES;
}

/* What HEAD is told is what GET would be. */
static bool is_small(const Request *q, const Response *r, const Sight *s) {
        bool known = q->method == METHOD_HEAD ? s->length != NULL :
                                                     r->body != BODY_CHUNKED && r->body != BODY_UNTIL_EOF;

        return known && r->body_size < COMPRESS_SIZE_MIN;
}

/* Of nothing there is nothing to code, whatever he takes. */
static bool is_empty(const Request *q, const Response *r, const Sight *s) {
        return r->body_size == 0 && is_small(q, r, s);
}

static CompressVerdict judge(const Request *q, const Response *r, Coding *ret) {
        CodingWish wish;
        Sight s = {};
        CompressVerdict v;
        int type;

        if (!is_plain_get(q))
                return COMPRESS_METHOD;
        if (r->status != 200 && r->status != 206 && r->status != 304)
                return COMPRESS_STATUS;
        /* Most answers go no further. */
        type = find_type(header_list_find(&r->headers, HEADER_CONTENT_TYPE));
        if (type < 0 && r->status != 304)
                return COMPRESS_TYPE;
        for (size_t i = 0; i < r->headers.n; i++)
                see(&s, &r->headers.items[i]);
        if (r->status == 304)
                return s.tag && is_tag(header_value(s.tag)) && has_weak_form(q, header_value(s.tag)) ?
                               COMPRESS_UNCHANGED :
                               COMPRESS_STATUS;
        v = judge_file(q, type, &s);
        if (v != COMPRESS_YES)
                return v;
        if (r->status == 206 || header_list_find(&q->headers, HEADER_RANGE))
                return COMPRESS_PART;
        wish = coding_wish(&q->headers);
        if (is_empty(q, r, &s) || (is_small(q, r, &s) && !wish.no_identity))
                return COMPRESS_SMALL;
        *ret = wish.best;
        return wish.best == CODING_IDENTITY ? COMPRESS_UNWANTED : COMPRESS_YES;
}

void compress_judge(const Request *q, const Response *r, CompressPlan *ret) {
        ret->coding = CODING_IDENTITY;
        ret->verdict = judge(q, r, &ret->coding);
}

void compress_not(CompressPlan *p, CompressVerdict why) {
        p->verdict = why;
        p->coding = CODING_IDENTITY;
}

/* What a strong tag promises, the same bytes each time, no encoder does (RFC 9110 section 8.8.1). It comes
 * back in If-None-Match, which compares weakly (section 13.1.2). */
static void weaken(CompressPlan *p, Header *h) {
        Slice tag = header_value(h);

        if (is_weak(tag))
                return;
        assert(tag.n <= COMPRESS_TAG_MAX);
        p->tag[0] = 'W';
        p->tag[1] = '/';
        memcpy(p->tag + 2, tag.p, tag.n);
        h->value = p->tag;
        h->value_size = (uint32_t) tag.n + 2;
}

void compress_cut_head(CompressPlan *p, Response *r) {
        Header *kept = r->headers.items;

        if (p->verdict != COMPRESS_YES && p->verdict != COMPRESS_UNCHANGED)
                return;
        for (size_t i = 0; i < r->headers.n; i++) {
                Header h = r->headers.items[i];

                if (p->verdict == COMPRESS_YES &&
                    (h.id == HEADER_CONTENT_LENGTH || h.id == HEADER_ACCEPT_RANGES))
                        continue;
                if (h.id == HEADER_ETAG)
                        weaken(p, &h);
                *kept++ = h;
        }
        r->headers.n = (uint16_t) (kept - r->headers.items);
        if (p->verdict == COMPRESS_YES && r->body != BODY_NONE)
                r->body = BODY_CHUNKED;
}

int compress_say_head(const CompressPlan *p, Response *r) {
        int e = 0;

        if (p->coding != CODING_IDENTITY)
                e = header_list_add(&r->headers, "Content-Encoding", coding_name(p->coding));
        if (e >= 0 && p->verdict < COMPRESS_OFF &&
            !header_list_has_token(&r->headers, HEADER_VARY, "accept-encoding"))
                e = header_list_add(&r->headers, "Vary", SLICE("Accept-Encoding"));
        return e;
}

const char *compress_verdict_text(CompressVerdict v) {
        static const char *const texts[_COMPRESS_VERDICT_MAX] = {
                [COMPRESS_YES] = "compressed",
                [COMPRESS_UNCHANGED] = "unchanged",
                [COMPRESS_UNWANTED] = "not wanted",
                [COMPRESS_PART] = "a part",
                [COMPRESS_CROWDED] = "too many at once",
                [COMPRESS_OFF] = "off",
                [COMPRESS_METHOD] = "no plain GET",
                [COMPRESS_STATUS] = "status",
                [COMPRESS_TYPE] = "type",
                [COMPRESS_CODED] = "coded already",
                [COMPRESS_COOKIE] = "sets a cookie",
                [COMPRESS_PRIVATE] = "one visitor's",
                [COMPRESS_TRANSFORM] = "no-transform",
                [COMPRESS_DIGEST] = "has a digest",
                [COMPRESS_CREDENTIALS] = "data for who shows credentials",
                [COMPRESS_DYNAMIC] = "no sign of a file",
                [COMPRESS_QUERY] = "not a file's target",
                [COMPRESS_TAG] = "odd ETag",
                [COMPRESS_SMALL] = "small",
        };

        return texts[v];
}
