/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls of workers on their way through the main thread. Main thread only. JSON crosses the threads as text:
 * sd-json's objects count their references without locks. */

#include "libhagw/crew/calllink.h"
#include "libhagw/crew/worker.h"

void call_link_init(CallLink *l, sd_event *event, const char *interface) {
        *l = (CallLink) { .event = event, .interface = interface };
        pipeline_init(&l->asked);
}

/* error: a varlink error id; reply: its parameters, or the answer's. Either may be NULL. */
static void answer(CallMessage *m, const char *error, sd_json_variant *reply) {
        if (reply && sd_json_variant_format(reply, /* flags= */ 0, &m->reply) < 0)
                m->reply = NULL;
        if (error || !m->reply) {
                m->error = strdup(error ?: VL_ERROR_UNREACHABLE);
                m->failed = true;
        }
        worker_send(m->worker, &m->message);
}

static CallMessage *pop(CallLink *l) {
        return (CallMessage *) pipeline_pop(&l->asked);
}

static void fail_all(CallLink *l) {
        CallMessage *m;

        while ((m = pop(l)))
                answer(m, VL_ERROR_UNREACHABLE, NULL);
}

static void close_link(CallLink *l) {
        if (!l->link)
                return;
        (void) sd_varlink_set_userdata(l->link, NULL);
        l->link = sd_varlink_close_unref(l->link);
}

static int on_reply(sd_varlink *link, sd_json_variant *parameters, const char *error_id,
                    sd_varlink_reply_flags_t flags, void *userdata) {
        CallLink *l = userdata;
        CallMessage *m;

        if (!l)
                return 0;
        if (error_id && (flags & SD_VARLINK_REPLY_LOCAL)) {
                close_link(l);
                fail_all(l);
                return 0;
        }
        m = pop(l);
        if (m)
                answer(m, error_id, parameters);
        if (pipeline_next(&l->asked)) /* within its callback the link takes no call */
                (void) sd_event_source_set_enabled(l->more, SD_EVENT_ONESHOT);
        return 0;
}

static int on_more(sd_event_source *source, void *userdata);

static int open_link(CallLink *l) {
        int r;

        if (l->link)
                return 0;
        if (!l->more) {
                r = sd_event_add_defer(l->event, &l->more, on_more, l);
                if (r < 0)
                        return r;
                (void) sd_event_source_set_enabled(l->more, SD_EVENT_OFF);
        }
        r = vl_connect(&l->link, l->interface, CALL_LINK_TIMEOUT_USEC);
        if (r < 0)
                return r;
        (void) sd_varlink_set_userdata(l->link, l);
        r = sd_varlink_bind_reply(l->link, on_reply);
        /* Ahead of what is watched: an answer must not come after news that are younger than it, such as of
         * a token that was good when hagw-tenantd answered, and was revoked then. */
        if (r >= 0)
                r = sd_varlink_attach_event(l->link, l->event, SD_EVENT_PRIORITY_NORMAL - 1);
        if (r < 0)
                close_link(l);
        return r;
}

static int invoke(CallLink *l, const CallMessage *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        int r;

        r = sd_json_parse(m->parameters, /* flags= */ 0, &parameters, NULL, NULL);
        return r < 0 ? r : sd_varlink_invoke(l->link, m->method, parameters);
}

static void send_more(CallLink *l) {
        CallMessage *m;

        while (l->link && (m = (CallMessage *) pipeline_next(&l->asked))) {
                if (invoke(l, m) >= 0)
                        pipeline_sent(&l->asked);
                else {
                        close_link(l);
                        fail_all(l);
                }
        }
}

static int on_more(sd_event_source *source, void *userdata) {
        send_more(userdata);
        return 0;
}

void call_link_ask(CallLink *l, CallMessage *m) {
        if (l->asked.n >= CALL_LINK_PENDING_MAX || !m->parameters || open_link(l) < 0) {
                answer(m, VL_ERROR_UNREACHABLE, NULL);
                return;
        }
        pipeline_push(&l->asked, &m->message);
        send_more(l);
}

void call_link_done(CallLink *l) {
        /* What needs no answer may still arrive. */
        for (Message *m; l->link && (m = *l->asked.unsent); pipeline_sent(&l->asked))
                if (invoke(l, (CallMessage *) m) < 0)
                        break;
        if (l->link)
                (void) sd_varlink_flush(l->link);
        close_link(l);
        l->more = sd_event_source_disable_unref(l->more);
        fail_all(l);
}
