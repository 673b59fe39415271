/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/header.h"

/* A judged head, whichever HTTP version carried it: policy, header rules and upstreams read only this. All
 * slices lie in the head's buffer (or are constants); the structs own nothing. Pure. */

typedef enum Method {
        METHOD_OTHER, /* one of the registered ones that we need not tell apart */
        METHOD_GET,
        METHOD_HEAD,
        METHOD_POST,
        METHOD_PUT,
        METHOD_DELETE,
        METHOD_OPTIONS,
        METHOD_PATCH,
        _METHOD_MAX,
} Method;

typedef enum BodyKind {
        BODY_NONE,
        BODY_LENGTH,  /* body_size bytes */
        BODY_CHUNKED, /* HTTP/1.1: chunks; HTTP/2: length not known before */
        BODY_UNTIL_EOF, /* answers only */
        _BODY_MAX,
} BodyKind;

typedef enum RequestFlag {
        REQUEST_CLOSE = 1 << 0,             /* the visitor wants the connection closed after the answer */
        REQUEST_WEBSOCKET = 1 << 1,         /* a proper upgrade: GET, no body, key and version present */
        REQUEST_EXPECT_CONTINUE = 1 << 2,
        REQUEST_CONNECTION_NAMES = 1 << 3,  /* Connection: names fields beyond the usual three */
} RequestFlag;

typedef struct Request {
        Method method;
        Slice method_text;
        Slice authority; /* Host or :authority as it came, with any port; no colon before none */
        Slice host;      /* the same without the port, not normalized */
        Slice target;    /* path and query byte for byte; "*" only with OPTIONS */
        HeaderList headers;
        BodyKind body;
        uint64_t body_size; /* BODY_LENGTH */
        unsigned flags;     /* RequestFlag */
        char *head;         /* the buffer the slices lie in */
        size_t head_size;
} Request;

typedef enum ResponseFlag {
        RESPONSE_CLOSE = 1 << 0,    /* the upstream connection cannot be used again */
        RESPONSE_UPGRADED = 1 << 1, /* 101, as asked: bytes flow both ways from here */
        RESPONSE_INTERIM = 1 << 2,  /* 1xx other than 101: another head follows */
        RESPONSE_CONNECTION_NAMES = 1 << 3,
} ResponseFlag;

typedef struct Response {
        unsigned status; /* 100–599; odd services make up their own, to 999 */
        Slice reason;
        HeaderList headers;
        BodyKind body; /* how it comes from the upstream */
        uint64_t body_size;
        unsigned flags; /* ResponseFlag */
        char *head;
        size_t head_size;
} Response;

/* GET, HEAD, PUT, DELETE, OPTIONS: may be sent a second time on a fresh connection (RFC 9110 section 9.2.2).
 */
bool method_is_idempotent(Method m);
Method method_from_text(Slice s);

/* What stands before the "?", what after it (empty where there is none). */
Slice request_path(const Request *r);
Slice request_query(const Request *r);

/* The Host without port, lower case, no trailing dot, into out (HOSTNAME_MAX + 1). -EINVAL: not a name. */
int request_normalize_host(const Request *r, char *out);
/* Is it for that host? name: normalized. */
bool request_is_for(const Request *r, const char *name);

/* Would a person see the answer as a page? Sec-Fetch-Mode: navigate, or, without it, text/html in Accept. */
bool request_is_navigation(const Request *r);
bool request_accepts_html(const Request *r);
/* Is HTML in the value of an Accept field (RFC 9110 section 12.5.1)? */
bool media_is_html(Slice accept);

/* The reason phrase that RFC 9110 gives; "" for others. */
const char *status_text(unsigned status);
