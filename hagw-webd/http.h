/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-webd/manager.h"

typedef struct Request Request;

/* libmicrohttpd on the handed-in AF_UNIX listener, driven by the daemon's loop. Only root, our own user and
 * hagw-proxyd are let in; the others' connections are closed without a byte. */

#define HTTP_CONNECTIONS_MAX 256U              /* more wait in the listener's backlog */
#define HTTP_CONNECTION_MEMORY (64U * 1024)    /* bytes: head, and what is sent of an answer at a time */
/* Seconds without a byte: longer than hagw-proxyd keeps an idle connection, so that it never sends into one
 * that closes. */
#define HTTP_CONNECTION_TIMEOUT 120U
#define HTTP_BODY_USEC (10 * USEC_PER_SEC)     /* for a request's whole body, */
#define HTTP_BODY_FULL_USEC USEC_PER_SEC       /* and while all connections are taken */

#define HTTP_DRAIN_USEC (5 * USEC_PER_SEC)     /* for requests that are under way when it stops */

int http_new(Http **ret, Manager *m, int fd);
/* All requests must have been resumed. */
Http *http_free(Http *h);
DEFINE_TRIVIAL_CLEANUP_FUNC(Http *, http_free)

/* Takes no new connections: those who come wait in the backlog for the next process. Calls done, maybe at
 * once, when no request is under way any more, or after HTTP_DRAIN_USEC. */
void http_drain(Http *h, void (*done)(Manager *m));
/* A request has come, and it has gone: answered, or not. */
void http_request_begin(Http *h);
void http_request_end(Http *h);

/* Lets libmicrohttpd look again soon: a request was resumed. */
void http_kick(Http *h);
/* The request's body begins; it has come, or the request is gone. A body that takes too long ends the
 * connection, so that nobody keeps the pages from others by sending slowly. */
void http_body_begin(Http *h, Request *q);
void http_body_end(Http *h, Request *q);
