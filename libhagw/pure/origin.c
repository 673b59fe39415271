/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The judge of origins. */

#include "libhagw/pure/origin.h"

static bool says(const OriginClaim *c, OriginField field, Slice value) {
        return slice_equal(c->values[field], value);
}

static Slice behind_scheme(Slice url, Slice scheme) {
        if (url.n < scheme.n || !slice_equal_nocase((Slice) { url.p, scheme.n }, scheme))
                return (Slice) {};
        return (Slice) { url.p + scheme.n, url.n - scheme.n };
}

/* A port that goes without saying may be said (RFC 3986 section 3.2.3). */
static Slice without_default_port(Slice authority) {
        static const Slice ports[] = { { ":443", 4 }, { ":", 1 } };

        for (size_t i = 0; i < ELEMENTSOF(ports); i++) {
                size_t n = authority.n - MIN(authority.n, ports[i].n);

                /* Another ":" would be another port's, or within an IPv6 address's brackets. */
                if (n > 0 && slice_equal((Slice) { authority.p + n, authority.n - n }, ports[i]) &&
                    (authority.p[n - 1] == ']' || !memchr(authority.p, ':', n)))
                        return (Slice) { authority.p, n };
        }
        return authority;
}

/* Software within the browser that the person installed. That it may reach this host, too, is what
 * Sec-Fetch-Site says: without that right it would be cross-site. */
static bool is_extension(Slice origin) {
        static const Slice schemes[] = { { "chrome-extension://", 19 },
                                         { "moz-extension://", 16 },
                                         { "safari-web-extension://", 23 } };

        for (size_t i = 0; i < ELEMENTSOF(schemes); i++)
                if (behind_scheme(origin, schemes[i]).n > 0)
                        return true;
        return false;
}

/* Apps' libraries make up an Origin from the WebSocket's own address; no page has that scheme. */
static bool is_own(Slice origin, Slice authority) {
        static const Slice schemes[] = { { "https://", 8 }, { "wss://", 6 } };

        for (size_t i = 0; i < ELEMENTSOF(schemes); i++) {
                Slice rest = behind_scheme(origin, schemes[i]);

                if (rest.n > 0 &&
                    slice_equal_nocase(without_default_port(rest), without_default_port(authority)))
                        return true;
        }
        return false;
}

/* What stands in a page without being readable to it. Scripts, styles, fonts and whatever a script fetches
 * are readable, or become part of the page. An <object> or <embed> may be either a picture or a frame. */
static Origin judge_part(Slice dest) {
        static const struct {
                Slice dest;
                Origin origin;
        } rows[] = {
                { { "iframe", 6 }, ORIGIN_FRAMED }, { { "frame", 5 }, ORIGIN_FRAMED },
                { { "image", 5 }, ORIGIN_SHOWN },   { { "video", 5 }, ORIGIN_SHOWN },
                { { "audio", 5 }, ORIGIN_SHOWN },   { { "object", 6 }, ORIGIN_SHOWN },
                { { "embed", 5 }, ORIGIN_SHOWN },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (slice_equal(dest, rows[i].dest))
                        return rows[i].origin;
        return ORIGIN_FOREIGN;
}

Origin origin_judge(const OriginClaim *c, Slice authority, bool get) {
        bool origin = c->seen & 1U << ORIGIN_FIELD_ORIGIN, site = c->seen & 1U << ORIGIN_FIELD_SITE;
        bool same, none;

        if (!origin && !site)
                return ORIGIN_PROGRAM;
        if (c->twice)
                return ORIGIN_FOREIGN;
        same = site && says(c, ORIGIN_FIELD_SITE, SLICE("same-origin"));
        if (same && (!origin || says(c, ORIGIN_FIELD_ORIGIN, SLICE("null"))))
                return ORIGIN_OWN;
        none = site && says(c, ORIGIN_FIELD_SITE, SLICE("none"));
        if ((same || none || !site) && (!origin || is_own(c->values[ORIGIN_FIELD_ORIGIN], authority)))
                return ORIGIN_OWN;
        if ((same || none) && is_extension(c->values[ORIGIN_FIELD_ORIGIN]))
                return ORIGIN_OWN;
        if (!get)
                return ORIGIN_FOREIGN;
        if (says(c, ORIGIN_FIELD_MODE, SLICE("navigate")) && says(c, ORIGIN_FIELD_DEST, SLICE("document")))
                return ORIGIN_NAVIGATION;
        if (!origin && says(c, ORIGIN_FIELD_SITE, SLICE("same-site")))
                return judge_part(c->values[ORIGIN_FIELD_DEST]);
        return ORIGIN_FOREIGN;
}

bool origin_is_listed(const OriginClaim *c, char *const *hosts) {
        Slice host = behind_scheme(c->values[ORIGIN_FIELD_REFERER], SLICE("https://"));
        const char *port;

        for (size_t n = 0; n < host.n; n++)
                if (memchr("/?#", host.p[n], 3))
                        host.n = n;
        /* No user and no password stand in a Referer (RFC 9110 section 10.1.3). */
        if (host.n == 0 || memchr(host.p, '@', host.n))
                return false;
        port = memchr(host.p, ':', host.n);
        host.n = port ? (size_t) (port - host.p) : host.n;
        for (size_t i = 0; hosts && hosts[i]; i++)
                if (slice_equal_nocase(host, slice_from(hosts[i])))
                        return true;
        return false;
}

const char *origin_text(Origin o) {
        static const char *const texts[_ORIGIN_MAX] = {
                [ORIGIN_PROGRAM] = "program",       [ORIGIN_OWN] = "own",
                [ORIGIN_NAVIGATION] = "navigation", [ORIGIN_FRAMED] = "framed",
                [ORIGIN_SHOWN] = "shown",           [ORIGIN_FOREIGN] = "foreign",
        };

        return texts[o];
}
