/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <microhttpd.h>
#include <sys/queue.h>

#include "hagw-webd/manager.h"
#include "hagw-webd/templates.h"
#include "libhagw/pure/cidr.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/origin.h"
#include "libhagw/pure/page.h"

/* One request from hagw-proxyd: what it says, and how it is answered. */

#define REQUEST_BODY_MAX (8U * 1024)      /* bytes */
#define REQUEST_DISCARD_MAX (1024U * 1024) /* of a longer body; then the connection is closed */
#define REQUEST_COOKIE "__Host-hagw"
#define REQUEST_FORM_COOKIE "__Host-hagw-form"
#define REQUEST_DEVICE_COOKIE "__Host-hagw-device"
#define REQUEST_COOKIE_FLAGS "; Path=/; Secure; HttpOnly; SameSite=Lax"

typedef struct Request Request;
typedef struct Route Route;

typedef enum RequestState {
        REQUEST_READING,  /* its body */
        REQUEST_WAITING,  /* for something on the loop */
        REQUEST_RESUMED,
        REQUEST_ANSWERED,
        _REQUEST_STATE_MAX,
        _REQUEST_STATE_INVALID = -EINVAL,
} RequestState;

struct Request {
        Manager *manager;
        struct MHD_Connection *connection;
        const Route *route;
        const char *rest; /* of the path, behind a route's prefix */
        RequestState state;
        unsigned refused; /* the answer's status; 0: it goes to the route's handler */
        char *path;
        char host[HOSTNAME_MAX + 1];
        IpAddress address; /* the visitor's */
        bool head; /* its method is HEAD */
        bool scripted; /* the answer is a page with page_script */
        bool lan;
        bool relayed; /* the address is a relay's word */
        const Language *language;
        char *body; /* NUL-terminated */
        size_t body_size; /* as received; above REQUEST_BODY_MAX the body is gone */
        uint64_t since_usec; /* when the body began (CLOCK_MONOTONIC); 0: it is not on its way */
        TAILQ_ENTRY(Request) bodies; /* http.c's list of those */
        int (*resumed)(Request *q);
        void *data; /* of the handler */
        void *(*data_free)(void *data);
        int result; /* for resumed() */
        Request *next; /* in gather.c's list of those that wait */
};

/* Once, before the first request. */
int request_setup(void);

/* For libmicrohttpd; cls is the manager. */
enum MHD_Result request_on_access(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **context);
void request_on_completed(void *cls, struct MHD_Connection *c, void **context,
                          enum MHD_RequestTerminationCode code);

/* NULL where there is none (of cookies: not just one); borrowed. */
const char *request_header(const Request *q, const char *name);
const char *request_cookie(const Request *q, const char *name);
const char *request_argument(const Request *q, const char *name);
/* The visitor's live session at this host, or NULL. */
Session *request_session(const Request *q);
/* Has a page of this host sent the form? What changes something asks this first. Where the browser says so
 * (origin.h) that is enough, whatever the form holds: it may be an old copy that a service's worker kept,
 * and its cookie may be gone. Where it says nothing, the form must show that it is ours: proof. */
bool request_is_own(const Request *q, bool proof);

/* The answer will come later: resumed() runs after request_resume(). */
void request_wait(Request *q, int (*resumed)(Request *q));
void request_resume(Request *q);

/* Answers. body: taken over, NULL: none. headers: name, value, …, NULL; or NULL. */
int request_reply(Request *q, unsigned status, const char *type, char *body, const char *const *headers);
/* Answers with a page. values: for the template; host and language are always there. refresh: what
 * the page's refresh (HTML, section 4.2.5.3) is to do. */
int request_page(Request *q, unsigned status, const char *template, Text title, const PageValue *values,
                 const char *const *headers);
/* Answers with a message, and a link where there is one: href, or NULL. */
int request_message(Request *q, unsigned status, Text title, Text intro, const char *href, Text link,
                    const char *const *headers);
/* Answers that what was asked for is not there, or cannot be done; with a link back. */
int request_error(Request *q, unsigned status);
/* 303 to a path on this host. */
int request_redirect(Request *q, const char *location, const char *const *headers);
/* The same to one of our own pages, with where to go from there (a valid target, or it becomes "/"; NULL:
 * nowhere). */
int request_redirect_with(Request *q, const char *page, const char *target, const char *const *headers);
