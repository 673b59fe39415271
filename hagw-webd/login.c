/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The login page and what happens to a name and a password: form token, throttle, hash, session. A name that
 * does not exist costs the same work and gets the same bytes as a wrong password. Main thread only; the hash
 * runs elsewhere. */

#include <stdio.h>

#include "hagw-webd/device.h"
#include "hagw-webd/form.h"
#include "hagw-webd/routes.h"
#include "hagw-webd/store.h"
#include "hagw-webd/target.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

#define PURPOSE "login"
#define BUSY_SECONDS "2"
#define DEVICE_SECONDS (400 * 24 * 3600) /* as long as browsers keep a cookie (RFC 6265bis section 5.5) */
/* So long after a login it is the login that brought the visitor here. */
#define GO_ON_USEC (60 * USEC_PER_SEC)
#define GO_ON_SECONDS "1"
#define FORM_TYPE "application/x-www-form-urlencoded"

typedef struct Login {
        char name[USER_NAME_MAX + 1]; /* "" where what was typed cannot be one */
        char *typed, *target;
        char *hash; /* the one that is being checked; NULL: nobody's */
        bool near;
        char device[TOKEN_LENGTH + 1]; /* "": a stranger's browser */
} Login;

static void *login_free(void *data) {
        Login *l = data;

        if (!l)
                return NULL;
        if (l->hash)
                explicit_bzero(l->hash, strlen(l->hash));
        free(l->hash);
        free(l->typed);
        free(l->target);
        free(l);
        return NULL;
}

static ThrottleTry login_throttle_try(const Request *q, const Login *l) {
        return (ThrottleTry) { .account = l->name,
                               .address = q->address,
                               .near = l->near,
                               .device = l->device[0] ? l->device : NULL };
}

static const char *known_name(const Request *q, const Login *l) {
        return user_find(&q->manager->users, l->name) ? l->name : NULL;
}

/* --- the page ------------------------------------------------------------------------------------------ */

/* Two pages that look alike follow one another where two gateways ask: whose this one is. NULL: one asks. */
static const char *wall_text(const Request *q) {
        static const struct {
                const char *word;
                Text text;
        } rows[] = {
                { "relay", TEXT_WALL_RELAY },
                { "front", TEXT_WALL_FRONT },
                { "house", TEXT_WALL_HOUSE },
                { "first", TEXT_WALL_FIRST },
                { "second", TEXT_WALL_SECOND },
        };
        const char *word = request_header(q, "X-Hagw-Wall");

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq_ptr(rows[i].word, word))
                        return q->language->texts[rows[i].text];
        return NULL;
}

/* message: HTML, or NULL. retry: seconds as text, or NULL. */
static int login_page(Request *q, unsigned status, const char *typed, const char *target,
                      const char *message, const char *retry) {
        char cookie[TOKEN_LENGTH + 1], seal[TOKEN_LENGTH + 1], set[128];
        const char *old = request_cookie(q, REQUEST_FORM_COOKIE);
        const char *headers[5] = {};
        size_t n = 0;
        int r;

        if (old && token_is_well_formed(old))
                memcpy(cookie, old, sizeof(cookie));
        else {
                r = token_new(cookie);
                if (r < 0)
                        return r;
                (void) snprintf(set, sizeof(set), REQUEST_FORM_COOKIE "=%s" REQUEST_COOKIE_FLAGS, cookie);
                headers[n++] = "Set-Cookie";
                headers[n++] = set;
        }
        if (retry) {
                headers[n++] = "Retry-After";
                headers[n++] = retry;
        }
        r = token_seal(q->manager->form_key, PURPOSE, q->host, cookie, seal);
        if (r < 0)
                return r;
        const PageValue values[] = {
                { "token", seal },
                { "return", target_or_root(target) },
                { "user", typed },
                { "error", message },
                { "inside", q->lan ? "yes" : NULL },
                { "wall", wall_text(q) },
                {},
        };
        return request_page(q, status, page_login, TEXT_LOGIN_TITLE, values, headers);
}

static int login_message(Request *q, unsigned status, const char *typed, const char *target, Text text,
                         const char *retry) {
        const PageValue values[] = { { "host", q->host }, { "seconds", strempty(retry) }, {} };
        _cleanup_free_ char *message = NULL;
        int r;

        r = page_text(text, q->language, values, &message);
        if (r < 0)
                return r;
        return login_page(q, status, typed, target, message, retry);
}

/* Just logged in, and here again: a service's worker goes on sending the visitor here until it has its page
 * anew. A page in between instead of a redirect: a browser follows twenty of those and no more. */
static int login_go_on(Request *q, const char *target) {
        const PageValue host[] = { { "host", q->host }, {} };
        _cleanup_free_ char *text = NULL, *link = NULL, *refresh = NULL;
        int r;

        if (asprintf(&refresh, GO_ON_SECONDS ";url=%s", target) < 0) {
                refresh = NULL;
                return -ENOMEM;
        }
        r = page_text(TEXT_SIGNED_IN_INTRO, q->language, host, &text);
        if (r >= 0)
                r = page_text(TEXT_SIGNED_IN_LINK, q->language, host, &link);
        if (r < 0)
                return r;
        const PageValue values[] = {
                { "refresh", refresh },
                { "text", text },
                { "token", NULL },
                { "return", NULL },
                { "button", NULL },
                { "href", target },
                { "link", link },
                {},
        };
        return request_page(q, MHD_HTTP_OK, page_message, TEXT_SIGNED_IN_TITLE, values, /* headers= */ NULL);
}

int login_get(Request *q) {
        const char *target = request_argument(q, "return");
        Session *s = request_session(q);

        if (s && manager_may_pass(q->manager, s)) {
                target = target_or_root(target);
                return !q->head && manager_now(q->manager) - s->created_usec < GO_ON_USEC ?
                               login_go_on(q, target) :
                               request_redirect(q, target, /* headers= */ NULL);
        }
        return login_page(q, MHD_HTTP_OK, /* typed= */ NULL, target, /* message= */ NULL, /* retry= */ NULL);
}

/* --- after the hash ------------------------------------------------------------------------------------ */

/* Browsers' names are the visitor's bytes: printable ASCII only. */
static void copy_agent(const char *s, char *out) {
        size_t n = 0;

        for (; s && *s && n < SESSION_AGENT_MAX; s++)
                if (*s >= 0x20 && *s < 0x7f)
                        out[n++] = *s;
        out[n] = '\0';
}

static int session_start(Request *q, const char *user, char token[static TOKEN_LENGTH + 1], Session **ret) {
        Manager *m = q->manager;
        char agent[SESSION_AGENT_MAX + 1], address[IP_TEXT_MAX];
        int r;

        copy_agent(request_header(q, "User-Agent"), agent);
        r = manager_new_session(m, user, q->host, ip_format(&q->address, address), agent,
                                /* lasting= */ false, token, ret);
        if (r >= 0)
                (*ret)->relayed = q->relayed;
        return r;
}

/* The cookie that tells this browser from strangers' the next time. */
static int device_cookie(const Request *q, const User *u, char *out, size_t size) {
        char value[DEVICE_SIZE];
        int r;

        r = device_remember(q->manager->form_key, q->host, u->name, u->hash,
                            request_cookie(q, REQUEST_DEVICE_COOKIE), value);
        if (r < 0)
                return r;
        (void) snprintf(out, size, REQUEST_DEVICE_COOKIE "=%s" REQUEST_COOKIE_FLAGS "; Max-Age=%d", value,
                        DEVICE_SECONDS);
        return 0;
}

static int login_succeed(Request *q, Login *l, User *u) {
        char token[TOKEN_LENGTH + 1], set[192], device[DEVICE_SIZE + 128];
        const ThrottleTry try = login_throttle_try(q, l);
        Manager *m = q->manager;
        Session *old = request_session(q), *s;
        int r;

        m->counts.logins++;
        throttle_forgive(&m->throttle, &try);
        if (old)
                session_end(&m->sessions, old);
        r = device_cookie(q, u, device, sizeof(device));
        if (r >= 0)
                r = session_start(q, u->name, token, &s);
        if (r < 0)
                return r;
        u->last_login_usec = clock_usec(CLOCK_REALTIME);
        m->users_dirty = true;
        m->sessions_dirty = true;
        /* A full disk must not lock the house: the session lives in memory, and storing is tried again. */
        (void) store_flush(m);
        manager_update_status(m);
        audit_session(q, "login", s);
        (void) snprintf(set, sizeof(set), REQUEST_COOKIE "=%s" REQUEST_COOKIE_FLAGS "; Max-Age=%llu", token,
                        (unsigned long long) (m->sessions.absolute_usec / USEC_PER_SEC));
        const char *headers[] = {
                "Set-Cookie", set, "Set-Cookie", REQUEST_FORM_COOKIE "=" REQUEST_COOKIE_FLAGS "; Max-Age=0",
                "Set-Cookie", device, NULL,
        };
        r = request_redirect(q, target_or_root(l->target), headers);
        explicit_bzero(token, sizeof(token));
        explicit_bzero(set, sizeof(set));
        return r;
}

static int login_resumed(Request *q) {
        Manager *m = q->manager;
        Login *l = q->data;
        User *u = user_find(&m->users, l->name);

        if (q->result < 0)
                return login_message(q, MHD_HTTP_SERVICE_UNAVAILABLE, l->typed, l->target, TEXT_LOGIN_BUSY,
                                     BUSY_SECONDS);
        /* The user may have gone, or have another password, since the hash was begun. */
        if (q->result > 0 && u && l->hash && streq(u->hash, l->hash))
                return login_succeed(q, l, u);
        m->counts.failures++;
        audit_refusal(q, known_name(q, l), /* early= */ false);
        return login_message(q, MHD_HTTP_FORBIDDEN, l->typed, l->target, TEXT_LOGIN_WRONG,
                             /* retry= */ NULL);
}

static void on_hash(int result, const char *hash, void *userdata) {
        Request *q = userdata;

        q->result = result;
        request_resume(q);
}

/* --- before it ----------------------------------------------------------------------------------------- */

static int login_throttled(Request *q, const Login *l, uint64_t wait_usec) {
        char seconds[24];

        q->manager->counts.throttled++;
        audit_refusal(q, known_name(q, l), /* early= */ true);
        (void) snprintf(seconds, sizeof(seconds), "%llu",
                        (unsigned long long) ((wait_usec + USEC_PER_SEC - 1) / USEC_PER_SEC));
        return login_message(q, MHD_HTTP_TOO_MANY_REQUESTS, l->typed, l->target, TEXT_LOGIN_WAIT, seconds);
}

static int login_new(Request *q, const char *typed, const char *target, Login **ret) {
        Login *l = calloc(1, sizeof(*l));
        const User *u;

        if (!l)
                return -ENOMEM;
        q->data = l;
        q->data_free = login_free;
        user_name_from_typed(typed, l->name);
        l->typed = strdup(typed);
        l->target = strdup(target_or_root(target));
        u = user_find(&q->manager->users, l->name);
        if (u)
                l->hash = strdup(u->hash);
        if (!l->typed || !l->target || (u && !l->hash))
                return -ENOMEM;
        l->near = q->lan || (!q->relayed && manager_knows_address(q->manager, l->name, &q->address));
        if (!device_is_known(q->manager->form_key, q->host, l->name, l->hash,
                             request_cookie(q, REQUEST_DEVICE_COOKIE), l->device))
                l->device[0] = '\0';
        *ret = l;
        return 0;
}

static int login_try(Request *q, const char *typed, const char *password, const char *target) {
        Manager *m = q->manager;
        uint64_t now = clock_usec(CLOCK_MONOTONIC), wait;
        Login *l;
        int r;

        r = login_new(q, typed, target, &l);
        if (r < 0)
                return r;
        const ThrottleTry try = login_throttle_try(q, l);
        wait = throttle_wait_usec(&m->throttle, &try, now);
        if (wait > 0)
                return login_throttled(q, l, wait);
        r = hash_verify(m->hashes, try.device ? HASH_KNOWN : HASH_STRANGER, password, l->hash, on_hash, q);
        if (r == -EAGAIN) {
                m->counts.busy++;
                return login_message(q, MHD_HTTP_SERVICE_UNAVAILABLE, l->typed, l->target, TEXT_LOGIN_BUSY,
                                     BUSY_SECONDS);
        }
        if (r < 0)
                return r;
        request_wait(q, login_resumed);
        /* Counted before the answer is known, so that many tries at once count too. */
        r = throttle_charge(&m->throttle, &try, now);
        if (r < 0)
                (void) log_warning_errno(r, "Could not count a login: %m");
        return 0;
}

static bool login_form_fits(const Request *q, const Form *f) {
        return token_seal_fits(q->manager->form_key, PURPOSE, q->host,
                               request_cookie(q, REQUEST_FORM_COOKIE), form_get(f, "token"));
}

/* A session's cookie proves as much as the form's: no other site's form brings it (SameSite=Lax). */
int login_post(Request *q) {
        const char *type = request_header(q, "Content-Type"), *user, *password, *target;
        const char *rest = type ? startswith(type, FORM_TYPE) : NULL;
        Form f;

        if (!rest || (*rest && *rest != ';' && *rest != ' '))
                return request_error(q, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE);
        if (!q->body || form_parse(q->body, q->body_size, &f) < 0)
                return request_error(q, MHD_HTTP_BAD_REQUEST);
        user = form_get(&f, "user");
        password = form_get(&f, "password");
        target = form_get(&f, "return");
        if (!user || !password)
                return request_error(q, MHD_HTTP_BAD_REQUEST);
        if (!request_is_own(q, request_session(q) || login_form_fits(q, &f)))
                return login_message(q, MHD_HTTP_FORBIDDEN, user, target, TEXT_LOGIN_AGAIN,
                                     /* retry= */ NULL);
        return login_try(q, user, password, target);
}
