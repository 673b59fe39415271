/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Readers, by Accept, Accept-Language and Sec-Fetch-Mode. */

#include "hagw-proxyd/wire/reader.h"

#define ACCEPT_LANGUAGE_MAX 256U /* bytes that are looked at */

static const Language *choose(Slice accept, const Language *language) {
        char text[ACCEPT_LANGUAGE_MAX + 1];
        size_t n = MIN(accept.n, (size_t) ACCEPT_LANGUAGE_MAX);

        if (language)
                return language;
        if (n > 0)
                memcpy(text, accept.p, n);
        text[n] = '\0';
        return language_choose("auto", text);
}

void reader_of_request(const Request *r, const Language *language, Reader *ret) {
        const Header *h;

        *ret = (Reader) { .html = request_accepts_html(r),
                          .again = r->method == METHOD_GET,
                          .language = language ?: languages };
        if (!ret->html)
                return;
        if (r->method != METHOD_GET && r->method != METHOD_HEAD) {
                h = header_list_find(&r->headers, HEADER_SEC_FETCH_MODE);
                ret->form = !h || slice_equal(header_value(h), SLICE("navigate"));
        }
        h = header_list_find(&r->headers, HEADER_ACCEPT_LANGUAGE);
        if (h)
                ret->language = choose(header_value(h), language);
}

void reader_of_bytes(Slice head, const Language *language, Reader *ret) {
        Slice line;

        *ret = (Reader) { .again = slice_starts_with(head, SLICE("GET ")),
                          .language = language ?: languages };
        /* The first line is no field; the last one may be half of one. */
        (void) slice_next(&head, '\n', &line);
        while (slice_next(&head, '\n', &line)) {
                const char *colon = line.n > 0 ? memchr(line.p, ':', line.n) : NULL;
                Slice value;

                if (line.n > 0 && line.p[line.n - 1] == '\r')
                        line.n--;
                if (line.n == 0)
                        return; /* what follows is no part of the head */
                if (!colon)
                        continue;
                value = (Slice) { colon + 1, line.n - MIN(line.n, (size_t) (colon + 1 - line.p)) };
                switch (header_id(line.p, (size_t) (colon - line.p))) {
                case HEADER_ACCEPT:
                        ret->html = ret->html || media_is_html(value);
                        break;
                case HEADER_ACCEPT_LANGUAGE:
                        ret->language = choose(slice_trim(value), language);
                        break;
                default:
                        break;
                }
        }
}
