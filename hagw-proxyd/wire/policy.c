/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The door's rule. Whatever is not plainly allowed is not. */

#include "hagw-proxyd/wire/cookie.h"
#include "hagw-proxyd/wire/policy.h"
#include "libhagw/pure/hex.h"
#include "libhagw/pure/origin.h"

/* Characters that some reader of a path takes for more than themselves: separators, parameters, escapes. */
static bool is_ambiguous(unsigned c) {
        return c <= ' ' || c >= 0x7f || strchr("\\;?#%", (int) c);
}

/* The next character of a path that everybody reads alike; negative: there is none such. */
static int next_plain(Slice *rest) {
        int high, low, c;

        c = (uint8_t) rest->p[0];
        if (c != '%') {
                *rest = (Slice) { rest->p + 1, rest->n - 1 };
                return is_ambiguous((unsigned) c) ? -EINVAL : c;
        }
        if (rest->n < 3)
                return -EINVAL;
        high = hex_value(rest->p[1]);
        low = hex_value(rest->p[2]);
        if (high < 0 || low < 0)
                return -EINVAL;
        *rest = (Slice) { rest->p + 3, rest->n - 3 };
        c = high << 4 | low;
        /* An encoded space is plain, an encoded slash or dot is somebody's dot segment. */
        if (c == ' ')
                return c;
        return is_ambiguous((unsigned) c) || c == '/' || c == '.' ? -EINVAL : c;
}

/* What some reader might take for "", "." or "..": some drop blanks and dots at the ends of a name. */
static bool is_dots(const char *segment, size_t n) {
        while (n > 0 && (segment[n - 1] == '.' || segment[n - 1] == ' '))
                n--;
        return n == 0;
}

#define PLAIN_PATH_MAX 2048U

/* Decodes the path; its length, or -EINVAL where it is not one that everybody reads alike. */
static int path_to_plain(Slice path, char out[static PLAIN_PATH_MAX]) {
        size_t n = 0, segment = 1;

        if (path.n == 0 || path.p[0] != '/' || path.n >= PLAIN_PATH_MAX)
                return -EINVAL;
        while (path.n > 0) {
                int c = next_plain(&path);

                if (c < 0)
                        return -EINVAL;
                if (c == '/' && n > 0) {
                        if (is_dots(out + segment, n - segment))
                                return -EINVAL;
                        segment = n + 1;
                }
                out[n++] = (char) c;
        }
        return n > segment && is_dots(out + segment, n - segment) ? -EINVAL : (int) n;
}

static bool is_below(Slice path, Slice prefix) {
        if (prefix.n == 0 || !slice_starts_with(path, prefix))
                return false;
        return prefix.p[prefix.n - 1] == '/' || path.n == prefix.n || path.p[prefix.n] == '/';
}

/* The first prefix that the path is below, or NULL. */
static const char *find_prefix(Slice path, char *const *prefixes) {
        for (size_t i = 0; prefixes && prefixes[i]; i++)
                if (is_below(path, slice_from(prefixes[i])))
                        return prefixes[i];
        return NULL;
}

const char *policy_find_open_path(Slice target, char *const *prefixes) {
        const char *query;
        char plain[PLAIN_PATH_MAX];
        int n;

        if (!prefixes || !prefixes[0] || target.n == 0)
                return NULL;
        query = memchr(target.p, '?', target.n);
        n = path_to_plain((Slice) { target.p, query ? (size_t) (query - target.p) : target.n }, plain);
        return n < 0 ? NULL : find_prefix((Slice) { plain, (size_t) n }, prefixes);
}

bool policy_prefix_is_open(const char *prefix, char *const *prefixes) {
        return find_prefix(slice_from(prefix), prefixes);
}

/* What a request's fields say of its maker. */
typedef struct Claims {
        OriginClaim origin;
        Slice token, cookie;
        size_t n_tokens, n_cookies;
} Claims;

static void read_claims(const HeaderList *l, Claims *c) {
        for (size_t i = 0; i < l->n; i++) {
                const Header *h = &l->items[i];

                switch (h->id) {
                case HEADER_ORIGIN:
                        origin_claim_add(&c->origin, ORIGIN_FIELD_ORIGIN, header_value(h));
                        break;
                case HEADER_SEC_FETCH_SITE:
                        origin_claim_add(&c->origin, ORIGIN_FIELD_SITE, header_value(h));
                        break;
                case HEADER_SEC_FETCH_MODE:
                        origin_claim_add(&c->origin, ORIGIN_FIELD_MODE, header_value(h));
                        break;
                case HEADER_SEC_FETCH_DEST:
                        origin_claim_add(&c->origin, ORIGIN_FIELD_DEST, header_value(h));
                        break;
                case HEADER_REFERER:
                        origin_claim_add(&c->origin, ORIGIN_FIELD_REFERER, header_value(h));
                        break;
                case HEADER_X_HAGW_TOKEN:
                        c->token = header_value(h);
                        c->n_tokens++;
                        break;
                case HEADER_COOKIE:
                        c->n_cookies += cookie_find(header_value(h), SLICE(POLICY_COOKIE), &c->cookie);
                        break;
                default:
                        break;
                }
        }
}

/* A frame without a Referer may be anybody's, but its answer says whose page may show it (Route.ancestors),
 * and the browser sees to that: it is worth no more than a link. Nothing guards a picture but the page's
 * name. */
static bool is_embedded(const Route *route, const OriginClaim *claim, Origin origin) {
        char *const *hosts = route->host.access.embedded_by;

        if (!hosts || !hosts[0] || (origin != ORIGIN_FRAMED && origin != ORIGIN_SHOWN))
                return false;
        return origin_has_referer(claim) ? origin_is_listed(claim, hosts) : origin == ORIGIN_FRAMED;
}

static bool is_foreign(const Route *route, const Request *r, const OriginClaim *claim, bool *ret_embedded) {
        bool get = (r->method == METHOD_GET || r->method == METHOD_HEAD) && !(r->flags & REQUEST_WEBSOCKET);
        Origin origin = origin_judge(claim, r->authority, get);

        *ret_embedded = origin > ORIGIN_NAVIGATION && is_embedded(route, claim, origin);
        return origin > ORIGIN_NAVIGATION && !*ret_embedded;
}

/* A secret that can be asked about: one, of a length and an alphabet that our own have. A browser has no
 * token to send, so whoever sends one means it. */
static bool find_secret(const Claims *c, PolicyFinding *f) {
        Slice value = c->n_tokens > 0 ? c->token : c->cookie;

        if ((c->n_tokens ?: c->n_cookies) != 1 || value.n == 0 || value.n > POLICY_SECRET_MAX)
                return false;
        for (size_t i = 0; i < value.n; i++)
                if (((uint8_t) value.p[i] | 0x20U) - 'a' >= 26U && (uint8_t) value.p[i] - '0' + 0U >= 10U &&
                    !memchr("-_.~", value.p[i], 4))
                        return false;
        f->token = c->n_tokens > 0;
        f->secret = value;
        return true;
}

PolicyVerdict policy_judge(const Route *route, const Request *request, bool inside, PolicyFinding *ret) {
        bool own = slice_starts_with(request->target, SLICE(OWN_PREFIX)) &&
                   !route_has_own_login(route);
        bool walled = route->host.access.login != CONF_LOGIN_NONE;
        Claims claims = {};

        *ret = (PolicyFinding) {};
        /* Nothing hangs on who asks. */
        if (!own && !walled && route->host.access.from != CONF_FROM_LAN)
                return POLICY_PASS;
        read_claims(&request->headers, &claims);
        ret->foreign = is_foreign(route, request, &claims.origin, &ret->embedded);
        if (!route_admits(route, inside && !ret->foreign))
                return POLICY_CLOSE;
        if (own)
                return POLICY_OWN;
        if (!walled || policy_path_is_open(request->target, route->host.access.open_paths))
                return POLICY_PASS;
        if (ret->foreign)
                return POLICY_FOREIGN;
        return find_secret(&claims, ret) ? POLICY_ASK : policy_settle(request, POLICY_SESSION_NONE);
}

PolicyVerdict policy_settle(const Request *request, PolicySession session) {
        switch (session) {
        case POLICY_SESSION_ALLOWED:
                return POLICY_PASS;
        case POLICY_SESSION_DENIED:
                return POLICY_FORBIDDEN;
        default:
                return request_is_navigation(request) ? POLICY_LOGIN : POLICY_UNAUTHORIZED;
        }
}

const char *policy_verdict_text(PolicyVerdict v) {
        static const char *const texts[_POLICY_VERDICT_MAX] = {
                [POLICY_PASS] = "pass",
                [POLICY_OWN] = "own",
                [POLICY_ASK] = "ask",
                [POLICY_LOGIN] = "login",
                [POLICY_UNAUTHORIZED] = "unauthorized",
                [POLICY_FOREIGN] = "foreign page",
                [POLICY_FORBIDDEN] = "forbidden",
                [POLICY_CLOSE] = "close",
        };

        return texts[v];
}

/* What a query value can hold as it is (RFC 3986 section 3.4), less what separates parameters. */
static bool is_query_safe(char c) {
        return ((uint8_t) c | 0x20U) - 'a' < 26U || (uint8_t) c - '0' + 0U < 10U ||
               (c && strchr("-._~/", c));
}

/* page is one of our own, far shorter than POLICY_LOCATION_MAX. */
static void page_location(const char *page, const Request *request, char out[static POLICY_LOCATION_MAX]) {
        size_t start = strlen(page), n = start + strlen("?" POLICY_RETURN_PARAMETER "=");
        Slice t = request->target;

        memcpy(out, page, start);
        memcpy(out + start, "?" POLICY_RETURN_PARAMETER "=", n - start);
        if (t.n < 1 || t.p[0] != '/' || (t.n > 1 && (t.p[1] == '/' || t.p[1] == '\\')) ||
            memchr(t.p, '\\', t.n))
                t.n = 0;
        for (size_t i = 0; i < t.n; i++) {
                if (n + 4 > POLICY_LOCATION_MAX) {
                        t.n = 0;
                        break;
                }
                if (is_query_safe(t.p[i]))
                        out[n++] = t.p[i];
                else {
                        out[n++] = '%';
                        out[n++] = "0123456789ABCDEF"[(uint8_t) t.p[i] >> 4];
                        out[n++] = "0123456789ABCDEF"[(uint8_t) t.p[i] & 15];
                }
        }
        out[t.n > 0 ? n : start] = '\0';
}

void policy_login_location(const Request *request, char out[static POLICY_LOCATION_MAX]) {
        page_location(OWN_LOGIN, request, out);
}

void policy_denied_location(const Request *request, char out[static POLICY_LOCATION_MAX]) {
        page_location(OWN_DENIED, request, out);
}
