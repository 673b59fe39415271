/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP/1.1 heads, written in one pass. */

#include "hagw-proxyd/wire/h1.h"

static const Slice version = { "HTTP/1.1", 8 };

static char *put(char *p, Slice s) {
        if (s.n > 0)
                memcpy(p, s.p, s.n);
        return p + s.n;
}

static size_t fields_size(const HeaderList *l) {
        size_t n = 2; /* the empty line */

        for (size_t i = 0; i < l->n; i++)
                n += l->items[i].name_size + 2U + l->items[i].value_size + 2U;
        return n;
}

static char *put_fields(char *p, const HeaderList *l) {
        for (size_t i = 0; i < l->n; i++) {
                const Header *h = &l->items[i];

                p = put(p, (Slice) { h->name, h->name_size });
                p = put(p, SLICE(": "));
                p = put(p, header_value(h));
                p = put(p, SLICE("\r\n"));
        }
        return put(p, SLICE("\r\n"));
}

size_t h1_request_size(const Request *r) {
        return r->method_text.n + 1 + r->target.n + 1 + version.n + 2 + fields_size(&r->headers);
}

int h1_write_request(const Request *r, char *out, size_t size, size_t *ret_size) {
        size_t need = h1_request_size(r);
        char *p = out;

        if (need > size)
                return -ENOBUFS;
        p = put(p, r->method_text);
        *p++ = ' ';
        p = put(p, r->target);
        *p++ = ' ';
        p = put(p, version);
        p = put(p, SLICE("\r\n"));
        p = put_fields(p, &r->headers);
        assert(p == out + need);
        *ret_size = need;
        return 0;
}

size_t h1_response_size(const Response *r) {
        return version.n + 1 + 3 + 1 + r->reason.n + 2 + fields_size(&r->headers);
}

int h1_write_response(const Response *r, char *out, size_t size, size_t *ret_size) {
        size_t need = h1_response_size(r);
        char *p = out;

        if (need > size)
                return -ENOBUFS;
        p = put(p, version);
        *p++ = ' ';
        *p++ = (char) ('0' + r->status / 100 % 10);
        *p++ = (char) ('0' + r->status / 10 % 10);
        *p++ = (char) ('0' + r->status % 10);
        *p++ = ' ';
        p = put(p, r->reason);
        p = put(p, SLICE("\r\n"));
        p = put_fields(p, &r->headers);
        assert(p == out + need);
        *ret_size = need;
        return 0;
}
