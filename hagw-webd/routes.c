/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of pages, and the one page too small for a file of its own: HTTP-01 answers. */

#include "hagw-webd/routes.h"
#include "libhagw/pure/ownpath.h"
#include "libhagw/usec.h"

static int challenge_get(Request *q) {
        const char *answer = challenge_find(&q->manager->challenges, q->rest, clock_usec(CLOCK_MONOTONIC));
        char *body;

        if (!answer)
                return request_error(q, MHD_HTTP_NOT_FOUND);
        body = strdup(answer);
        if (!body)
                return -ENOMEM;
        return request_reply(q, MHD_HTTP_OK, "application/octet-stream", body, /* headers= */ NULL);
}

static int moved_get(Request *q) {
        return request_redirect_with(q, q->route->moved, request_argument(q, "return"), /* headers= */ NULL);
}

static const Route routes[] = {
        { "GET", OWN_LOGIN, .handler = login_get },
        { "POST", OWN_LOGIN, .handler = login_post },
        { "GET", OWN_LOGOUT, .handler = logout_get },
        { "POST", OWN_LOGOUT, .handler = logout_post },
        { "GET", OWN_DENIED, .handler = denied_get },
        { "GET", OWN_STATUS, .lan = true, .handler = status_get },
        { "GET", OWN_OLD_LOGIN, .handler = moved_get, .moved = OWN_LOGIN },
        { "POST", OWN_OLD_LOGIN, .handler = login_post },
        { "GET", OWN_OLD_LOGOUT, .handler = moved_get, .moved = OWN_LOGOUT },
        { "POST", OWN_OLD_LOGOUT, .handler = logout_post },
        { "GET", OWN_OLD_DENIED, .handler = moved_get, .moved = OWN_DENIED },
        { "GET", OWN_OLD_STATUS, .lan = true, .handler = moved_get, .moved = OWN_STATUS },
        { "GET", OWN_METRICS, .lan = true, .handler = metrics_get },
        { "GET", "/metrics", .lan = true, .handler = metrics_get },
        { "GET", "/.well-known/acme-challenge/", .prefix = true, .handler = challenge_get },
};

const RouteTable page_routes = { routes, ELEMENTSOF(routes) };
