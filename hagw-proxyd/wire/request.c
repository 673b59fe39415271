/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What can be asked of a judged head. */

#include "hagw-proxyd/wire/request.h"
#include "libhagw/pure/hostname.h"

static const struct {
        Slice text;
        bool idempotent;
} methods[_METHOD_MAX] = {
#define M(name, idempotent_) [METHOD_##name] = { { #name, sizeof(#name) - 1 }, idempotent_ }
        M(GET, true),    M(HEAD, true),    M(POST, false),  M(PUT, true),
        M(DELETE, true), M(OPTIONS, true), M(PATCH, false),
};

bool method_is_idempotent(Method m) {
        return methods[m].idempotent;
}

Method method_from_text(Slice s) {
        for (unsigned m = METHOD_OTHER + 1; m < _METHOD_MAX; m++)
                if (slice_equal(methods[m].text, s))
                        return (Method) m;
        return METHOD_OTHER;
}

Slice request_path(const Request *r) {
        const char *q = memchr(r->target.p, '?', r->target.n);

        return (Slice) { r->target.p, q ? (size_t) (q - r->target.p) : r->target.n };
}

Slice request_query(const Request *r) {
        size_t n = request_path(r).n;

        if (n == r->target.n)
                return (Slice) {};
        return (Slice) { r->target.p + n + 1, r->target.n - n - 1 };
}

int request_normalize_host(const Request *r, char *out) {
        return hostname_normalize(r->host.p, r->host.n, out);
}

bool request_is_for(const Request *r, const char *name) {
        char normalized[HOSTNAME_MAX + 1];

        /* As browsers write it. */
        if (slice_equal(r->host, slice_from(name)))
                return true;
        return request_normalize_host(r, normalized) >= 0 && streq(normalized, name);
}

bool media_is_html(Slice accept) {
        Slice item;

        while (slice_next(&accept, ',', &item)) {
                const char *end = memchr(item.p, ';', item.n);
                Slice type = slice_trim((Slice) { item.p, end ? (size_t) (end - item.p) : item.n });

                if (slice_equal_nocase(type, SLICE("text/html")) ||
                    slice_equal_nocase(type, SLICE("application/xhtml+xml")))
                        return true;
        }
        return false;
}

bool request_accepts_html(const Request *r) {
        for (size_t i = 0; i < r->headers.n; i++) {
                const Header *h = &r->headers.items[i];

                if (h->id == HEADER_ACCEPT && media_is_html(header_value(h)))
                        return true;
        }
        return false;
}

bool request_is_navigation(const Request *r) {
        const Header *mode;

        if (r->method != METHOD_GET && r->method != METHOD_HEAD)
                return false;
        if (r->flags & REQUEST_WEBSOCKET)
                return false;
        mode = header_list_find(&r->headers, HEADER_SEC_FETCH_MODE);
        return mode ? slice_equal(header_value(mode), SLICE("navigate")) : request_accepts_html(r);
}

const char *status_text(unsigned status) {
        static const struct {
                unsigned status;
                const char *text;
        } texts[] = {
                { 100, "Continue" },
                { 101, "Switching Protocols" },
                { 200, "OK" },
                { 204, "No Content" },
                { 206, "Partial Content" },
                { 301, "Moved Permanently" },
                { 302, "Found" },
                { 303, "See Other" },
                { 304, "Not Modified" },
                { 307, "Temporary Redirect" },
                { 308, "Permanent Redirect" },
                { 400, "Bad Request" },
                { 401, "Unauthorized" },
                { 403, "Forbidden" },
                { 404, "Not Found" },
                { 405, "Method Not Allowed" },
                { 408, "Request Timeout" },
                { 413, "Content Too Large" },
                { 414, "URI Too Long" },
                { 417, "Expectation Failed" },
                { 421, "Misdirected Request" },
                { 429, "Too Many Requests" },
                { 431, "Request Header Fields Too Large" },
                { 500, "Internal Server Error" },
                { 501, "Not Implemented" },
                { 502, "Bad Gateway" },
                { 503, "Service Unavailable" },
                { 504, "Gateway Timeout" },
                { 505, "HTTP Version Not Supported" },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (texts[i].status == status)
                        return texts[i].text;
        return "";
}
