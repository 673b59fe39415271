/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The answers that proxyd gives itself: a row each. */

#include "ownpath.h"
#include "pages.h"

#define CHALLENGE                                                           \
        "WWW-Authenticate: Cookie realm=\"hagw\", form-action=\"" OWN_LOGIN "\", " \
        "cookie-name=\"__Host-hagw\"\r\n"

static const struct {
        unsigned status;
        const char *text; /* for the person in front of it: what happened, what to do */
        const char *fields; /* further header lines */
} rows[_PAGE_MAX] = {
        [PAGE_BAD_REQUEST] = { 400,
                               "The request could not be understood, or could be understood in more than "
                               "one way.",
                               "" },
        [PAGE_UNAUTHORIZED] = { 401, "Please log in first: open this site in a browser.", CHALLENGE },
        [PAGE_FOREIGN] = { 401,
                           "A page of another site asked for this, and your login here is not for its "
                           "use. Open this address itself; a site that may show it is named by "
                           "embedded_by, hagw.conf(5).",
                           CHALLENGE },
        [PAGE_FORBIDDEN] = { 403,
                             "You are logged in, but your account may not use this service. Ask the owner "
                             "of this gateway.",
                             "" },
        [PAGE_METHOD] = { 405, "This method is not served here.",
                          "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n" },
        [PAGE_TIMEOUT] = { 408, "The request took too long to arrive. Please try again.", "" },
        [PAGE_URI_TOO_LONG] = { 414, "The address is too long.", "" },
        [PAGE_EXPECTATION] = { 417, "The request expects something this gateway does not know.", "" },
        [PAGE_MISDIRECTED] = { 421, "This connection was made for another host. Please try again.", "" },
        [PAGE_TOO_LARGE] = { 431,
                             "The request's header is too large. Deleting this site's cookies may help.",
                             "" },
        [PAGE_NOT_IMPLEMENTED] = { 501, "This kind of request is not served here.", "" },
        [PAGE_BAD_GATEWAY] = { 502,
                               "The service behind this gateway did not answer as it should. If it is just "
                               "restarting, "
                               "this page comes back to it by itself. Otherwise check that it runs, and "
                               "that its "
                               "address and port are right: hagw-ctl status shows both.",
                               "Retry-After: 5\r\n" },
        [PAGE_HOUSE_OFFLINE] = { 503,
                                 "The house that you want to visit is offline: it is not connected to this "
                                 "relay at the moment. It comes back by itself when its connection does.",
                                 "Retry-After: 15\r\n" },
        [PAGE_UNAVAILABLE] = { 503, "The gateway is busy or not ready yet. Please try again in a moment.",
                               "Retry-After: 5\r\n" },
        [PAGE_GATEWAY_TIMEOUT] = { 504,
                                   "The service behind this gateway took too long to answer. Check that it "
                                   "runs and is "
                                   "not overloaded.",
                                   "Retry-After: 5\r\n" },
        [PAGE_VERSION] = { 505, "Only HTTP/1.1 is served here.", "" },
};

#define DETAIL_MAX 256U /* bytes of host, upstream, error that are shown */
#define HEAD_ROOM 512U  /* no head of the above is larger */

/* Writes until the room is used up, which the assertion below says is never. */
typedef struct Out {
        char *p, *end;
} Out;

static void put(Out *o, const char *s) {
        size_t n = MIN(strlen(s), (size_t) (o->end - o->p));

        memcpy(o->p, s, n);
        o->p += n;
}

static void put_number(Out *o, size_t v) {
        char digits[24];
        size_t i = sizeof(digits) - 1;

        digits[i] = '\0';
        do
                digits[--i] = (char) ('0' + v % 10);
        while (v /= 10);
        put(o, digits + i);
}

static const char *html_escape(char c) {
        switch (c) {
        case '&':
                return "&amp;";
        case '<':
                return "&lt;";
        case '>':
                return "&gt;";
        case '"':
                return "&quot;";
        case '\'':
                return "&#39;";
        default:
                return NULL;
        }
}

/* Somebody else's words: escaped, controls and non-ASCII bytes replaced, cut. */
static void put_foreign(Out *o, Slice s, bool html) {
        for (size_t i = 0; i < MIN(s.n, (size_t) DETAIL_MAX); i++) {
                char c = s.p[i], text[2] = { (uint8_t) c < ' ' || (uint8_t) c >= 0x7f ? '?' : c, '\0' };

                put(o, (html ? html_escape(c) : NULL) ?: text);
        }
}

static const struct {
        const char *label;
        size_t offset;
} details[] = {
        { "Host", offsetof(Page, host) },
        { "Service", offsetof(Page, upstream) },
        { "What failed", offsetof(Page, error) },
};

static void put_details(Out *o, const Page *p) {
        bool any = false;

        for (size_t i = 0; i < ELEMENTSOF(details); i++) {
                Slice s = *(const Slice *) ((const char *) p + details[i].offset);

                if (s.n == 0)
                        continue;
                put(o, p->html ? any ? "<dt>" : "<dl><dt>" : "");
                put(o, details[i].label);
                put(o, p->html ? "</dt><dd>" : ": ");
                put_foreign(o, s, p->html);
                put(o, p->html ? "</dd>" : "\n");
                any = true;
        }
        if (any && p->html)
                put(o, "</dl>");
}

static const char style[] =
        "<style>:root{color-scheme:light dark}body{font:1rem/1.5 "
        "system-ui,sans-serif;max-width:34rem;margin:12vh auto;"
        "padding:0 1.25rem}h1{font-size:1.35rem;font-weight:600}dt{opacity:.7;font-size:.875rem}dd{margin:0 "
        "0 .6rem;"
        "overflow-wrap:anywhere}</style>";

static void put_html(Out *o, const Page *p) {
        put(o, "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
        if (p->kind == PAGE_BAD_GATEWAY)
                put(o, "<meta http-equiv=\"refresh\" content=\"5\">");
        put(o, "<title>");
        put(o, status_text(rows[p->kind].status));
        put(o, "</title>");
        put(o, style);
        put(o, "</head><body><main><h1>");
        put_number(o, rows[p->kind].status);
        put(o, " ");
        put(o, status_text(rows[p->kind].status));
        put(o, "</h1><p>");
        put(o, rows[p->kind].text);
        put(o, "</p>");
        put_details(o, p);
        put(o, "</main></body></html>\n");
}

static void put_text(Out *o, const Page *p) {
        put_number(o, rows[p->kind].status);
        put(o, " ");
        put(o, status_text(rows[p->kind].status));
        put(o, "\n");
        put(o, rows[p->kind].text);
        put(o, "\n");
        put_details(o, p);
}

/* Three details of DETAIL_MAX characters, each at most six bytes long when escaped, and everything else
 * (under 1 KiB). */
static_assert(3 * DETAIL_MAX * 6 + sizeof(style) + 1024 + HEAD_ROOM <= PAGE_SIZE_MAX,
              "PAGE_SIZE_MAX is too small");

size_t page_body(const Page *p, char out[static PAGE_SIZE_MAX]) {
        Out o = { out, out + PAGE_SIZE_MAX - HEAD_ROOM };

        if (p->html)
                put_html(&o, p);
        else
                put_text(&o, p);
        return (size_t) (o.p - out);
}

static void put_status(Out *o, unsigned status, const char *date) {
        put(o, "HTTP/1.1 ");
        put_number(o, status);
        put(o, " ");
        put(o, status_text(status));
        put(o, "\r\n");
        if (date && *date) {
                put(o, "Date: ");
                put(o, date);
                put(o, "\r\n");
        }
}

size_t page_write(const Page *p, char out[static PAGE_SIZE_MAX]) {
        char body[PAGE_SIZE_MAX];
        size_t n = page_body(p, body);
        Out o = { out, out + PAGE_SIZE_MAX };

        put_status(&o, rows[p->kind].status, p->date);
        put(&o, p->html ? "Content-Type: text/html; charset=utf-8\r\n"
                          "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
                          "frame-ancestors 'none'\r\n"
                        : "Content-Type: text/plain; charset=utf-8\r\n");
        put(&o, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
        put(&o, rows[p->kind].fields);
        put(&o, p->close ? "Connection: close\r\n" : "");
        put(&o, "Content-Length: ");
        put_number(&o, n);
        put(&o, "\r\n\r\n");
        if (!p->head) {
                memcpy(o.p, body, n); /* page_body() leaves HEAD_ROOM */
                o.p += n;
        }
        return (size_t) (o.p - out);
}

unsigned page_status(PageKind kind) {
        return rows[kind].status;
}

PageKind page_from_status(unsigned status) {
        for (unsigned k = 0; k < _PAGE_MAX; k++)
                if (rows[k].status == status)
                        return (PageKind) k;
        return _PAGE_INVALID;
}

int page_write_redirect(unsigned status, Slice location, const char *date, bool close,
                        char out[static PAGE_SIZE_MAX], size_t *ret_size) {
        Out o = { out, out + PAGE_SIZE_MAX };

        if (location.n > PAGE_SIZE_MAX - HEAD_ROOM)
                return -ENOBUFS;
        put_status(&o, status, date);
        put(&o, "Location: ");
        /* Whoever built it is trusted to have encoded it; a line end in it would still be somebody else's
         * header. */
        for (size_t i = 0; i < location.n; i++)
                *o.p++ = (uint8_t) location.p[i] <= ' ' || location.p[i] == 0x7f ? '_' : location.p[i];
        put(&o, "\r\nCache-Control: no-store\r\n");
        put(&o, close ? "Connection: close\r\n" : "");
        put(&o, "Content-Length: 0\r\n\r\n");
        *ret_size = (size_t) (o.p - out);
        return 0;
}
