/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "libhagw/pure/macro.h"

/* HTTPS requests on the event loop: libcurl's multi interface on sd-event. HTTPS only, whatever is asked for
 * or redirected to, but for looks at this machine itself; every answer bounded in size and time. */

#define HTTP_BODY_MAX (1024U * 1024) /* bytes */
#define HTTP_LINKS_MAX 16U

typedef struct Httpc Httpc;
typedef struct HttpRequest HttpRequest;

typedef struct HttpResponse {
        unsigned status;                             /* 0: there was no answer, and error says why */
        const char *error;                           /* for people */
        const char *content_type, *location, *nonce; /* NULL where absent */
        const char *links[HTTP_LINKS_MAX + 1];       /* Link fields */
        uint64_t retry_after_usec;                   /* relative; 0: absent */
        uint64_t date_usec;                          /* CLOCK_REALTIME over there; 0: absent */
        const char *body;                            /* NUL-terminated behind its end */
        size_t size;
} HttpResponse;

/* Called once, from the loop; the request is gone afterwards. The handler may start the next one. */
typedef void (*HttpHandler)(const HttpResponse *response, void *userdata);

/* ca_file: roots instead of the system's, or NULL. */
int httpc_new(Httpc **ret, sd_event *event, const char *ca_file);
Httpc *httpc_free(Httpc *h);
DEFINE_TRIVIAL_CLEANUP_FUNC(Httpc *, httpc_free)

/* body: JSON to POST as application/jose+json, or NULL for a GET; head: a HEAD. */
int httpc_start(Httpc *h, const char *url, const char *body, bool head, HttpHandler handler, void *userdata,
                HttpRequest **ret);
/* A GET over plain HTTP from port 80 of this machine ($HAGW_HTTP_PORT in tests), whatever host the URL
 * names. */
int httpc_look(Httpc *h, const char *url, HttpHandler handler, void *userdata, HttpRequest **ret);
/* Cancels; not from within its handler. */
HttpRequest *http_request_free(HttpRequest *r);
