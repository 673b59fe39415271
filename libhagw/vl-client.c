/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The client side of varlink: a blocking call, a call on the loop, and a subscription that comes back by
 * itself. Each object belongs to the thread whose loop it is on. */

#include <stdio.h>
#include <time.h>

#include "libhagw/vl-limit.h"
#include "libhagw/vl.h"

#define WATCH_BACKOFF_MIN_USEC (100 * USEC_PER_MSEC)
#define WATCH_BACKOFF_MAX_USEC (5 * USEC_PER_SEC)

const char *vl_folder(void) { return secure_getenv("HAGW_RUNTIME_DIR") ?: "/run/hagw"; }

int vl_connect(sd_varlink **ret, const char *interface, uint64_t timeout_usec) {
        _cleanup_(sd_varlink_unrefp) sd_varlink *link = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        if (asprintf(&path, "%s/%s", vl_folder(), interface) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = sd_varlink_connect_address(&link, path);
        if (r < 0)
                return r;
        r = sd_varlink_set_relative_timeout(link, timeout_usec);
        if (r >= 0)
                r = vl_limit_add_answers(link);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(link);
        return 0;
}

typedef struct Call {
        sd_json_variant *reply;
        char *error;
        bool done;
        int result;
} Call;

static void call_done(Call *c) {
        sd_json_variant_unref(c->reply);
        free(c->error);
}

static int call_on_reply(sd_varlink *link, sd_json_variant *parameters, const char *error_id,
                         sd_varlink_reply_flags_t flags, void *userdata) {
        Call *c = userdata;

        c->done = true;
        if (error_id && (flags & SD_VARLINK_REPLY_LOCAL)) {
                c->result = streq(error_id, SD_VARLINK_ERROR_TIMEOUT) ? -ETIME : -ECONNRESET;
                return 0;
        }
        c->reply = sd_json_variant_ref(parameters);
        c->error = error_id ? strdup(error_id) : NULL;
        if (error_id)
                c->result = c->error ? -EREMOTEIO : -ENOMEM;
        return 0;
}

/* sd_varlink_call() would leave no time for the tick. */
static int call_run(sd_varlink *link, Call *c, const char *method, sd_json_variant *parameters,
                    VlTick tick) {
        int r;

        (void) sd_varlink_set_userdata(link, c);
        r = sd_varlink_bind_reply(link, call_on_reply);
        if (r >= 0)
                r = sd_varlink_invoke(link, method, parameters);
        while (r >= 0 && !c->done) {
                r = sd_varlink_process(link);
                if (r != 0)
                        continue;
                r = sd_varlink_wait(link, tick ? VL_TICK_USEC : USEC_INFINITY);
                if (tick)
                        tick();
        }
        (void) sd_varlink_bind_reply(link, NULL);
        return c->done ? c->result : r;
}

int vl_call(const char *interface, const char *method, sd_json_variant *parameters, uint64_t timeout_usec,
            VlTick tick, sd_json_variant **ret_reply, char **ret_error) {
        _cleanup_(sd_varlink_unrefp) sd_varlink *link = NULL;
        _cleanup_(call_done) Call c = {};
        int r;

        r = vl_connect(&link, interface, timeout_usec);
        if (r >= 0)
                r = call_run(link, &c, method, parameters, tick);
        if (ret_error)
                *ret_error = TAKE_PTR(c.error);
        if (ret_reply)
                *ret_reply = TAKE_PTR(c.reply);
        return r;
}

typedef struct More {
        VlMoreHandler handler;
        void *userdata;
        sd_json_variant *reply; /* an error's parameters */
        char *error;
        bool done;
        int result;
} More;

static int more_on_reply(sd_varlink *link, sd_json_variant *parameters, const char *error_id,
                         sd_varlink_reply_flags_t flags, void *userdata) {
        More *m = userdata;

        if (m->done)
                return 0;
        m->done = error_id || !(flags & SD_VARLINK_REPLY_CONTINUES);
        if (error_id) {
                m->reply = sd_json_variant_ref(parameters);
                m->error = strdup(error_id);
                m->result = m->error ? -EREMOTEIO : -ENOMEM;
                return 0;
        }
        m->result = m->handler(parameters, m->userdata);
        m->done = m->done || m->result < 0;
        return 0;
}

/* sd-varlink's own timeout would count from the call, and so the handler's time (a slow pipe). */
static int more_run(sd_varlink *link, More *m, const char *method, sd_json_variant *parameters,
                    uint64_t timeout_usec) {
        int r;

        (void) sd_varlink_set_userdata(link, m);
        r = sd_varlink_bind_reply(link, more_on_reply);
        if (r >= 0)
                r = sd_varlink_observe(link, method, parameters);
        while (r >= 0 && !m->done) {
                r = sd_varlink_process(link);
                if (r != 0)
                        continue;
                r = sd_varlink_wait(link, timeout_usec);
                if (r == 0)
                        r = -ETIME;
        }
        (void) sd_varlink_bind_reply(link, NULL);
        return m->done ? m->result : r;
}

int vl_call_more(const char *interface, const char *method, sd_json_variant *parameters,
                 uint64_t timeout_usec, VlMoreHandler handler, void *userdata, sd_json_variant **ret_reply,
                 char **ret_error) {
        _cleanup_(sd_varlink_unrefp) sd_varlink *link = NULL;
        More m = { .handler = handler, .userdata = userdata };
        int r;

        r = vl_connect(&link, interface, USEC_INFINITY);
        if (r >= 0)
                r = more_run(link, &m, method, parameters, timeout_usec);
        *ret_reply = m.reply;
        *ret_error = m.error;
        return r;
}

struct VlRequest {
        sd_varlink *link;
        sd_event_source *failed; /* tells of a connection that did not come about, from the loop */
        VlReplyHandler handler;
        void *userdata;
        bool dispatching;
};

VlRequest *vl_request_free(VlRequest *r) {
        if (!r || r->dispatching)
                return NULL;
        if (r->link) {
                (void) sd_varlink_set_userdata(r->link, NULL);
                (void) sd_varlink_bind_reply(r->link, NULL);
                sd_varlink_close_unref(r->link);
        }
        sd_event_source_disable_unref(r->failed);
        free(r);
        return NULL;
}

static void request_finish(VlRequest *r, sd_json_variant *reply, const char *error) {
        r->dispatching = true;
        r->handler(reply, error, r->userdata);
        r->dispatching = false;
        vl_request_free(r);
}

static int request_on_reply(sd_varlink *link, sd_json_variant *parameters, const char *error_id,
                            sd_varlink_reply_flags_t flags, void *userdata) {
        VlRequest *r = userdata;

        if (!r)
                return 0;
        if (error_id && (flags & SD_VARLINK_REPLY_LOCAL))
                error_id = VL_ERROR_UNREACHABLE;
        request_finish(r, parameters, error_id);
        return 0;
}

static int request_on_failed(sd_event_source *s, void *userdata) {
        request_finish(userdata, NULL, VL_ERROR_UNREACHABLE);
        return 0;
}

static int request_start(VlRequest *q, sd_event *event, const char *interface, const char *method,
                         sd_json_variant *parameters, uint64_t timeout_usec) {
        int r;

        r = vl_connect(&q->link, interface, timeout_usec);
        if (r < 0)
                return r;
        (void) sd_varlink_set_userdata(q->link, q);
        r = sd_varlink_bind_reply(q->link, request_on_reply);
        if (r < 0)
                return r;
        r = sd_varlink_attach_event(q->link, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        return sd_varlink_invoke(q->link, method, parameters);
}

int vl_request(sd_event *event, const char *interface, const char *method, sd_json_variant *parameters,
               uint64_t timeout_usec, VlReplyHandler handler, void *userdata, VlRequest **ret) {
        VlRequest *q;
        int r;

        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        q->handler = handler;
        q->userdata = userdata;
        r = request_start(q, event, interface, method, parameters, timeout_usec);
        if (r < 0) {
                /* Told from the loop, so that the callback never runs inside this function. */
                r = sd_event_add_defer(event, &q->failed, request_on_failed, q);
                if (r < 0) {
                        vl_request_free(q);
                        return r;
                }
        }
        if (ret)
                *ret = q;
        return 0;
}

struct VlWatch {
        sd_event *event;
        sd_varlink *link;
        sd_event_source *retry;
        char *interface, *method;
        VlWatchHandler handler;
        void *userdata;
        uint64_t backoff_usec;
};

static int watch_connect(VlWatch *w);

static int watch_on_retry(sd_event_source *s, uint64_t usec, void *userdata) {
        VlWatch *w = userdata;
        int r;

        w->retry = sd_event_source_disable_unref(w->retry);
        r = watch_connect(w);
        return r == -ENOMEM ? r : 0;
}

static int watch_schedule(VlWatch *w) {
        uint64_t delay = w->backoff_usec;

        w->backoff_usec = MIN(w->backoff_usec * 2, WATCH_BACKOFF_MAX_USEC);
        w->retry = sd_event_source_disable_unref(w->retry);
        return sd_event_add_time_relative(w->event, &w->retry, CLOCK_MONOTONIC, delay, delay / 4,
                                          watch_on_retry, w);
}

static int watch_on_reply(sd_varlink *link, sd_json_variant *parameters, const char *error_id,
                          sd_varlink_reply_flags_t flags, void *userdata) {
        VlWatch *w = userdata;

        if (!w)
                return 0;
        if (!error_id) {
                w->backoff_usec = WATCH_BACKOFF_MIN_USEC;
                w->handler(parameters, w->userdata);
                if (flags & SD_VARLINK_REPLY_CONTINUES)
                        return 0;
        }
        /* Lost, refused, or ended by the other side: start over. The link is still being dispatched; unref
         * is safe. */
        (void) sd_varlink_set_userdata(link, NULL);
        w->link = sd_varlink_close_unref(w->link);
        w->handler(NULL, w->userdata);
        return watch_schedule(w);
}

static int watch_connect(VlWatch *w) {
        int r;

        r = vl_connect(&w->link, w->interface, USEC_INFINITY);
        if (r < 0)
                return watch_schedule(w);
        (void) sd_varlink_set_userdata(w->link, w);
        r = sd_varlink_bind_reply(w->link, watch_on_reply);
        if (r >= 0)
                r = sd_varlink_attach_event(w->link, w->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_varlink_observe(w->link, w->method, NULL);
        if (r < 0) {
                w->link = sd_varlink_close_unref(w->link);
                return watch_schedule(w);
        }
        return 0;
}

int vl_watch_new(VlWatch **ret, sd_event *event, const char *interface, const char *method,
                 VlWatchHandler handler, void *userdata) {
        _cleanup_(vl_watch_freep) VlWatch *w = NULL;
        int r;

        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->event = sd_event_ref(event);
        w->handler = handler;
        w->userdata = userdata;
        w->backoff_usec = WATCH_BACKOFF_MIN_USEC;
        w->interface = strdup(interface);
        w->method = strdup(method);
        if (!w->interface || !w->method)
                return -ENOMEM;
        r = watch_connect(w);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

VlWatch *vl_watch_free(VlWatch *w) {
        if (!w)
                return NULL;
        if (w->link) {
                (void) sd_varlink_set_userdata(w->link, NULL);
                sd_varlink_close_unref(w->link);
        }
        sd_event_source_disable_unref(w->retry);
        sd_event_unref(w->event);
        free(w->interface);
        free(w->method);
        free(w);
        return NULL;
}
