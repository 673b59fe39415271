/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way out, and the page for those who are in but not welcome at this host. Main thread only. */

#include "hagw-webd/form.h"
#include "hagw-webd/routes.h"
#include "hagw-webd/store.h"
#include "hagw-webd/target.h"
#include "libhagw/log.h"
#include "libhagw/pure/ownpath.h"

#define PURPOSE "logout"

/* The form's token is bound to the session's cookie. */
static int logout_seal(const Request *q, char seal[static TOKEN_LENGTH + 1]) {
        return token_seal(q->manager->form_key, PURPOSE, q->host, request_cookie(q, REQUEST_COOKIE), seal);
}

static int to_login(Request *q, const char *target, const char *const *headers) {
        return request_redirect_with(q, OWN_LOGIN, target_or_root(target), headers);
}

int logout_get(Request *q) {
        const Session *s = request_session(q);
        char seal[TOKEN_LENGTH + 1];
        int r;

        if (!s)
                return to_login(q, /* target= */ NULL, /* headers= */ NULL);
        r = logout_seal(q, seal);
        if (r < 0)
                return r;
        const PageValue values[] = { { "token", seal }, { "user", s->user }, {} };
        return request_page(q, MHD_HTTP_OK, page_logout, TEXT_LOGOUT_TITLE, values, /* headers= */ NULL);
}

static int logged_out(Request *q, const char *const *headers) {
        /* The login page lies beside this one, wherever a gateway further out has it. */
        return request_message(q, MHD_HTTP_OK, TEXT_LOGGED_OUT_TITLE, TEXT_LOGGED_OUT_INTRO, "login",
                               TEXT_LOGIN_LINK, headers);
}

int logout_post(Request *q) {
        static const char *const headers[] = {
                "Set-Cookie", REQUEST_COOKIE "=" REQUEST_COOKIE_FLAGS "; Max-Age=0", NULL,
        };
        Session *s = request_session(q);
        const char *target;
        Form f = {};

        /* Another site's form comes without the cookie (SameSite=Lax): it must not have it forgotten. */
        if (!s)
                return request_is_own(q, /* proof= */ true) ? logged_out(q, headers) : logout_get(q);
        if (q->body && form_parse(q->body, q->body_size, &f) < 0)
                return request_error(q, MHD_HTTP_BAD_REQUEST);
        /* Another site must not be able to end somebody's session either: ask. */
        if (!request_is_own(q, token_seal_fits(q->manager->form_key, PURPOSE, q->host,
                                               request_cookie(q, REQUEST_COOKIE), form_get(&f, "token"))))
                return logout_get(q);
        target = form_get(&f, "return");
        audit_session(q, "logout", s);
        session_end(&q->manager->sessions, s);
        (void) store_flush(q->manager);
        manager_update_status(q->manager);
        return target ? to_login(q, target, headers) : logged_out(q, headers);
}

int denied_get(Request *q) {
        const Session *s = request_session(q);
        const char *target = request_argument(q, "return");
        _cleanup_free_ char *text = NULL, *button = NULL;
        char seal[TOKEN_LENGTH + 1];
        int r;

        if (!s)
                return to_login(q, target, /* headers= */ NULL);
        if (manager_may_pass(q->manager, s))
                return request_redirect(q, target_or_root(target), /* headers= */ NULL);
        r = logout_seal(q, seal);
        if (r < 0)
                return r;
        const PageValue names[] = { { "host", q->host }, { "user", s->user }, {} };
        r = page_text(TEXT_DENIED_INTRO, q->language, names, &text);
        if (r >= 0)
                r = page_text(TEXT_DENIED_BUTTON, q->language, names, &button);
        if (r < 0)
                return r;
        const PageValue values[] = {
                { "text", text },
                { "token", seal },
                { "return", target_or_root(target) },
                { "button", button },
                { "href", NULL },
                { "link", NULL },
                {},
        };
        return request_page(q, MHD_HTTP_FORBIDDEN, page_message, TEXT_DENIED_TITLE, values,
                            /* headers= */ NULL);
}
