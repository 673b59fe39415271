/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/h1.h"

/* A request's head as HTTP/2 brings it, field by field (RFC 9113 sections 8.2 and 8.3, RFC 8441): becomes
 * the Request that a head of HTTP/1.1 would have become, and is refused where it could not be written as
 * one. A service behind us speaks HTTP/1.1: what it would read otherwise than it was judged is never let
 * through. Pure. */

typedef enum H2Field {
        H2_METHOD = 1 << 0,
        H2_SCHEME = 1 << 1,
        H2_AUTHORITY = 1 << 2,
        H2_PATH = 1 << 3,
        H2_PROTOCOL = 1 << 4, /* RFC 8441 */
        H2_REGULAR = 1 << 5,  /* pseudo-header fields are over */
        H2_LENGTH = 1 << 6,
        H2_VERSION = 1 << 7,  /* Sec-WebSocket-Version: 13 */
} H2Field;

#define H2_READER_MAX 1024U /* bytes of Accept or Accept-Language in a head that is refused */
#define H2_COOKIE_CRUMBS_MAX 256U /* Cookie fields that are joined (RFC 9113 section 8.2.3) */

typedef struct H2Head {
        Request *request;
        H1Limits limits;
        char *arena;       /* names and values are kept here */
        size_t size, used; /* of the arena */
        size_t weight;     /* of the head, as HTTP/1.1 would count it */
        unsigned seen;     /* H2Field */
        unsigned n_crumbs;
        Header *cookie, *host;
        H1Verdict verdict; /* the first error; behind one only who reads the answer is looked for */
        Slice protocol;
} H2Head;

/* arena: at least h2_head_arena_size() bytes, and r->headers.items and .max, are the caller's, and live as
 * long as r. */
void h2_head_begin(H2Head *h, Request *r, const H1Limits *limits, char *arena, size_t size);
size_t h2_head_arena_size(const H1Limits *limits);

/* One field, in the order of the block. H1_OK: as yet. */
H1Verdict h2_head_field(H2Head *h, Slice name, Slice value);

/* The block is complete. bodiless: it ends the stream. websocket_key: 24 characters of base64, for the
 * service, in case that this is a WebSocket; copied. On H1_OK the request is filled and may go wherever one
 * of HTTP/1.1 may. H1_MORE does not happen. */
H1Verdict h2_head_end(H2Head *h, bool bodiless, const char *websocket_key);

/* The request goes on with fields and bytes of its own: items has room for request->headers.n +
 * HEADER_SPARE, arena for request->head_size. h is of no further use. */
void h2_head_settle(H2Head *h, Request *to, Header *items, char *arena);
