/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The judge of HTTP/1.1 heads: RFC 9112 sections 3, 6 and 11.2, RFC 9110 sections 7.2 and 7.8, RFC 6455
 * section 4.2.1. */

#include "hagw-proxyd/wire/h1-judge.h"
#include "hagw-proxyd/wire/judge.h"

/* What the framing fields of one head say. */
typedef struct Framing {
        unsigned n_lengths, n_codings;
        uint64_t length;
        bool chunked;
        H1Verdict verdict;
} Framing;

static void framing_read_coding(Framing *f, Slice value) {
        Slice coding, last = {};
        unsigned n = 0, n_chunked = 0;

        f->n_codings++;
        if (slice_equal_nocase(value, SLICE("chunked"))) {
                f->chunked = true;
                return;
        }
        /* Wrong in any case; the list only decides which error is true. */
        while (slice_next(&value, ',', &coding)) {
                n++;
                last = coding;
                n_chunked += slice_equal_nocase(coding, SLICE("chunked"));
        }
        f->verdict = n > 1 && n_chunked == 1 && slice_equal_nocase(last, SLICE("chunked")) ? H1_BAD_CODING
                                                                                           : H1_BAD_FRAMING;
}

static void framing_read(Framing *f, const Header *h) {
        if (h->id == HEADER_CONTENT_LENGTH) {
                f->n_lengths++;
                if (!judge_length(header_value(h), &f->length))
                        f->verdict = H1_BAD_FRAMING;
        } else if (h->id == HEADER_TRANSFER_ENCODING)
                framing_read_coding(f, header_value(h));
}

static H1Verdict framing_judge(const Framing *f) {
        if (f->n_lengths + f->n_codings > 1)
                return H1_BAD_FRAMING;
        return f->verdict;
}

H1Verdict h1_judge_request_line(Slice line, Request *r) {
        static const Slice version = { " HTTP/1.1", 9 };
        const char *space = memchr(line.p, ' ', line.n), *tail;
        size_t n;

        if (!space || space == line.p)
                return H1_BAD_LINE;
        n = (size_t) (space - line.p);
        for (size_t i = 0; i < n; i++)
                if (!header_is_token_char(line.p[i]))
                        return H1_BAD_LINE;
        if (line.n <= n + version.n)
                return memchr(space + 1, ' ', line.n - n - 1) ? H1_BAD_LINE
                                                              : H1_BAD_VERSION; /* HTTP/0.9 had none */
        tail = line.p + line.n - version.n;
        if (memcmp(tail, version.p, version.n) != 0)
                return memcmp(tail, version.p, 6) == 0 ? H1_BAD_VERSION : H1_BAD_LINE;
        r->method_text = (Slice) { line.p, n };
        r->method = method_from_text(r->method_text);
        if (slice_equal(r->method_text, SLICE("CONNECT")) || slice_equal(r->method_text, SLICE("TRACE")))
                return H1_REFUSED_METHOD;
        r->target = (Slice) { space + 1, (size_t) (tail - space - 1) };
        if (r->target.n == 0 || !judge_target_is_clean(r->target))
                return H1_BAD_TARGET;
        return H1_OK;
}

/* An absolute target must say the same as Host (RFC 9112 section 3.2.2 lets it win; a service behind us may
 * not know that). It goes on as its path. */
static H1Verdict judge_target(Request *r) {
        static const struct {
                Slice name, port;
        } schemes[] = {
                { { "https://", 8 }, { ":443", 4 } },
                { { "http://", 7 }, { ":80", 3 } },
        };
        Slice t = r->target;

        if (t.p[0] == '/')
                return H1_OK;
        if (t.n == 1 && t.p[0] == '*')
                return r->method == METHOD_OPTIONS ? H1_OK : H1_BAD_TARGET;
        for (size_t i = 0; i < ELEMENTSOF(schemes); i++) {
                const char *slash;
                Slice authority;

                if (t.n <= schemes[i].name.n || strncasecmp(t.p, schemes[i].name.p, schemes[i].name.n) != 0)
                        continue;
                t = (Slice) { t.p + schemes[i].name.n, t.n - schemes[i].name.n };
                slash = memchr(t.p, '/', t.n);
                authority = (Slice) { t.p, slash ? (size_t) (slash - t.p) : t.n };
                if (!judge_authorities_agree(authority, r->authority, schemes[i].port))
                        return H1_BAD_HOST;
                r->target = slash ? (Slice) { slash, t.n - authority.n } : SLICE("/");
                return H1_OK;
        }
        return H1_BAD_TARGET;
}

typedef struct Upgrade {
        bool close, option; /* Connection: close, upgrade */
        unsigned n_options;
        bool websocket;     /* Upgrade: websocket, alone */
        unsigned n_keys, n_upgrades;
        bool version;
} Upgrade;

/* Connection names what is for this hop only. Returns whether it names more than the options we know by
 * heart. */
static bool read_connection(Upgrade *u, Slice value) {
        bool names = false;
        Slice option;

        while (slice_next(&value, ',', &option)) {
                u->n_options++;
                if (slice_equal_nocase(option, SLICE("close")))
                        u->close = true;
                else if (slice_equal_nocase(option, SLICE("upgrade")))
                        u->option = true;
                else if (option.n > 0 && !slice_equal_nocase(option, SLICE("keep-alive")))
                        names = true;
        }
        return names;
}

static void upgrade_read(Upgrade *u, const Header *h, unsigned *flags, unsigned names_flag) {
        Slice value = header_value(h);

        switch (h->id) {
        case HEADER_CONNECTION:
                if (read_connection(u, value))
                        *flags |= names_flag;
                return;
        case HEADER_UPGRADE:
                u->n_upgrades++;
                u->websocket = slice_equal_nocase(value, SLICE("websocket"));
                return;
        case HEADER_SEC_WEBSOCKET_KEY:
                u->n_keys++;
                if (value.n != 24) /* 16 bytes in base64 */
                        u->n_keys = UINT16_MAX;
                return;
        case HEADER_SEC_WEBSOCKET_VERSION:
                u->version = slice_equal(value, SLICE("13"));
                return;
        default:
                return;
        }
}

/* Upgrade is honoured for websocket only; other offers (h2c, TLS) are not taken up and go no further. */
static H1Verdict judge_upgrade(const Upgrade *u, Request *r) {
        if (!u->websocket || !u->option)
                return H1_OK;
        if (u->n_upgrades != 1 || r->method != METHOD_GET || r->body != BODY_NONE || u->n_keys != 1 ||
            !u->version || (r->flags & REQUEST_EXPECT_CONTINUE))
                return H1_BAD_UPGRADE;
        r->flags |= REQUEST_WEBSOCKET;
        return H1_OK;
}

H1Verdict h1_judge_request(Request *r) {
        Upgrade upgrade = {};
        unsigned n_hosts = 0;
        Header *host = NULL;
        Framing f = {};
        H1Verdict v;

        for (size_t i = 0; i < r->headers.n; i++) {
                Header *h = &r->headers.items[i];

                switch (h->id) {
                case HEADER_HOST:
                        n_hosts++;
                        host = h;
                        r->authority = header_value(h);
                        break;
                case HEADER_CONTENT_LENGTH:
                case HEADER_TRANSFER_ENCODING:
                        framing_read(&f, h);
                        break;
                case HEADER_EXPECT:
                        if (!slice_equal_nocase(header_value(h), SLICE("100-continue")))
                                return H1_BAD_EXPECT;
                        r->flags |= REQUEST_EXPECT_CONTINUE;
                        break;
                case HEADER_CONNECTION:
                case HEADER_UPGRADE:
                case HEADER_SEC_WEBSOCKET_KEY:
                case HEADER_SEC_WEBSOCKET_VERSION:
                        upgrade_read(&upgrade, h, &r->flags, REQUEST_CONNECTION_NAMES);
                        break;
                default:
                        break;
                }
        }
        if (upgrade.n_options > H1_CONNECTION_OPTIONS_MAX)
                return H1_BAD_HEADER;
        if (n_hosts != 1 || !judge_authority(&r->authority, &r->host))
                return H1_BAD_HOST;
        host->value_size = (uint32_t) r->authority.n;
        v = framing_judge(&f);
        if (v == H1_OK)
                v = judge_target(r);
        if (v != H1_OK)
                return v;
        r->body = f.chunked ? BODY_CHUNKED : f.length > 0 ? BODY_LENGTH : BODY_NONE;
        r->body_size = f.length;
        if (upgrade.close)
                r->flags |= REQUEST_CLOSE;
        return judge_upgrade(&upgrade, r);
}

H1Verdict h1_judge_status_line(Slice line, Response *r, bool *ret_http10) {
        if (line.n < 12 || memcmp(line.p, "HTTP/", 5) != 0)
                return H1_BAD_LINE;
        if (memcmp(line.p + 5, "1.1 ", 4) != 0 && memcmp(line.p + 5, "1.0 ", 4) != 0)
                return H1_BAD_VERSION;
        if (!judge_is_digit(line.p[9]) || !judge_is_digit(line.p[10]) || !judge_is_digit(line.p[11]) ||
            (line.n > 12 && line.p[12] != ' '))
                return H1_BAD_LINE;
        *ret_http10 = line.p[7] == '0';
        r->status = (unsigned) ((line.p[9] - '0') * 100 + (line.p[10] - '0') * 10 + (line.p[11] - '0'));
        return r->status >= 100 && r->status <= 599 ? H1_OK : H1_BAD_LINE;
}

/* RFC 9112 section 6.3. */
static H1Verdict judge_response_body(Response *r, const Framing *f, bool head, bool http10) {
        if (http10 && f->n_codings > 0)
                return H1_BAD_FRAMING;
        /* These have no body; where one is announced, somebody's count is off. */
        if ((r->status < 200 || r->status == 204) && (f->n_codings > 0 || f->length > 0))
                return H1_BAD_FRAMING;
        if (head || r->status < 200 || r->status == 204 || r->status == 304)
                r->body = BODY_NONE;
        else if (f->chunked)
                r->body = BODY_CHUNKED;
        else if (f->n_lengths > 0)
                r->body = f->length > 0 ? BODY_LENGTH : BODY_NONE;
        else
                r->body = BODY_UNTIL_EOF;
        r->body_size = f->length;
        return H1_OK;
}

H1Verdict h1_judge_response(Response *r, H1Asked asked, bool http10) {
        Upgrade upgrade = {};
        Framing f = {};
        H1Verdict v;

        for (size_t i = 0; i < r->headers.n; i++) {
                const Header *h = &r->headers.items[i];

                switch (h->id) {
                case HEADER_CONTENT_LENGTH:
                case HEADER_TRANSFER_ENCODING:
                        framing_read(&f, h);
                        break;
                case HEADER_CONNECTION:
                case HEADER_UPGRADE:
                        upgrade_read(&upgrade, h, &r->flags, RESPONSE_CONNECTION_NAMES);
                        break;
                default:
                        break;
                }
        }
        if (upgrade.n_options > H1_CONNECTION_OPTIONS_MAX)
                return H1_BAD_HEADER;
        v = framing_judge(&f);
        if (v == H1_OK)
                v = judge_response_body(r, &f, asked.head, http10);
        if (v != H1_OK)
                return v;
        if (r->status == 101) {
                if (!asked.websocket || !upgrade.websocket || !upgrade.option || http10)
                        return H1_UNASKED;
                r->flags |= RESPONSE_UPGRADED;
        } else if (r->status < 200)
                r->flags |= RESPONSE_INTERIM;
        if (upgrade.close || http10 || r->body == BODY_UNTIL_EOF)
                r->flags |= RESPONSE_CLOSE;
        return H1_OK;
}
