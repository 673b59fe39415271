/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A request's life: head, body, handler, answer. Owns the request from libmicrohttpd's first call to its
 * last. What hagw-proxyd says about the visitor stands in X-Hagw-* and X-Forwarded-For, each exactly once;
 * it drops the visitor's own. Main thread only. */

#include <strings.h>

#include "hagw-webd/http.h"
#include "hagw-webd/request.h"
#include "hagw-webd/route.h"
#include "hagw-webd/target.h"
#include "libhagw/log.h"

static void request_drop_body(Request *q) {
        if (q->body)
                explicit_bzero(q->body, MIN(q->body_size, (size_t) REQUEST_BODY_MAX));
        free(q->body);
        q->body = NULL;
}

static Request *request_free(Request *q) {
        if (!q)
                return NULL;
        if (q->data_free)
                q->data = q->data_free(q->data);
        http_body_end(q->manager->http, q);
        request_drop_body(q);
        free(q->path);
        free(q);
        return NULL;
}
DEFINE_TRIVIAL_CLEANUP_FUNC(Request *, request_free)

typedef struct Find {
        const char *name, *value;
        size_t n;
} Find;

static enum MHD_Result on_value(void *cls, enum MHD_ValueKind kind, const char *key, const char *value) {
        Find *f = cls;

        if (strcasecmp(key, f->name) == 0) {
                f->value = strempty(value);
                f->n++;
        }
        return MHD_YES;
}

/* A header that must be there once and no more. */
static const char *request_header_once(const Request *q, const char *name) {
        Find f = { .name = name };

        (void) MHD_get_connection_values(q->connection, MHD_HEADER_KIND, on_value, &f);
        return f.n == 1 ? f.value : NULL;
}

const char *request_header(const Request *q, const char *name) {
        return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

/* libmicrohttpd's own look-up takes a name in any case, which older browsers let other hosts set. */
static enum MHD_Result on_cookie(void *cls, enum MHD_ValueKind kind, const char *key, const char *value) {
        Find *f = cls;

        if (streq(key, f->name)) {
                f->value = strempty(value);
                f->n++;
        }
        return MHD_YES;
}

const char *request_cookie(const Request *q, const char *name) {
        Find f = { .name = name };

        (void) MHD_get_connection_values(q->connection, MHD_COOKIE_KIND, on_cookie, &f);
        return f.n == 1 ? f.value : NULL;
}

const char *request_argument(const Request *q, const char *name) {
        const char *value;
        size_t size;

        if (MHD_lookup_connection_value_n(q->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value,
                                          &size) != MHD_YES ||
            !value || strlen(value) != size)
                return NULL;
        return value;
}

Session *request_session(const Request *q) {
        return manager_find_session(q->manager, request_cookie(q, REQUEST_COOKIE), q->host,
                                    /* lasting= */ false);
}

static enum MHD_Result on_claim(void *cls, enum MHD_ValueKind kind, const char *key, const char *value) {
        static const struct {
                const char *name;
                OriginField field;
        } rows[] = {
                { "Origin", ORIGIN_FIELD_ORIGIN },
                { "Sec-Fetch-Site", ORIGIN_FIELD_SITE },
                { "Sec-Fetch-Mode", ORIGIN_FIELD_MODE },
                { "Sec-Fetch-Dest", ORIGIN_FIELD_DEST },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (strcasecmp(key, rows[i].name) == 0)
                        origin_claim_add(cls, rows[i].field, slice_from(strempty(value)));
        return MHD_YES;
}

bool request_is_own(const Request *q, bool proof) {
        const char *host = request_header_once(q, "Host");
        OriginClaim claim = {};
        Origin origin;

        (void) MHD_get_connection_values(q->connection, MHD_HEADER_KIND, on_claim, &claim);
        origin = host ? origin_judge(&claim, slice_from(host), /* get= */ false) : ORIGIN_FOREIGN;
        return origin == ORIGIN_OWN || (origin == ORIGIN_PROGRAM && proof);
}

/* What proxyd says. -EBADMSG: not as it should be. */
static int request_read_head(Request *q) {
        const char *host = request_header_once(q, "X-Hagw-Host");
        const char *address = request_header_once(q, "X-Forwarded-For");
        const char *lan = request_header_once(q, "X-Hagw-Lan");

        if (!host || !address || !lan)
                return -EBADMSG;
        if (hostname_normalize(host, strcspn(host, ":"), q->host) < 0 || ip_parse(address, &q->address) < 0)
                return -EBADMSG;
        q->lan = streq(lan, "1");
        q->relayed = request_header(q, "X-Hagw-Relay");
        q->language = language_choose(q->manager->config->login.language,
                                      request_header(q, "Accept-Language"));
        return 0;
}

/* libmicrohttpd has checked that it is a number. */
static uint64_t request_body_length(const Request *q) {
        const char *s = request_header(q, "Content-Length");

        return s ? strtoull(s, NULL, 10) : 0;
}

static int request_begin(Request *q, const char *method) {
        uint64_t length = request_body_length(q);

        q->manager->counts.requests++;
        q->head = streq(method, "HEAD");
        if (request_read_head(q) < 0)
                q->refused = MHD_HTTP_BAD_REQUEST;
        else if (!(q->route = route_find(q->manager->routes, method, q->path, q->lan, &q->rest,
                                            &q->refused)))
                assert(q->refused != 0);
        else if (length > REQUEST_BODY_MAX)
                q->refused = MHD_HTTP_CONTENT_TOO_LARGE;
        /* An answer before the end of the body closes the connection on whoever still sends: only where
         * there is no end. */
        if (q->refused && length > REQUEST_DISCARD_MAX)
                return request_error(q, q->refused);
        http_body_begin(q->manager->http, q);
        return 0;
}

static int request_add_body(Request *q, const char *data, size_t size) {
        char *body;

        if (size > REQUEST_DISCARD_MAX - q->body_size)
                return -EFBIG;
        if (q->refused || q->body_size + size > REQUEST_BODY_MAX) {
                /* libmicrohttpd takes no answer in the middle of a body: it follows at the end. */
                request_drop_body(q);
                q->body_size += size;
                q->refused = q->refused ?: MHD_HTTP_CONTENT_TOO_LARGE;
                return 0;
        }
        /* Not realloc(): that could leave a copy of a password behind. */
        body = malloc(q->body_size + size + 1);
        if (!body)
                return -ENOMEM;
        if (q->body)
                memcpy(body, q->body, q->body_size);
        memcpy(body + q->body_size, data, size);
        request_drop_body(q);
        q->body = body;
        q->body_size += size;
        q->body[q->body_size] = '\0';
        return 0;
}

static int request_step(Request *q, const char *data, size_t *size) {
        size_t n = *size;

        switch (q->state) {
        case REQUEST_READING:
                *size = 0;
                if (n > 0)
                        return request_add_body(q, data, n);
                http_body_end(q->manager->http, q);
                return q->refused ? request_error(q, q->refused) : q->route->handler(q);
        case REQUEST_RESUMED:
                return q->resumed(q);
        default:
                *size = 0;
                return 0;
        }
}

static int request_new(Manager *m, struct MHD_Connection *c, const char *url, Request **ret) {
        _cleanup_(request_freep) Request *q = calloc(1, sizeof(*q));

        if (!q)
                return -ENOMEM;
        q->manager = m;
        q->connection = c;
        q->language = languages;
        q->path = strdup(url);
        if (!q->path)
                return -ENOMEM;
        *ret = TAKE_PTR(q);
        return 0;
}

enum MHD_Result request_on_access(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **context) {
        Request *q = *context;
        int r;

        if (!q) {
                if (request_new(cls, c, url, &q) < 0)
                        return MHD_NO;
                *context = q;
                http_request_begin(q->manager->http);
                r = request_begin(q, method);
        } else
                r = request_step(q, data, size);
        if (r < 0) {
                (void) log_debug_errno(r, "%s: %m", q->path);
                if (q->state != REQUEST_ANSWERED && request_error(q, MHD_HTTP_INTERNAL_SERVER_ERROR) < 0)
                        return MHD_NO;
        }
        return MHD_YES;
}

void request_on_completed(void *cls, struct MHD_Connection *c, void **context,
                          enum MHD_RequestTerminationCode code) {
        if (*context)
                http_request_end(((Manager *) cls)->http);
        *context = request_free(*context);
}

void request_wait(Request *q, int (*resumed)(Request *q)) {
        q->resumed = resumed;
        q->state = REQUEST_WAITING;
        MHD_suspend_connection(q->connection);
}

void request_resume(Request *q) {
        assert(q->state == REQUEST_WAITING);
        q->state = REQUEST_RESUMED;
        MHD_resume_connection(q->connection);
        http_kick(q->manager->http);
}
