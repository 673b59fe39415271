/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The header rules. A rule is a row; a field without one passes. Decided on the folded id, so that
 * X_Forwarded_For goes where X-Forwarded-For goes. */

#include <stdio.h>

#include "hagw-proxyd/wire/cookie.h"
#include "hagw-proxyd/wire/forward.h"
#include "hagw-proxyd/wire/inner.h"
#include "hagw-proxyd/wire/outer.h"
#include "hagw-proxyd/wire/policy.h"

typedef enum Action {
        PASS,
        DROP,
        DROP_HOP,  /* of this connection (RFC 9110 section 7.6.1); what the next one needs is written anew */
        CUT_COOKIE,
        TAKE_LOCATION,
} Action;

/* An absent row is PASS. */
static const uint8_t request_rules[_HEADER_MAX] = {
        [HEADER_CONNECTION] = DROP_HOP,
        [HEADER_KEEP_ALIVE] = DROP_HOP,
        [HEADER_PROXY_ANY] = DROP_HOP,
        [HEADER_TE] = DROP_HOP,
        [HEADER_TRAILER] = DROP_HOP, /* trailers are dropped */
        [HEADER_TRANSFER_ENCODING] = DROP_HOP,
        [HEADER_UPGRADE] = DROP_HOP,
        [HEADER_HTTP2_SETTINGS] = DROP_HOP,
        /* Where the visitor comes from, as he would like it to be. */
        [HEADER_X_FORWARDED_ANY] = DROP,
        [HEADER_FORWARDED] = DROP,
        [HEADER_VIA] = DROP,
        [HEADER_X_REAL_IP] = DROP,
        [HEADER_X_CLIENT_IP] = DROP,
        [HEADER_X_CLUSTER_CLIENT_IP] = DROP,
        [HEADER_X_ORIGINAL_FORWARDED_FOR] = DROP,
        [HEADER_CLIENT_IP] = DROP,
        [HEADER_CF_CONNECTING_IP] = DROP,
        [HEADER_FASTLY_CLIENT_IP] = DROP,
        [HEADER_TRUE_CLIENT_IP] = DROP,
        [HEADER_ADDRESS_ANY] = DROP,
        /* Who he would like to be. */
        [HEADER_IDENTITY_ANY] = DROP,
        [HEADER_X_HAGW_ANY] = DROP,
        [HEADER_X_HAGW_TOKEN] = DROP,
        /* Another target than the one that was judged. */
        [HEADER_X_ORIGINAL_HOST] = DROP,
        [HEADER_X_ORIGINAL_URL] = DROP,
        [HEADER_X_REWRITE_URL] = DROP,
        [HEADER_COOKIE] = CUT_COOKIE,
};

/* Strict-Transport-Security is neither added nor taken away: it is a promise about a name that its owner has
 * to make. */
static const uint8_t response_rules[_HEADER_MAX] = {
        [HEADER_CONNECTION] = DROP_HOP,
        [HEADER_KEEP_ALIVE] = DROP_HOP,
        [HEADER_PROXY_ANY] = DROP_HOP,
        [HEADER_TE] = DROP_HOP,
        [HEADER_TRAILER] = DROP_HOP,
        [HEADER_TRANSFER_ENCODING] = DROP_HOP,
        [HEADER_UPGRADE] = DROP_HOP,
        [HEADER_HTTP2_SETTINGS] = DROP_HOP,
        [HEADER_ALT_SVC] = DROP, /* names a port of the service, which visitors cannot reach */
        [HEADER_X_HAGW_ANY] = DROP,
        [HEADER_X_HAGW_TOKEN] = DROP,
        [HEADER_SET_COOKIE] = CUT_COOKIE,
        [HEADER_LOCATION] = TAKE_LOCATION,
};

/* Does Connection name this field? Only names without an id: of the others each is either hop-by-hop anyway,
 * or one that nobody may have removed (a Host, a Cookie, the address we write). */
static bool connection_names(const HeaderList *l, const Header *field) {
        Slice rest, option, name = { field->name, field->name_size };

        for (size_t i = 0; i < l->n; i++) {
                if (l->items[i].id != HEADER_CONNECTION)
                        continue;
                rest = header_value(&l->items[i]);
                while (slice_next(&rest, ',', &option))
                        if (slice_equal_nocase(option, name))
                                return true;
        }
        return false;
}

/* Cuts our cookies out of the field, and gives an inner gateway its own; false: nothing is left. */
static bool cut_cookie(Header *h, char *value) {
        if (h->id != HEADER_COOKIE)
                return false;
        h->value_size = (uint32_t) cookie_cut(value, h->value_size, SLICE(POLICY_COOKIE));
        inner_give_cookies(value, h->value_size);
        return h->value_size > 0;
}

/* What else a head says that a field's rule hangs on. */
typedef struct Sight {
        bool cookie;   /* the session cookie is the upstream's, as are the paths */
        bool inner;    /* an inner gateway sends the visitor to one of its pages */
        InnerLogin *ret_inner;
} Sight;

/* The value lies in the head's buffer, which is the caller's to change. */
static bool keeps(Header *h, Action action, char *head, const Sight *s) {
        char *value = head + (h->value - head);

        switch (action) {
        case PASS:
                return true;
        case TAKE_LOCATION:
                if (s->inner && !s->cookie && inner_take_location(value, h->value_size) && s->ret_inner &&
                    *s->ret_inner < 0)
                        *s->ret_inner = INNER_LOGIN_SEEN;
                return true;
        case CUT_COOKIE:
                if (s->cookie)
                        return true;
                if (h->id == HEADER_SET_COOKIE)
                        return inner_take_set_cookie(value, h->value_size) ||
                               !cookie_is_called(header_value(h), SLICE(POLICY_COOKIE));
                return cut_cookie(h, value);
        default:
                return false;
        }
}

static void filter(HeaderList *l, const uint8_t *rules, bool names, char *head, const Sight *sight) {
        Header *kept = l->items;
        uint8_t named[32] = {}; /* a bit for each of the first 256 fields; beyond them, all unknown ones stay
                                 */

        for (size_t i = 0; names && i < MIN((size_t) l->n, sizeof(named) * 8); i++)
                if (l->items[i].id == HEADER_OTHER && connection_names(l, &l->items[i]))
                        named[i / 8] |= (uint8_t) (1U << i % 8);
        for (size_t i = 0; i < l->n; i++) {
                Header h = l->items[i];

                /* No honest visitor spells a known name so, and no gateway its own. */
                if (h.folded != h.id && (rules == request_rules || h.folded == HEADER_X_HAGW_ANY))
                        continue;
                if (names && i < sizeof(named) * 8 && named[i / 8] & 1U << i % 8)
                        continue;
                if (keeps(&h, rules[h.id], head, sight))
                        *kept++ = h;
        }
        l->n = (uint16_t) (kept - l->items);
}

static void write_host(HeaderList *l, Slice host) {
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].id == HEADER_HOST) {
                        l->items[i].value = host.p;
                        l->items[i].value_size = (uint32_t) host.n;
                }
}

/* There is room for it, and the caller has seen to that. */
static void add(HeaderList *l, HeaderId id, Slice name, Slice value) {
        (void) header_list_add_known(l, id, name, value);
}

int forward_request(Request *r, const ForwardContext *c) {
        HeaderList *l = &r->headers;
        const Sight sight = { .cookie = c->sees_cookie };
        int n;

        filter(l, request_rules, r->flags & REQUEST_CONNECTION_NAMES, r->head, &sight);
        if (!c->sees_cookie)
                (void) inner_give_target(r->head + (r->target.p - r->head), r->target.n);
        if (c->host.n > 0)
                write_host(l, c->host);
        if (l->max - l->n < (int) HEADER_SPARE)
                return -ENOBUFS;
        if (c->address.n > 0) {
                add(l, HEADER_X_FORWARDED_ANY, SLICE("X-Forwarded-For"), c->address);
                add(l, HEADER_X_FORWARDED_ANY, SLICE("X-Forwarded-Proto"), SLICE("https"));
        }
        if (c->forwarded && c->address.n > 0) {
                /* RFC 7239 section 6: an IPv6 address stands in brackets and quotes. */
                bool v6 = memchr(c->address.p, ':', c->address.n);

                n = snprintf(c->scratch, FORWARD_SCRATCH, "for=%s%.*s%s;proto=https", v6 ? "\"[" : "",
                             (int) c->address.n, c->address.p, v6 ? "]\"" : "");
                if (n < 0 || (unsigned) n >= FORWARD_SCRATCH)
                        return -EINVAL;
                add(l, HEADER_FORWARDED, SLICE("Forwarded"), (Slice) { c->scratch, (size_t) n });
        }
        if (c->outer.n > 0)
                (void) header_list_add(l, OUTER_FIELD, c->outer);
        if (r->body == BODY_CHUNKED)
                add(l, HEADER_TRANSFER_ENCODING, SLICE("Transfer-Encoding"), SLICE("chunked"));
        if (r->flags & REQUEST_WEBSOCKET) {
                add(l, HEADER_CONNECTION, SLICE("Connection"), SLICE("Upgrade"));
                add(l, HEADER_UPGRADE, SLICE("Upgrade"), SLICE("websocket"));
        }
        return 0;
}

/* RFC 9110 section 8.6: some answers have no length, not even 0. */
static void drop_length(HeaderList *l) {
        Header *kept = l->items;

        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].id != HEADER_CONTENT_LENGTH)
                        *kept++ = l->items[i];
        l->n = (uint16_t) (kept - l->items);
}

/* A service that is no gateway may send to our login, and means ours. */
static bool says_inner(const HeaderList *l) {
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].id == HEADER_X_HAGW_ANY &&
                    slice_equal_nocase((Slice) { l->items[i].name, l->items[i].name_size },
                                       SLICE(FORWARD_OWN_FIELD)))
                        return true;
        return false;
}

int forward_response(Response *r, const ForwardAnswer *a, BodyKind *ret_body) {
        HeaderList *l = &r->headers;
        const Sight sight = { a->sees_cookie, .inner = says_inner(l), .ret_inner = a->ret_inner };
        BodyKind body;

        if (a->ret_inner)
                *a->ret_inner = outer_read_answer(l);
        if (r->status < 200 || r->status == 204)
                drop_length(l);
        filter(l, response_rules, r->flags & RESPONSE_CONNECTION_NAMES, r->head, &sight);
        if (l->max - l->n < (int) HEADER_SPARE)
                return -ENOBUFS;
        if (a->compress)
                compress_cut_head(a->compress, r);
        body = r->body == BODY_UNTIL_EOF ? BODY_CHUNKED : r->body;
        if (a->date && *a->date && !(r->flags & RESPONSE_INTERIM) && !header_list_find(l, HEADER_DATE))
                add(l, HEADER_DATE, SLICE("Date"), slice_from(a->date));
        if (a->own && header_list_find(l, HEADER_LOCATION))
                (void) header_list_add(l, FORWARD_OWN_FIELD, SLICE("1"));
        /* Beside the service's own policy: both hold. An X-Frame-Options gives way to it (CSP level 3,
         * section 6.4.2.2), which is what naming a host is for. */
        if (a->ancestors.n > 0 && r->status >= 200)
                (void) header_list_add(l, "Content-Security-Policy", a->ancestors);
        if (a->compress)
                (void) compress_say_head(a->compress, r);
        if (a->http1) {
                if (body == BODY_CHUNKED)
                        add(l, HEADER_TRANSFER_ENCODING, SLICE("Transfer-Encoding"), SLICE("chunked"));
                if (r->flags & RESPONSE_UPGRADED) {
                        add(l, HEADER_CONNECTION, SLICE("Connection"), SLICE("Upgrade"));
                        add(l, HEADER_UPGRADE, SLICE("Upgrade"), SLICE("websocket"));
                } else if (a->close && !(r->flags & RESPONSE_INTERIM))
                        add(l, HEADER_CONNECTION, SLICE("Connection"), SLICE("close"));
        }
        *ret_body = body;
        return 0;
}
