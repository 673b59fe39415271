/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One request of HTTP, by libcurl. */

#include <curl/curl.h>
#include <stdio.h>

#include "hagw-notify/post.h"
#include "libhagw/pure/reason.h"

typedef struct Post {
        CURL *curl;
        struct curl_slist *fields;
        size_t received;
        char reason[CURL_ERROR_SIZE];
} Post;

static void post_done(Post *p) {
        curl_slist_free_all(p->fields);
        curl_easy_cleanup(p->curl);
}

/* What the server says is not looked at, and has an end. */
static size_t on_answer(char *data, size_t size, size_t n, void *userdata) {
        Post *p = userdata;

        p->received += n;
        return p->received > POST_ANSWER_MAX ? 0 : n;
}

static int add_field(Post *p, const char *name, const char *value) {
        _cleanup_free_ char *line = NULL;
        struct curl_slist *more;

        if (asprintf(&line, "%s: %s", name, value) < 0) {
                line = NULL;
                return -ENOMEM;
        }
        more = curl_slist_append(p->fields, line);
        if (!more)
                return -ENOMEM;
        p->fields = more;
        return 0;
}

static int post_prepare(Post *p, const char *url, const char *title, const char *text) {
        int r;

        p->curl = curl_easy_init();
        if (!p->curl)
                return -ENOMEM;
        r = add_field(p, "Title", title);
        if (r >= 0)
                r = add_field(p, "Content-Type", "text/plain; charset=utf-8");
        if (r >= 0)
                r = add_field(p, "Expect", "");
        if (r < 0)
                return r;
        /* No redirects: what is told belongs to who is named. */
        if (curl_easy_setopt(p->curl, CURLOPT_URL, url) != CURLE_OK ||
            curl_easy_setopt(p->curl, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
            curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, p->fields) != CURLE_OK ||
            curl_easy_setopt(p->curl, CURLOPT_POSTFIELDS, text) != CURLE_OK ||
            curl_easy_setopt(p->curl, CURLOPT_POSTFIELDSIZE, (long) strlen(text)) != CURLE_OK ||
            curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, on_answer) != CURLE_OK ||
            curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, p) != CURLE_OK ||
            curl_easy_setopt(p->curl, CURLOPT_ERRORBUFFER, p->reason) != CURLE_OK ||
            curl_easy_setopt(p->curl, CURLOPT_USERAGENT, "hagw/" PACKAGE_VERSION) != CURLE_OK ||
            curl_easy_setopt(p->curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
            curl_easy_setopt(p->curl, CURLOPT_TIMEOUT_MS, (long) (POST_TIMEOUT_USEC / 1000)) != CURLE_OK)
                return -ENOMEM;
        return 0;
}

int post_text(const char *url, const char *title, const char *text, char **ret_error) {
        _cleanup_(post_done) Post p = {};
        long status = 0;
        CURLcode code;
        int r;

        r = post_prepare(&p, url, title, text);
        if (r < 0)
                return r;
        code = curl_easy_perform(p.curl);
        (void) curl_easy_getinfo(p.curl, CURLINFO_RESPONSE_CODE, &status);
        if (code == CURLE_OK && status >= 200 && status < 300)
                return 0;
        if (code == CURLE_OK)
                return reason_give(ret_error, -EIO, "the server answered with status %li", status);
        r = reason_give(ret_error, -EIO, "%s", *p.reason ? p.reason : curl_easy_strerror(code));
        if (*ret_error)
                reason_drop_measures(*ret_error);
        return r;
}
