/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Answers: the headers that every one carries, pages in their layout, redirects. The only state are the
 * content security policies, which name style and script by their hashes and are made once. Main thread
 * only. */

#include <stdio.h>

#include "hagw-webd/request.h"
#include "hagw-webd/target.h"
#include "libhagw/pagepolicy.h"

#define HTML "text/html; charset=utf-8"

static char policy[PAGE_POLICY_MAX], policy_scripted[PAGE_POLICY_MAX];

int request_setup(void) {
        int r;

        r = page_policy(page_style, /* script= */ NULL, /* asks= */ false, policy);
        return r < 0 ? r : page_policy(page_style, page_script, /* asks= */ true, policy_scripted);
}

static const char *const common[] = {
        "Cache-Control", "no-store",
        "X-Frame-Options", "DENY",
        "X-Content-Type-Options", "nosniff",
        /* Not no-referrer: with it browsers send "Origin: null" with our own forms. */
        "Referrer-Policy", "same-origin",
        "Cross-Origin-Opener-Policy", "same-origin",
        "Cross-Origin-Resource-Policy", "same-origin",
        NULL,
};

static bool add_headers(struct MHD_Response *response, const char *const *headers) {
        for (; headers && headers[0]; headers += 2)
                if (MHD_add_response_header(response, headers[0], headers[1]) != MHD_YES)
                        return false;
        return true;
}

int request_reply(Request *q, unsigned status, const char *type, char *body, const char *const *headers) {
        const char *const more[] = { "Content-Type", type, "Content-Language", q->language->code, NULL };
        const char *const rules[] = { "Content-Security-Policy", q->scripted ? policy_scripted : policy,
                                      NULL };
        struct MHD_Response *response;
        bool ok;

        response = MHD_create_response_from_buffer_with_free_callback(body ? strlen(body) : 0, body, free);
        if (!response) {
                free(body);
                return -ENOMEM;
        }
        ok = add_headers(response, common) && add_headers(response, rules) &&
             (!type || add_headers(response, more)) && add_headers(response, headers) &&
             MHD_queue_response(q->connection, status, response) == MHD_YES;
        MHD_destroy_response(response);
        if (!ok)
                return -EIO;
        q->state = REQUEST_ANSWERED;
        return 0;
}

#define VALUES_MAX 16U

int request_page(Request *q, unsigned status, const char *template, Text title, const PageValue *values,
                 const char *const *headers) {
        _cleanup_free_ char *heading = NULL, *body = NULL;
        const char *refresh = NULL;
        char *page;
        PageValue all[VALUES_MAX] = { { "host", q->host }, { "language", q->language->code } };
        size_t n = 2;
        int r;

        for (; values && values->name; values++) {
                assert(n < VALUES_MAX - 3);
                if (streq(values->name, "refresh"))
                        refresh = values->text;
                all[n++] = *values;
        }
        r = page_text(title, q->language, all, &heading);
        if (r < 0)
                return r;
        all[n++] = (PageValue) { "title", heading };
        r = page_expand(template, q->language, all, &body);
        if (r < 0)
                return r;
        q->scripted = template == page_login;
        const PageValue layout[] = {
                { "language", q->language->code },
                { "title", heading },
                { "style", page_style },
                { "body", body },
                { "refresh", refresh },
                { "retry", NULL },
                { "wide", template == page_status ? "yes" : NULL },
                { "script", q->scripted ? page_script : NULL },
                {},
        };
        r = page_expand(page_layout, q->language, layout, &page);
        if (r < 0)
                return r;
        return request_reply(q, status, HTML, page, headers);
}

int request_message(Request *q, unsigned status, Text title, Text intro, const char *href, Text link,
                    const char *const *headers) {
        const PageValue host[] = { { "host", q->host }, {} };
        _cleanup_free_ char *text = NULL, *label = NULL;
        int r;

        r = page_text(intro, q->language, host, &text);
        if (r >= 0)
                r = page_text(link, q->language, host, &label);
        if (r < 0)
                return r;
        const PageValue values[] = {
                { "text", text },
                { "token", NULL },
                { "return", NULL },
                { "button", NULL },
                { "href", href },
                { "link", label },
                {},
        };
        return request_page(q, status, page_message, title, values, headers);
}

int request_error(Request *q, unsigned status) {
        bool missing = status == MHD_HTTP_NOT_FOUND;

        return request_message(q, status, missing ? TEXT_NOT_FOUND_TITLE : TEXT_ERROR_TITLE,
                               missing ? TEXT_NOT_FOUND_INTRO : TEXT_ERROR_INTRO, q->host[0] ? "/" : NULL,
                               TEXT_HOME_LINK, /* headers= */ NULL);
}

int request_redirect(Request *q, const char *location, const char *const *headers) {
        const char *all[16] = { "Location", location };

        for (size_t n = 2; headers && headers[0] && n + 2 < ELEMENTSOF(all); headers += 2, n += 2) {
                all[n] = headers[0];
                all[n + 1] = headers[1];
        }
        return request_reply(q, MHD_HTTP_SEE_OTHER, /* type= */ NULL, /* body= */ NULL, all);
}

int request_redirect_with(Request *q, const char *page, const char *target, const char *const *headers) {
        _cleanup_free_ char *encoded = NULL, *location = NULL;

        if (!target)
                return request_redirect(q, page, headers);
        encoded = target_encode(target_or_root(target));
        if (!encoded || asprintf(&location, "%s?return=%s", page, encoded) < 0) {
                location = NULL;
                return -ENOMEM;
        }
        return request_redirect(q, location, headers);
}
