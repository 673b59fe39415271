/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Location (RFC 9110 section 10.2.2), as far as it is about one host. */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "hagw-proxyd/wire/redirect.h"
#include "libhagw/pure/cidr.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/slice.h"
#include "libhagw/pure/special.h"

#define PATH_SHOWN_MAX 36U /* bytes of a path in a sentence, which has room for all of a trail */

/* What stands in a URL reference (RFC 3986 section 4.1). */
typedef struct Place {
        bool whole;      /* it names the host */
        Slice authority; /* then: as it stands there */
        Slice scheme;
        Slice rest;      /* path and query */
} Place;

static bool is_redirect(unsigned status) {
        return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* False: there is none, or more is kept of the visitor than we keep: with a cookie his next request is
 * another one. *ret_cookie: that. */
static bool find_location(const char *answer, Slice *ret, bool *ret_cookie) {
        const char *end = strstr(answer, "\r\n\r\n"), *line = end ? strstr(answer, "\r\n") : NULL;
        bool found = false;

        *ret_cookie = false;
        for (; line && line < end; line = strstr(line, "\r\n")) {
                Slice field, value;

                line += 2;
                value = (Slice) { line, strcspn(line, "\r") };
                if (!slice_next(&value, ':', &field))
                        continue;
                if (slice_equal_nocase(field, SLICE("Set-Cookie")))
                        *ret_cookie = true;
                if (!slice_equal_nocase(field, SLICE("Location")))
                        continue;
                found = true;
                *ret = slice_trim(value);
        }
        return found;
}

/* False: it leads to no web page. */
static bool read_place(Slice url, Place *ret) {
        static const char *const begins[] = { "https://", "http://", "//" };
        const char *fragment = url.n > 0 ? memchr(url.p, '#', url.n) : NULL;
        size_t n;

        if (fragment)
                url.n = (size_t) (fragment - url.p);
        *ret = (Place) { .rest = url };
        for (size_t i = 0; i < ELEMENTSOF(begins); i++) {
                const size_t k = strlen(begins[i]);

                if (url.n < k || strncasecmp(url.p, begins[i], k) != 0)
                        continue;
                for (n = k; n < url.n && !strchr("/?", url.p[n]);)
                        n++;
                *ret = (Place) { true, { url.p + k, n - k }, { begins[i], k }, { url.p + n, url.n - n } };
                return ret->authority.n > 0;
        }
        /* A colon before the first slash ends a scheme: mailto:, javascript: */
        for (n = 0; n < url.n && !strchr("/?:", url.p[n]);)
                n++;
        return n == url.n || url.p[n] != ':';
}

/* The host in an authority; the port, if it is another than its scheme's, is left in *ret_port. */
static bool split_authority(const Place *p, Slice *ret_host, Slice *ret_port) {
        const Slice own = slice_equal(p->scheme, SLICE("http://")) ? SLICE("80") : SLICE("443");
        Slice host = p->authority;
        size_t n = host.n;

        if (memchr(host.p, '@', host.n))
                return false;
        while (n > 0 && host.p[n - 1] >= '0' && host.p[n - 1] <= '9')
                n--;
        *ret_port = (Slice) {};
        if (n > 0 && host.p[n - 1] == ':') {
                *ret_port = (Slice) { host.p + n, host.n - n };
                host.n = n - 1;
                if (ret_port->n == 0 || slice_equal(*ret_port, own))
                        *ret_port = (Slice) {};
        }
        if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
                host = (Slice) { host.p + 1, host.n - 2 };
        *ret_host = host;
        return true;
}

/* An address or a name that nobody outside of the house has. */
static bool is_inside(Slice host) {
        char text[HOSTNAME_MAX + 1];
        IpAddress a;

        if (host.n == 0 || host.n > HOSTNAME_MAX || memchr(host.p, '\0', host.n))
                return false;
        memcpy(text, host.p, host.n);
        text[host.n] = '\0';
        if (ip_parse(text, &a) >= 0)
                return !special_is_public(&a, /* documentation= */ true);
        return hostname_normalize(host.p, host.n, text) > 0 && hostname_is_local(text);
}

/* What is asked for next, from the page where it stands (RFC 3986 section 5.2). False: it is too long, or
 * written in a way that is not followed. */
static bool resolve(const char *base, const Place *p, char out[static REDIRECT_TARGET_MAX]) {
        const size_t path = strcspn(base, "?");
        size_t keep = 0;
        int n;

        for (size_t i = 0; i < p->rest.n; i++)
                if (p->rest.p[i] <= ' ' || p->rest.p[i] > '~' || p->rest.p[i] == '\\')
                        return false;
        if (p->whole)
                n = snprintf(out, REDIRECT_TARGET_MAX, "%s%.*s",
                             p->rest.n > 0 && p->rest.p[0] == '/' ? "" : "/", (int) p->rest.n, p->rest.p);
        else {
                if (p->rest.n == 0)
                        keep = strlen(base);
                else if (p->rest.p[0] == '?')
                        keep = path;
                else if (p->rest.p[0] != '/')
                        for (keep = path; keep > 0 && base[keep - 1] != '/';)
                                keep--;
                n = snprintf(out, REDIRECT_TARGET_MAX, "%.*s%.*s", (int) keep, base, (int) p->rest.n,
                             p->rest.p);
        }
        return n > 0 && (size_t) n < REDIRECT_TARGET_MAX && *out == '/' && !strstr(out, "/.");
}

void trail_begin(Trail *t) {
        *t = (Trail) { .targets = { "/" }, .n = 1 };
}

/* "/ → /a → /", from where it closes, without queries. */
static void write_round(const Trail *t, size_t begin, char text[static REDIRECT_TEXT_MAX]) {
        size_t n = 0;

        for (size_t i = begin; i <= t->n && n < REDIRECT_TEXT_MAX; i++) {
                const char *target = t->targets[i < t->n ? i : begin];

                n += (size_t) snprintf(text + n, REDIRECT_TEXT_MAX - n, "%s%.*s", i > begin ? " → " : "",
                                       (int) MIN(strcspn(target, "?"), (size_t) PATH_SHOWN_MAX), target);
        }
}

Led trail_follow(Trail *t, const char *answer, unsigned status, const char *name,
                 char ret_text[static REDIRECT_TEXT_MAX]) {
        const char *base = t->targets[t->n - 1];
        char next[REDIRECT_TARGET_MAX];
        Slice location, host = {}, port = {};
        bool cookie;
        Place p;

        *ret_text = '\0';
        if (!is_redirect(status) || !find_location(answer, &location, &cookie) ||
            location.n == 0 || !read_place(location, &p))
                return LED_NONE;
        if (p.whole && !split_authority(&p, &host, &port))
                return LED_NONE;
        if (p.whole && !slice_equal_nocase(host, slice_from(name))) {
                if (!is_inside(host))
                        return LED_NONE;
                (void) snprintf(ret_text, REDIRECT_TEXT_MAX, "%s%.*s",
                                p.scheme.n > 2 ? p.scheme.p : "https://",
                                (int) MIN(p.authority.n, (size_t) REDIRECT_TEXT_MAX / 2), p.authority.p);
                return LED_INSIDE;
        }
        if (cookie || port.n > 0 || !resolve(base, &p, next))
                return LED_NONE;
        for (size_t i = 0; i < t->n; i++) {
                if (!streq(t->targets[i], next))
                        continue;
                if (i + 1 == t->n && p.whole)
                        (void) snprintf(ret_text, REDIRECT_TEXT_MAX, "%.*s",
                                        (int) MIN(strcspn(next, "?"), (size_t) PATH_SHOWN_MAX), next);
                else
                        write_round(t, i, ret_text);
                return i + 1 == t->n && p.whole ? LED_BACK : LED_ROUND;
        }
        if (t->n >= ELEMENTSOF(t->targets))
                return LED_NONE;
        strcpy(t->targets[t->n++], next);
        return LED_ON;
}
