/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "request.h"

/* The answers that proxyd gives itself: small, self-contained, light and dark, or plain text. Pure. */

typedef enum PageKind {
        PAGE_BAD_REQUEST,   /* 400 */
        PAGE_UNAUTHORIZED,  /* 401 */
        PAGE_FOREIGN,       /* 401 too: another site's page asked */
        PAGE_FORBIDDEN,     /* 403 */
        PAGE_METHOD,        /* 405 */
        PAGE_TIMEOUT,       /* 408 */
        PAGE_URI_TOO_LONG,  /* 414 */
        PAGE_EXPECTATION,   /* 417 */
        PAGE_MISDIRECTED,   /* 421 */
        PAGE_TOO_LARGE,     /* 431 */
        PAGE_NOT_IMPLEMENTED, /* 501 */
        PAGE_BAD_GATEWAY,   /* 502: the service could not be reached or made no sense */
        PAGE_UNAVAILABLE,   /* 503: limits, no login service */
        PAGE_HOUSE_OFFLINE, /* 503 too, a relay's: the house is not attached */
        PAGE_GATEWAY_TIMEOUT, /* 504 */
        PAGE_VERSION,       /* 505 */
        _PAGE_MAX,
        _PAGE_INVALID = -EINVAL,
} PageKind;

typedef struct Page {
        PageKind kind;
        bool html;      /* request_accepts_html() */
        bool head;      /* the request was HEAD: no body */
        bool close;     /* writes Connection: close */
        const char *date; /* now, as http_date() says; NULL: no Date field */
        Slice host;     /* as the visitor typed it; may be empty */
        Slice upstream; /* 502, 504: which one; leave empty for visitors that need not know (neither logged
                           in nor LAN) */
        Slice error;    /* what failed, in words; may be empty */
} Page;

#define PAGE_SIZE_MAX 8192U /* bytes of head and body; long texts are cut */

/* A whole HTTP/1.1 answer into out. Returns its size. */
size_t page_write(const Page *p, char out[static PAGE_SIZE_MAX]);
/* The body alone, for other versions. */
size_t page_body(const Page *p, char out[static PAGE_SIZE_MAX]);

/* The page for a status, _PAGE_INVALID where there is none. */
PageKind page_from_status(unsigned status);
unsigned page_status(PageKind kind);

/* 303 to location (for the login; 308 elsewhere), a whole HTTP/1.1 answer without a body worth reading.
 * -ENOBUFS: location is too long. cookies: never cached. */
int page_write_redirect(unsigned status, Slice location, const char *date, bool close,
                        char out[static PAGE_SIZE_MAX], size_t *ret_size);
