/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Web.CheckSession. Main thread only. */

#include <stdio.h>

#include "hagw-proxyd/http/session.h"
#include "hagw-proxyd/main/weblink.h"
#include "hagw-proxyd/wire/policy.h"
#include "libhagw/crew/worker.h"
#include "libhagw/log.h"

void weblink_init(WebLink *w, sd_event *event) {
        *w = (WebLink) { .event = event };
        pipeline_init(&w->asked);
}

static void answer(SessionMessage *m, int error) {
        m->error = error;
        worker_send(m->worker, &m->message);
}

static SessionMessage *pop(WebLink *w) {
        return (SessionMessage *) pipeline_pop(&w->asked);
}

static void fail_all(WebLink *w, int error) {
        SessionMessage *m;

        while ((m = pop(w))) {
                w->n_failed++;
                answer(m, error);
        }
}

static void weblink_close(WebLink *w) {
        if (!w->link)
                return;
        (void) sd_varlink_set_userdata(w->link, NULL);
        w->link = sd_varlink_close_unref(w->link);
}

/* hagw-webd may have been restarted: so once, and by the queue, as within its callback the link takes no
 * call. */
static void ask_all_again(WebLink *w) {
        SessionMessage *m;

        while ((m = pop(w)))
                if (m->retried) {
                        w->n_failed++;
                        answer(m, -ECONNRESET);
                } else {
                        m->retried = true;
                        queue_push(m->worker->main_queue, &m->message);
                }
}

static int read_answer(SessionMessage *m, sd_json_variant *reply) {
        struct answer {
                const char *user, *session_id;
                uint64_t valid_usec;
                bool allowed;
        } a = {};
        static const sd_json_dispatch_field table[] = {
                { "user", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
                  offsetof(struct answer, user), SD_JSON_MANDATORY },
                { "sessionId", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
                  offsetof(struct answer, session_id), SD_JSON_MANDATORY },
                { "allowed", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool,
                  offsetof(struct answer, allowed), SD_JSON_MANDATORY },
                { "validUSec", _SD_JSON_VARIANT_TYPE_INVALID, sd_json_dispatch_uint64,
                  offsetof(struct answer, valid_usec), SD_JSON_MANDATORY },
                {},
        };
        int r;

        r = sd_json_dispatch(reply, table, SD_JSON_ALLOW_EXTENSIONS, &a);
        if (r < 0)
                return r;
        if (strlen(a.user) >= sizeof(m->user) || strlen(a.session_id) >= sizeof(m->session_id))
                return -EBADMSG;
        (void) snprintf(m->user, sizeof(m->user), "%s", a.user);
        (void) snprintf(m->session_id, sizeof(m->session_id), "%s", a.session_id);
        m->valid_usec = a.valid_usec;
        m->session = a.allowed ? POLICY_SESSION_ALLOWED : POLICY_SESSION_DENIED;
        return 0;
}

static int on_reply(sd_varlink *link, sd_json_variant *parameters, const char *error_id,
                    sd_varlink_reply_flags_t flags, void *userdata) {
        WebLink *w = userdata;
        SessionMessage *m;

        if (!w)
                return 0;
        if (error_id && (flags & SD_VARLINK_REPLY_LOCAL)) {
                weblink_close(w);
                if (streq(error_id, SD_VARLINK_ERROR_DISCONNECTED))
                        ask_all_again(w);
                else
                        fail_all(w, -ETIMEDOUT);
                return 0;
        }
        m = pop(w);
        if (pipeline_next(&w->asked)) /* within its callback the link takes no call */
                (void) sd_event_source_set_enabled(w->more, SD_EVENT_ONESHOT);
        if (!m)
                return 0;
        if (m->ask_again) {
                /* By the queue, for the same reason. */
                m->ask_again = false;
                queue_push(m->worker->main_queue, &m->message);
                return 0;
        }
        if (!error_id) {
                answer(m, read_answer(m, parameters));
                return 0;
        }
        m->session = POLICY_SESSION_NONE;
        answer(m, streq(error_id, "io.hagw.Web.NoSuchSession") ? 0 : -EREMOTEIO);
        return 0;
}

static int on_more(sd_event_source *source, void *userdata);

static int weblink_open(WebLink *w) {
        int r;

        if (w->link)
                return 0;
        if (!w->more) {
                r = sd_event_add_defer(w->event, &w->more, on_more, w);
                if (r < 0)
                        return r;
                (void) sd_event_source_set_enabled(w->more, SD_EVENT_OFF);
        }
        r = vl_connect(&w->link, "io.hagw.Web", WEBLINK_TIMEOUT_USEC);
        if (r < 0)
                return r;
        (void) sd_varlink_set_userdata(w->link, w);
        r = sd_varlink_bind_reply(w->link, on_reply);
        if (r >= 0)
                r = sd_varlink_attach_event(w->link, w->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                weblink_close(w);
        return r;
}

static int invoke(WebLink *w, const SessionMessage *m) {
        const char *kind = m->token ? "token" : "cookie";

        return sd_varlink_invokebo(w->link, "io.hagw.Web.CheckSession",
                                   SD_JSON_BUILD_PAIR("kind", SD_JSON_BUILD_STRING(kind)),
                                   SD_JSON_BUILD_PAIR("secret", SD_JSON_BUILD_STRING(m->secret)),
                                   SD_JSON_BUILD_PAIR("host", SD_JSON_BUILD_STRING(m->host)),
                                   SD_JSON_BUILD_PAIR("address", SD_JSON_BUILD_STRING(m->address)),
                                   SD_JSON_BUILD_PAIR_CONDITION(m->relayed, "relayed",
                                                                SD_JSON_BUILD_BOOLEAN(true)));
}

static void send_more(WebLink *w) {
        SessionMessage *m;
        int r;

        while (w->link && (m = (SessionMessage *) pipeline_next(&w->asked))) {
                r = invoke(w, m);
                if (r >= 0)
                        pipeline_sent(&w->asked);
                else {
                        weblink_close(w);
                        fail_all(w, r);
                }
        }
}

static int on_more(sd_event_source *source, void *userdata) {
        send_more(userdata);
        return 0;
}

void weblink_ask(WebLink *w, SessionMessage *m) {
        int r;

        w->n_asked++;
        r = w->asked.n >= WEBLINK_PENDING_MAX ? -EBUSY : weblink_open(w);
        if (r < 0) {
                w->n_failed++;
                answer(m, r);
                return;
        }
        pipeline_push(&w->asked, &m->message);
        send_more(w);
}

void weblink_ask_again(WebLink *w) {
        for (Message *m = w->asked.first; m != *w->asked.unsent; m = m->next)
                ((SessionMessage *) m)->ask_again = true;
}

void weblink_tell_used(WebLink *w, sd_json_variant *ids) {
        int r;

        r = weblink_open(w);
        if (r >= 0)
                r = sd_varlink_sendbo(w->link, "io.hagw.Web.NoteUse",
                                      SD_JSON_BUILD_PAIR("sessionIds", SD_JSON_BUILD_VARIANT(ids)));
        if (r < 0)
                (void) log_debug_errno(r, "Could not tell hagw-webd which sessions were used: %m");
}

void weblink_done(WebLink *w) {
        weblink_close(w);
        w->more = sd_event_source_disable_unref(w->more);
        fail_all(w, -ECANCELED);
}
