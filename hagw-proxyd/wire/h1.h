/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/request.h"

/* HTTP/1.1 heads (RFC 9112), parsed by llhttp in strict mode and then judged: what could be read in two ways
 * is an error, never a guess. Answers of a service, which its owner has chosen, are read as other clients
 * read them: h1-answer.h. No copies, no allocation: slices point into the caller's buffer. Pure. Bodies:
 * h1-body.h. */

typedef enum H1Verdict {
        H1_OK,
        H1_MORE,           /* the head is not complete; nothing is wrong so far */
        H1_BAD_LINE,       /* request or status line, bare CR or LF, obs-fold, NUL */
        H1_BAD_METHOD,     /* a token, but no method we know */
        H1_REFUSED_METHOD, /* CONNECT, TRACE */
        H1_BAD_TARGET,
        H1_BAD_VERSION,    /* anything but HTTP/1.1 */
        H1_BAD_HEADER,     /* field name or value */
        H1_BAD_HOST,       /* none, several, malformed, or another than in the absolute target */
        H1_BAD_FRAMING,    /* lengths that contradict each other or say nothing clear */
        H1_BAD_CODING,     /* a transfer coding beside chunked */
        H1_BAD_UPGRADE,    /* websocket with a body, another method, or without its fields */
        H1_BAD_EXPECT,
        H1_TOO_LONG,       /* request line alone beyond the limit */
        H1_TOO_LARGE,      /* head */
        H1_TOO_MANY,       /* fields */
        H1_UNASKED,        /* 101 that nobody asked for */
        H1_NOT_HTTP,       /* an answer that does not begin as one */
        _H1_VERDICT_MAX,
} H1Verdict;

/* The status to answer a visitor with (0 for H1_OK and H1_MORE), and a few words for log and page. After an
 * error in a request the connection is closed. For an answer of the upstream, every error means 502. */
unsigned h1_verdict_status(H1Verdict v);
const char *h1_verdict_text(H1Verdict v);

typedef struct H1Limits {
        size_t head_size;      /* bytes of the whole head, at most H1_HEAD_SIZE_MAX */
        unsigned header_count; /* at most headers.max - HEADER_SPARE */
} H1Limits;

#define H1_HEAD_SIZE_MAX (256U * 1024)
#define H1_CONNECTION_OPTIONS_MAX 16U /* each is compared with each field */

/* How far the search for the head's end got. {} before each new head; the buffer may move between calls, its
 * content may only grow. Each byte is looked at once however many segments the head comes in. */
typedef struct H1Scan {
        size_t start; /* of the request line: one empty line before it is skipped (RFC 9112 section 2.2) */
        size_t first; /* end of the request or status line, at its CR */
        size_t line;  /* start of the line that is not complete yet */
        size_t seen;
        unsigned lines;
        bool odd; /* an answer's lines do not all end in CRLF, or one goes on in the next */
} H1Scan;

/* Judges the bytes read so far. On H1_OK r is filled, r->head_size bytes belong to the head and what follows
 * is body or the next head. r->headers.items and .max must be set by the caller; nothing else is read from
 * r. */
H1Verdict h1_read_request(H1Scan *scan, char *buffer, size_t size, const H1Limits *limits, Request *r);

/* What an answer's meaning depends on. */
typedef struct H1Asked {
        bool head;      /* the request was HEAD */
        bool websocket; /* it asked for an upgrade */
} H1Asked;

/* An answer that is not to the letter has RESPONSE_CLOSE. Its bytes in the buffer may be changed. */
H1Verdict h1_read_response(H1Scan *scan, char *buffer, size_t size, const H1Limits *limits, H1Asked asked,
                           Response *r);

/* One pass into out; -ENOBUFS where size does not suffice. Every field of the list is written, nothing is
 * added: run forward.c before. Fields that came with H1 are known to be free of CR, LF and NUL. */
int h1_write_request(const Request *r, char *out, size_t size, size_t *ret_size);
int h1_write_response(const Response *r, char *out, size_t size, size_t *ret_size);
/* Exactly what the two need. */
size_t h1_request_size(const Request *r);
size_t h1_response_size(const Response *r);
