/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/request.h"
#include "libhagw/pure/lang.h"
#include "libhagw/pure/refusal.h"

/* The answers that proxyd gives itself: pages that look and speak like the login, or plain text, whichever
 * HTTP version carries them. Each is whole, of bounded size, and made without an allocation. Pure. */

typedef enum PageKind {
        PAGE_BAD_REQUEST,   /* 400 */
        PAGE_UNAUTHORIZED,  /* 401 */
        PAGE_FORM,          /* 401 too: to somebody who has sent a form, and whose session is over */
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
        PAGE_HOUSE_SUSPENDED, /* the same of one that the relay has suspended, */
        PAGE_HOUSE_EXHAUSTED, /* whose month is used up, */
        PAGE_HOUSE_CROWDED,   /* whose channels are all in use, */
        PAGE_HOUSE_NO_HOST,   /* that has no host of this name, */
        PAGE_HOUSE_REFUSES,   /* and of one that does not take what the relay has opened */
        PAGE_GATEWAY_TIMEOUT, /* 504 */
        PAGE_VERSION,       /* 505 */
        _PAGE_MAX,
        _PAGE_INVALID = -EINVAL,
} PageKind;

typedef struct Page {
        PageKind kind;
        bool html;      /* request_accepts_html() */
        bool again;     /* the request was GET: the page may come back by itself */
        char depth;     /* what our names are called where the visitor is (inner.h); 0: as they are */
        bool inside;    /* the visitor is: then the page says what of the house is in trouble */
        const Language *language; /* of a page; NULL: English, as all that is for programs */
        const char *policy; /* html: page_policy() of page_style and page_again */
        const char *date; /* now, as http_date() says; NULL: no Date field */
        Slice host;     /* as the visitor typed it; may be empty */
        Slice upstream; /* 502, 504: which one */
        Slice error;    /* what failed, in words; may be empty */
} Page;

#define PAGE_DETAIL_MAX 256U /* bytes of host, upstream, error that are shown */
#define PAGE_SIZE_MAX (20U * 1024) /* bytes of fields and body */
#define PAGE_FIELDS_MAX 11U        /* of a page, and so many more that the reply adds: how the connection */
#define PAGE_REPLY_FIELDS 2U       /* goes on, and what a gateway in front is told */

typedef struct Answer {
        Response response; /* .body: BODY_NONE or BODY_LENGTH, as for GET */
        Slice body;        /* HEAD gets none of it */
        Header fields[PAGE_FIELDS_MAX + PAGE_REPLY_FIELDS];
} Answer;

/* What it holds lies in out, or lives for ever. */
void page_make(const Page *p, char out[static PAGE_SIZE_MAX], Answer *ret);

/* The page for a status, _PAGE_INVALID where there is none. */
PageKind page_from_status(unsigned status);
/* What a visitor sees whose TLS the relay opens. _PAGE_INVALID: he is closed before. */
PageKind page_from_refusal(Refusal r);
unsigned page_status(PageKind kind);

/* 303 to location (for the login; 308 elsewhere), without a body worth reading, and never cached. -ENOBUFS:
 * location is too long. */
int page_make_redirect(unsigned status, Slice location, const char *date, char out[static PAGE_SIZE_MAX],
                       Answer *ret);
