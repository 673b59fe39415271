/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/forward.h"
#include "hagw-proxyd/wire/h1.h"

/* One head through parser, rules and writer. */

enum { FIELDS = 96, BUFFER = 64 * 1024 };

/* What the rules add to the first head must fit into the second. */
static const H1Limits fuzz_limits[] = { { BUFFER / 4, FIELDS - 2 * HEADER_SPARE },
                                        { BUFFER / 2, FIELDS - HEADER_SPARE } };

/* The same bytes in one piece and in two, in memory that ends where they end. */
static inline H1Verdict read_cut(bool request, H1Asked asked, const H1Limits *limits, char *b, size_t n,
                                 size_t cut, Request *q, Response *a) {
        H1Verdict v = H1_MORE;
        H1Scan scan = {};

        for (size_t at = MIN(cut, n); v == H1_MORE; at = n) {
                v = request ? h1_read_request(&scan, b, at, limits, q)
                            : h1_read_response(&scan, b, at, limits, asked, a);
                if (at == n)
                        break;
        }
        return v;
}

/* The same head with LF for CRLF; ours has no other CR. Returns its size. */
static inline size_t without_cr(const char *in, size_t n, char **ret) {
        size_t k = 0;

        *ret = malloc(n);
        for (size_t i = 0; i < n; i++)
                if (in[i] != '\r')
                        (*ret)[k++] = in[i];
        return k;
}

/* flags: 1: a request, 2: HEAD was asked, 4: an upgrade was asked. NULL: refused. */
static inline char *head_round_trip(unsigned flags, unsigned turn, size_t cut, const char *data, size_t size,
                                    size_t *ret_size) {
        _cleanup_free_ char *b = malloc(size ?: 1), *again = malloc(size ?: 1), *out = malloc(BUFFER);
        /* The second time as of a service that is ours: of gateways in a row each gives names anew. */
        ForwardContext c = { .address = SLICE("203.0.113.9"), .sees_cookie = turn > 0 };
        H1Asked asked = { .head = flags & 2, .websocket = flags & 4 };
        Header fields[FIELDS], other[FIELDS];
        Request q = { .headers = { .items = fields, .max = FIELDS } },
                p = { .headers = { .items = other, .max = FIELDS } };
        Response a = { .headers = q.headers }, d = { .headers = p.headers };
        BodyKind body;
        H1Verdict v;

        memcpy(b, data, size);
        memcpy(again, data, size);
        v = read_cut(flags & 1, asked, &fuzz_limits[turn], b, size, size, &q, &a);
        assert(v == read_cut(flags & 1, asked, &fuzz_limits[turn], again, size, cut, &p, &d));
        if (v != H1_OK)
                return NULL;
        if (flags & 1) {
                assert(q.head_size == p.head_size && q.body == p.body && q.headers.n == p.headers.n);
                assert(forward_request(&q, &c) >= 0);
                assert(h1_write_request(&q, out, BUFFER, ret_size) >= 0);
                return TAKE_PTR(out);
        }
        assert(a.head_size == d.head_size && a.body == d.body && a.headers.n == d.headers.n);
        if (a.status == 101) /* the second reading was not asked for an upgrade */
                return NULL;
        assert(forward_response(&a, &(ForwardAnswer) { .http1 = true, .sees_cookie = turn > 0 }, &body) >=
               0);
        assert(h1_write_response(&a, out, BUFFER, ret_size) >= 0);
        return TAKE_PTR(out);
}
