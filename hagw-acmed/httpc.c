/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTPS on the event loop. Main thread; libcurl looks names up in threads of its own. */

#include <curl/curl.h>
#include <stdio.h>
#include <time.h>

#include "hagw-acmed/httpc.h"
#include "libhagw/pure/list.h"
#include "libhagw/pure/reason.h"

#define CONNECT_TIMEOUT_SEC 15L
#define TIMEOUT_SEC 60L
#define REDIRECTS_MAX 3L /* of GET; a POST follows none */
#define CONNECTIONS_MAX 4L
#define RETRY_AFTER_MAX_SEC (30ULL * 24 * 3600)

struct Httpc {
        sd_event *event;
        CURLM *multi;
        sd_event_source *timer;
        char *ca_file;
        HttpRequest *requests;
};

struct HttpRequest {
        Httpc *http;
        CURL *easy;
        struct curl_slist *headers, *connect_to;
        char *sent;
        char *body;
        size_t size, allocated;
        bool too_big;
        char error[CURL_ERROR_SIZE];
        HttpHandler handler;
        void *userdata;
        HttpRequest *next, **place;
};

HttpRequest *http_request_free(HttpRequest *r) {
        if (!r)
                return NULL;
        LIST_REMOVE(r);
        if (r->easy) {
                (void) curl_multi_remove_handle(r->http->multi, r->easy);
                curl_easy_cleanup(r->easy);
        }
        curl_slist_free_all(r->headers);
        curl_slist_free_all(r->connect_to);
        free(r->sent);
        free(r->body);
        free(r);
        return NULL;
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata) {
        HttpRequest *r = userdata;

        if (r->size + n > HTTP_BODY_MAX) {
                r->too_big = true;
                return CURL_WRITEFUNC_ERROR;
        }
        if (!GREEDY_REALLOC(r->body, r->allocated, r->size + n + 1))
                return CURL_WRITEFUNC_ERROR;
        memcpy(r->body + r->size, data, n);
        r->size += n;
        r->body[r->size] = '\0';
        return n;
}

static const char *get_header(CURL *easy, const char *name, size_t index) {
        struct curl_header *h;

        return curl_easy_header(easy, name, index, CURLH_HEADER, /* request= */ -1, &h) == CURLHE_OK
                       ? h->value
                       : NULL;
}

/* Seconds or a date (RFC 9110 section 10.2.3). libcurl reads it, too, but takes more than six hours for six
 * hours. */
static uint64_t parse_retry_after(const char *value) {
        unsigned long long seconds;
        char *end;
        time_t t;

        if (!value)
                return 0;
        if (*value >= '0' && *value <= '9') {
                seconds = strtoull(value, &end, 10);
                return *end ? 0 : MIN(seconds, RETRY_AFTER_MAX_SEC) * USEC_PER_SEC;
        }
        t = curl_getdate(value, NULL);
        if (t < 0 || t <= time(NULL))
                return 0;
        return MIN((unsigned long long) (t - time(NULL)), RETRY_AFTER_MAX_SEC) * USEC_PER_SEC;
}

static uint64_t parse_date(const char *value) {
        time_t t = value ? curl_getdate(value, NULL) : -1;

        return t > 0 ? (uint64_t) t * USEC_PER_SEC : 0;
}

static void http_request_finish(HttpRequest *r, CURLcode code) {
        HttpResponse response = { .body = r->body ?: "", .size = r->size };
        char text[CURL_ERROR_SIZE + 100];
        long status = 0;

        if (code != CURLE_OK) {
                (void) snprintf(text, sizeof(text), "%s",
                                r->too_big    ? "the answer is larger than an honest one"
                                : r->error[0] ? r->error
                                              : curl_easy_strerror(code));
                reason_drop_measures(text);
                response.error = text;
        } else {
                (void) curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
                response.status = (unsigned) status;
                response.content_type = get_header(r->easy, "Content-Type", 0);
                response.location = get_header(r->easy, "Location", 0);
                response.nonce = get_header(r->easy, "Replay-Nonce", 0);
                for (size_t i = 0;
                     i < HTTP_LINKS_MAX && (response.links[i] = get_header(r->easy, "Link", i)); i++)
                        ;
                response.retry_after_usec = parse_retry_after(get_header(r->easy, "Retry-After", 0));
                response.date_usec = parse_date(get_header(r->easy, "Date", 0));
        }
        r->handler(&response, r->userdata);
        http_request_free(r);
}

static void httpc_finish_done(Httpc *h) {
        CURLMsg *m;
        int left;

        while ((m = curl_multi_info_read(h->multi, &left))) {
                HttpRequest *r = NULL;

                if (m->msg != CURLMSG_DONE)
                        continue;
                CURLcode code = m->data.result;
                (void) curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **) &r);
                http_request_finish(r, code);
        }
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        Httpc *h = userdata;
        int running;

        (void) curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        httpc_finish_done(h);
        return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *userdata) {
        Httpc *h = userdata;

        if (timeout_ms < 0)
                return sd_event_source_set_enabled(h->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
        if (sd_event_source_set_time_relative(h->timer, (uint64_t) timeout_ms * USEC_PER_MSEC) < 0 ||
            sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT) < 0)
                return -1;
        return 0;
}

static int on_socket(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        int what = (revents & EPOLLIN ? CURL_CSELECT_IN : 0) | (revents & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (revents & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
            running;
        Httpc *h = userdata;

        (void) curl_multi_socket_action(h->multi, fd, what, &running);
        httpc_finish_done(h);
        return 0;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_data) {
        static const uint32_t events[] = {
                [CURL_POLL_IN] = EPOLLIN,
                [CURL_POLL_OUT] = EPOLLOUT,
                [CURL_POLL_INOUT] = EPOLLIN | EPOLLOUT,
        };
        sd_event_source *s = socket_data;
        Httpc *h = userdata;

        if (what == CURL_POLL_REMOVE) {
                sd_event_source_disable_unref(s);
                return 0;
        }
        if (s)
                return sd_event_source_set_io_events(s, events[what]) < 0 ? -1 : 0;
        if (sd_event_add_io(h->event, &s, fd, events[what], on_socket, h) < 0)
                return -1;
        return curl_multi_assign(h->multi, fd, s) == CURLM_OK ? 0 : -1;
}

int httpc_new(Httpc **ret, sd_event *event, const char *ca_file) {
        _cleanup_(httpc_freep) Httpc *h = calloc(1, sizeof(*h));
        int r;

        if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return -ENOMEM;
        h->event = sd_event_ref(event);
        h->multi = curl_multi_init();
        if (!h->multi || (ca_file && !(h->ca_file = strdup(ca_file))))
                return -ENOMEM;
        r = sd_event_add_time_relative(event, &h->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, h);
        if (r < 0)
                return r;
        (void) sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
        if (curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, set_socket) != CURLM_OK ||
            curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) != CURLM_OK ||
            curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer) != CURLM_OK ||
            curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) != CURLM_OK ||
            curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, CONNECTIONS_MAX) != CURLM_OK)
                return -EIO;
        *ret = TAKE_PTR(h);
        return 0;
}

Httpc *httpc_free(Httpc *h) {
        if (!h)
                return NULL;
        while (h->requests)
                http_request_free(h->requests);
        if (h->multi)
                (void) curl_multi_cleanup(h->multi);
        sd_event_source_disable_unref(h->timer);
        sd_event_unref(h->event);
        free(h->ca_file);
        free(h);
        return NULL;
}

/* libcurl's own checks of host name and chain are on by default and stay so. */
static int http_request_configure(HttpRequest *r, const char *url, bool head) {
        CURL *e = r->easy;
        bool ok = true;

        r->headers = curl_slist_append(NULL, "Accept-Language: en");
        if (r->headers && r->sent)
                r->headers = curl_slist_append(r->headers, "Content-Type: application/jose+json");
        if (!r->headers)
                return -ENOMEM;
#define SET(option, value) ok = ok && curl_easy_setopt(e, option, value) == CURLE_OK
        SET(CURLOPT_URL, url);
        SET(CURLOPT_PROTOCOLS_STR, "https");
        SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
        SET(CURLOPT_FOLLOWLOCATION, r->sent ? 0L : 1L);
        SET(CURLOPT_MAXREDIRS, REDIRECTS_MAX);
        SET(CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_SEC);
        SET(CURLOPT_TIMEOUT, TIMEOUT_SEC);
        SET(CURLOPT_NOSIGNAL, 1L);
        SET(CURLOPT_NOPROXY, "");
        SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        SET(CURLOPT_USERAGENT, "hagw/" PACKAGE_VERSION);
        SET(CURLOPT_HTTPHEADER, r->headers);
        SET(CURLOPT_WRITEFUNCTION, on_body);
        SET(CURLOPT_WRITEDATA, r);
        SET(CURLOPT_PRIVATE, r);
        SET(CURLOPT_ERRORBUFFER, r->error);
        if (head)
                SET(CURLOPT_NOBODY, 1L);
        if (r->sent)
                SET(CURLOPT_POSTFIELDS, r->sent);
        if (r->http->ca_file)
                SET(CURLOPT_CAINFO, r->http->ca_file);
#undef SET
        return ok ? 0 : -EINVAL;
}

/* The host's name may lead out of the house and back to it, or nowhere yet: asked is this machine. */
static int http_request_turn_inwards(HttpRequest *r) {
        const char *port = secure_getenv("HAGW_HTTP_PORT");
        char to[64];

        (void) snprintf(to, sizeof(to), "::127.0.0.1:%.5s", port ?: "80");
        r->connect_to = curl_slist_append(NULL, to);
        if (!r->connect_to)
                return -ENOMEM;
        return curl_easy_setopt(r->easy, CURLOPT_CONNECT_TO, r->connect_to) == CURLE_OK &&
                               curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
                               curl_easy_setopt(r->easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK
                       ? 0
                       : -EINVAL;
}

static int request_start(Httpc *h, const char *url, const char *body, bool head, bool inwards,
                         HttpHandler handler, void *userdata, HttpRequest **ret) {
        HttpRequest *r = calloc(1, sizeof(*r));
        int k = -ENOMEM;

        if (!r)
                return -ENOMEM;
        r->http = h;
        r->handler = handler;
        r->userdata = userdata;
        LIST_ADD(&h->requests, r);
        r->easy = curl_easy_init();
        if (r->easy && (!body || (r->sent = strdup(body))))
                k = http_request_configure(r, url, head);
        if (k >= 0 && inwards)
                k = http_request_turn_inwards(r);
        if (k >= 0 && curl_multi_add_handle(h->multi, r->easy) != CURLM_OK)
                k = -EIO;
        if (k < 0) {
                http_request_free(r);
                return k;
        }
        *ret = r;
        return 0;
}

int httpc_start(Httpc *h, const char *url, const char *body, bool head, HttpHandler handler, void *userdata,
                HttpRequest **ret) {
        return request_start(h, url, body, head, /* inwards= */ false, handler, userdata, ret);
}

int httpc_look(Httpc *h, const char *url, HttpHandler handler, void *userdata, HttpRequest **ret) {
        return request_start(h, url, /* body= */ NULL, /* head= */ false, /* inwards= */ true, handler,
                             userdata, ret);
}
