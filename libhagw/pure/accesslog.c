/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Journal entries for requests, without the secrets that addresses carry. */

#include "libhagw/pure/accesslog.h"
#include "libhagw/pure/hostname.h"

#define VALUE_MAX 256U  /* bytes kept of any value but the target */
#define TARGET_MAX 768U /* with these everything fits into ACCESSLOG_TEXT_MAX; the test tries */
#define WHO_MAX 64U     /* of a user and of an address in the line that people read */
#define NUMBER_MAX 20U  /* digits of 64 bits */
#define TOKEN_MIN \
        24U /* a segment this long of base64url or hexadecimal digits is a secret until proven otherwise */

/* The segment after each of these is a secret. */
static const Slice secret_prefixes[] = {
#define ROW(text) { text, sizeof(text) - 1 }
        ROW("/api/webhook/"),
        ROW("/api/hassio_ingress/"),
        ROW("/api/hls/"),
        ROW("/api/tts_proxy/"),
        ROW("/api/telegram_webhooks/"),
        ROW("/api/image/serve/"),
        ROW("/.well-known/acme-challenge/"),
};

/* Query parameters whose values stay out even where log.query_strings is set. */
static const Slice secret_parameters[] = {
        ROW("authSig"),   ROW("auth_sig"), ROW("token"),         ROW("access_token"), ROW("refresh_token"),
        ROW("id_token"),  ROW("code"),     ROW("password"),      ROW("passwd"),       ROW("api_key"),
        ROW("apikey"),    ROW("key"),      ROW("client_secret"), ROW("secret"),       ROW("state"),
        ROW("signature"), ROW("sig"),      ROW("auth"),          ROW("session"),
#undef ROW
};

/* Writes and cuts; always leaves what it has as a prefix of the whole. */
typedef struct Out {
        char *p, *end;
} Out;

static void put(Out *o, Slice s) {
        size_t n = MIN(s.n, (size_t) (o->end - o->p));

        for (size_t i = 0; i < n; i++)
                *o->p++ = (uint8_t) s.p[i] < ' ' || (uint8_t) s.p[i] >= 0x7f ? '?' : s.p[i];
}

static bool is_alnum(char c) {
        return ((uint8_t) c | 0x20U) - 'a' < 26U || (uint8_t) c - '0' + 0U < 10U;
}

/* Long, of one alphabet, with digits: an id that somebody drew by lot. What is encoded might be anything. */
static bool looks_secret(Slice s) {
        unsigned digits = 0;

        if (s.n < TOKEN_MIN)
                return false;
        for (size_t i = 0; i < s.n; i++) {
                if (!is_alnum(s.p[i]) && !memchr("-_~=%:", s.p[i], 6))
                        return false;
                digits += (uint8_t) s.p[i] - '0' + 0U < 10U;
        }
        return digits >= 2;
}

/* Length of the longest prefix that hides what follows it; 0: none. A path spelled in another way
 * (//api/webhook/…) is met by looking at its end only. */
static bool hides_next(Slice before) {
        for (size_t i = 0; i < ELEMENTSOF(secret_prefixes); i++) {
                Slice p = secret_prefixes[i];

                if (before.n >= p.n && slice_equal_nocase((Slice) { before.p + before.n - p.n, p.n }, p))
                        return true;
        }
        return false;
}

static void put_path(Out *o, Slice path) {
        size_t start = 0;

        while (start < path.n) {
                const char *slash = memchr(path.p + start, '/', path.n - start);
                size_t end = slash ? (size_t) (slash - path.p) : path.n;
                Slice segment = { path.p + start, end - start };

                if (segment.n > 0 && (hides_next((Slice) { path.p, start }) || looks_secret(segment)))
                        put(o, SLICE("..."));
                else
                        put(o, segment);
                if (slash)
                        put(o, SLICE("/"));
                start = end + 1;
        }
}

static bool is_secret_parameter(Slice name) {
        for (size_t i = 0; i < ELEMENTSOF(secret_parameters); i++)
                if (slice_equal_nocase(name, secret_parameters[i]))
                        return true;
        /* A name that is itself encoded hides what it is. */
        return memchr(name.p, '%', name.n);
}

static void put_query(Out *o, Slice query) {
        bool first = true;
        Slice pair;

        while (slice_next(&query, '&', &pair)) {
                const char *equals = memchr(pair.p, '=', pair.n);
                Slice name = { pair.p, equals ? (size_t) (equals - pair.p) : pair.n }, value = {};

                if (equals)
                        value = (Slice) { equals + 1, pair.n - name.n - 1 };
                put(o, first ? SLICE("?") : SLICE("&"));
                put(o, !equals && looks_secret(name) ? SLICE("...") : name);
                put(o, equals ? SLICE("=") : SLICE(""));
                put(o, value.n > 0 && (is_secret_parameter(name) || looks_secret(value)) ? SLICE("...")
                                                                                         : value);
                first = false;
        }
}

size_t accesslog_target(Slice target, bool query_strings, char *out, size_t size) {
        const char *q = target.n > 0 ? memchr(target.p, '?', target.n) : NULL;
        size_t n = q ? (size_t) (q - target.p) : target.n;
        Out o = { out, out + size };

        put_path(&o, (Slice) { target.p, n });
        if (q && query_strings)
                put_query(&o, (Slice) { q + 1, target.n - n - 1 });
        return (size_t) (o.p - out);
}

/* Fields are laid one after the other in one text. */
typedef struct Fields {
        Out out;
        struct iovec *iov;
        size_t n;
} Fields;

static void field_begin(Fields *f, const char *name) {
        f->iov[f->n].iov_base = f->out.p;
        put(&f->out, slice_from(name));
        put(&f->out, SLICE("="));
}

static void field_end(Fields *f) {
        f->iov[f->n].iov_len = (size_t) (f->out.p - (char *) f->iov[f->n].iov_base);
        f->n++;
}

static void add_field(Fields *f, const char *name, Slice value) {
        if (value.n == 0)
                return;
        field_begin(f, name);
        put(&f->out, value);
        field_end(f);
}

static void add_text(Fields *f, const char *name, Slice value) {
        add_field(f, name, (Slice) { value.p, MIN(value.n, (size_t) VALUE_MAX) });
}

/* At least width digits, at the end of buffer. */
static Slice format_number(uint64_t v, unsigned width, char buffer[static NUMBER_MAX]) {
        size_t at = NUMBER_MAX;

        for (; at > 0 && (v > 0 || NUMBER_MAX - at < width); v /= 10)
                buffer[--at] = (char) ('0' + v % 10);
        return (Slice) { buffer + at, NUMBER_MAX - at };
}

static void add_number(Fields *f, const char *name, uint64_t value) {
        char digits[NUMBER_MAX];

        add_field(f, name, format_number(value, 1, digits));
}

static void __attribute__((cold)) put_broken(Out *o, const AccessEntry *e) {
        put(o, SLICE(", "));
        put(o, slice_from(e->verdict));
        put(o, SLICE(","));
}

static void put_request(Out *o, const AccessEntry *e, Slice target) {
        char digits[NUMBER_MAX];

        put(o, (Slice) { e->method.p, MIN(e->method.n, (size_t) 32) });
        put(o, SLICE(" "));
        put(o, target);
        put(o, SLICE(" "));
        put(o, format_number(e->status, 1, digits));
        if (_unlikely_(e->broken))
                put_broken(o, e);
}

static void put_passage(Out *o, const AccessEntry *e) {
        char digits[NUMBER_MAX];

        put(o, SLICE("passage, "));
        put(o, slice_from(e->verdict));
        put(o, SLICE(", "));
        put(o, format_number(e->received, 1, digits));
        put(o, SLICE(" bytes in, "));
        put(o, format_number(e->sent, 1, digits));
        put(o, SLICE(" out,"));
}

static void add_message(Fields *f, const AccessEntry *e, Slice target) {
        char digits[NUMBER_MAX];

        field_begin(f, "MESSAGE");
        put(&f->out, (Slice) { e->host.p, MIN(e->host.n, (size_t) HOSTNAME_MAX) });
        put(&f->out, SLICE(" "));
        if (e->passage)
                put_passage(&f->out, e);
        else
                put_request(&f->out, e, target);
        put(&f->out, SLICE(" "));
        put(&f->out, format_number(e->duration_usec / USEC_PER_MSEC, 1, digits));
        put(&f->out, SLICE("."));
        put(&f->out, format_number(e->duration_usec % USEC_PER_MSEC, 3, digits));
        put(&f->out, SLICE(" ms, "));
        put(&f->out, (Slice) { e->user.p, MIN(e->user.n, (size_t) WHO_MAX) });
        put(&f->out, e->user.n > 0 ? SLICE(" from ") : SLICE("from "));
        put(&f->out, (Slice) { e->address.p, MIN(e->address.n, (size_t) WHO_MAX) });
        field_end(f);
}

size_t accesslog_format(const AccessEntry *e, char text[static ACCESSLOG_TEXT_MAX],
                        struct iovec iov[static ACCESSLOG_FIELDS_MAX]) {
        Fields f = { .out = { text, text + ACCESSLOG_TEXT_MAX }, .iov = iov };
        char target[TARGET_MAX];
        Slice shown = { target, accesslog_target(e->target, e->query_strings, target, sizeof(target)) };

        add_message(&f, e, shown);
        add_text(&f, "PRIORITY", SLICE("6"));
        add_text(&f, "HAGW_ADDRESS", e->address);
        add_text(&f, "HAGW_HOST", e->host);
        add_text(&f, "HAGW_METHOD", e->method);
        add_field(&f, "HAGW_PATH", shown);
        if (!e->passage)
                add_number(&f, "HAGW_STATUS", e->status);
        add_number(&f, "HAGW_RECEIVED", e->received);
        add_number(&f, "HAGW_SENT", e->sent);
        add_number(&f, "HAGW_DURATION_USEC", e->duration_usec);
        if (e->upstream_usec != USEC_INFINITY)
                add_number(&f, "HAGW_UPSTREAM_USEC", e->upstream_usec);
        add_text(&f, "HAGW_UPSTREAM", e->upstream);
        add_text(&f, "HAGW_USER", e->user);
        add_text(&f, "HAGW_VERDICT", slice_from(e->verdict));
        add_text(&f, "HAGW_PROTOCOL", slice_from(e->protocol));
        assert(f.n <= ACCESSLOG_FIELDS_MAX);
        return f.n;
}
