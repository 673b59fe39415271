/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/compress.h"
#include "hagw-proxyd/wire/outer.h"
#include "hagw-proxyd/wire/request.h"

/* What a head becomes on its way through: one table of rules (REQUIREMENTS 1–3, 9). The client's address is
 * a security boundary: what the visitor claims about it is dropped, in every spelling, and ours is written.
 * Pure. */

typedef struct ForwardContext {
        Slice host;     /* what the service is to find in Host; empty: what the visitor wrote */
        Slice address;  /* the visitor's, text form without brackets, port or zone; empty: nobody visits,
                           and nothing is said */
        bool forwarded; /* also write Forwarded (RFC 7239) */
        Slice outer;    /* what a gateway behind is told of those before it (outer.h); empty: nothing */
        bool sees_cookie; /* the upstream asks for the login (hagw-webd, a tenant's house): it gets, and may
                             set, the session cookie, and paths are its own. Else what an inner gateway
                             calls so gets another name (inner.h) */
        char *scratch;  /* FORWARD_SCRATCH bytes, living as long as the request */
} ForwardContext;

#define FORWARD_SCRATCH 96U

/* Stands beside a Location that this gateway itself wrote: a gateway further out takes no service's for it
 * (inner.h). */
#define FORWARD_OWN_FIELD "X-Hagw-Own"

/* Rewrites r->headers in place; the session cookie is cut out of the head buffer. Afterwards
 * h1_write_request() may run, any number of times. -ENOBUFS: the header array has less than HEADER_SPARE
 * free entries. */
int forward_request(Request *r, const ForwardContext *c);

typedef struct ForwardAnswer {
        bool sees_cookie;  /* as above */
        bool own;          /* hagw-webd's */
        InnerLogin *ret_inner; /* what a gateway behind says (outer.h), which goes no further; or NULL */
        bool close;        /* tell the visitor that the connection ends */
        bool http1;        /* the visitor speaks HTTP/1.1: framing and Connection fields are wanted */
        bool head;         /* the request was HEAD: framing fields describe, no body follows */
        Slice ancestors;   /* route->ancestors: who may show the answer in a frame; empty: nothing is said */
        CompressPlan *compress; /* how its body goes on; lives as long as the head. NULL: as it comes */
        const char *date;  /* now, for a service that does not say it (RFC 9110 section 6.6.1); NULL: none */
} ForwardAnswer;

/* ret_body: how the body goes to the visitor; BODY_UNTIL_EOF becomes BODY_CHUNKED. Interim answers keep no
 * framing. */
int forward_response(Response *r, const ForwardAnswer *a, BodyKind *ret_body);
