/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Waiting for certificates by io.hagw.Acme.Watch, telling what happens. */

#include <stdio.h>

#include "hagw-ctl/certwait.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/terminal.h"
#include "hagw-ctl/waiting.h"
#include "libhagw/conf-value.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"
#include "libhagw/vl.h"

#define TICK_USEC (250 * USEC_PER_MSEC)
#define TOLD_MAX 64U /* certificates whose progress is told */

typedef struct Wait {
        sd_event *event;
        const char *name, *key_id;
        uint64_t after_usec;
        bool quiet;
        size_t pending;
        /* What was last told of each certificate, so that each thing is told once. */
        struct {
                char *name, *said;
        } told[TOLD_MAX];
        size_t n_told;
        char *error; /* the last one seen */
} Wait;

int certwait_retry(void) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        r = client_try("io.hagw.Acme.Retry", NULL, &reply, &reason);
        return r == -ENOMEM ? log_oom() : 0;
}

int certwait_parse_option(const Call *call, uint64_t *ret_usec) {
        const char *text = call_option(call, "wait");

        *ret_usec = CERTWAIT_DEFAULT_USEC;
        if (text && conf_parse_usec(text, ret_usec) < 0) {
                log_error("--wait=%s: expected a duration such as 90 or 5min.", text);
                return -EINVAL;
        }
        return 0;
}

static void say(Wait *w, const char *name, const char *text) {
        size_t i = 0;

        while (i < w->n_told && !streq(w->told[i].name, name))
                i++;
        if (i == TOLD_MAX || (i < w->n_told && streq_ptr(w->told[i].said, text)))
                return;
        if (i == w->n_told) {
                w->told[i].name = strdup(name);
                if (!w->told[i].name)
                        return;
                w->n_told++;
        }
        free(w->told[i].said);
        w->told[i].said = strdup(text);
        waiting_clear();
        if (!w->quiet)
                output("  %s: %s\n", name, text);
        (void) fflush(stdout);
}

/* True where this certificate is what was waited for. */
static bool judge(Wait *w, sd_json_variant *c) {
        const char *name = strempty(field_text(c, "name")), *state = strempty(field_text(c, "state"));
        const char *error = field_text(c, "error");
        const bool ordering = field_bool(c, "ordering") || streq(state, "ordering");
        char text[512], when[TIME_TEXT_MAX];

        if (streq(state, "valid") && field_number(c, "notBeforeUSec") > w->after_usec &&
            !(w->key_id && streq_ptr(field_text(c, "keyId"), w->key_id))) {
                (void) snprintf(text, sizeof(text), "valid, ends %s",
                                format_when(field_number(c, "notAfterUSec"), clock_usec(CLOCK_REALTIME),
                                            when));
                say(w, name, text);
                return true;
        }
        /* While an order is under way, it is what kept the one before. */
        if (error && !ordering) {
                free(w->error);
                w->error = strdup(error);
                (void) snprintf(text, sizeof(text), "that did not work: %s", error);
                say(w, name, text);
        } else
                say(w, name, ordering ? "the order is under way" : "waiting for its turn");
        return false;
}

static void on_certificates(sd_json_variant *message, void *userdata) {
        Wait *w = userdata;
        size_t n = field_count(message, "certificates"), seen = 0;

        if (!message)
                return; /* acmed was restarted; the watch comes back by itself */
        w->pending = 0;
        for (size_t i = 0; i < n; i++) {
                sd_json_variant *c = field_element(message, "certificates", i);

                if (w->name && !streq(strempty(field_text(c, "name")), w->name))
                        continue;
                /* Of a host that is gone, or from before another relay: nobody waits for it. */
                if (!w->name && !field_bool(c, "wanted"))
                        continue;
                seen++;
                w->pending += !judge(w, c);
        }
        if (seen > 0 && w->pending == 0)
                (void) sd_event_exit(w->event, 0);
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        return sd_event_exit(sd_event_source_get_event(s), 1);
}

static int on_tick(sd_event_source *s, uint64_t usec, void *userdata) {
        waiting_tick();
        return sd_event_source_set_time_relative(s, TICK_USEC);
}

static void wait_done(Wait *w) {
        for (size_t i = 0; i < w->n_told; i++) {
                free(w->told[i].name);
                free(w->told[i].said);
        }
        free(w->error);
        sd_event_unref(w->event);
}

/* Shows that time goes by, where a terminal can. */
static int begin_ticks(Wait *w, uint64_t timeout_usec, sd_event_source **ret) {
        int r;

        waiting_begin(w->name ?: "the certificates", timeout_usec, w->quiet || terminal_columns() == 0);
        r = sd_event_add_time_relative(w->event, ret, CLOCK_MONOTONIC, TICK_USEC, /* accuracy= */ 0, on_tick,
                                       w);
        return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_ON);
}

static int certwait_full(const char *name, const char *key_id, uint64_t after_usec, uint64_t timeout_usec,
                         bool quiet) {
        _cleanup_(wait_done) Wait w = {
                .name = name, .key_id = key_id, .after_usec = after_usec, .quiet = quiet
        };
        _cleanup_(sd_event_source_unrefp) sd_event_source *ticks = NULL;
        _cleanup_(vl_watch_freep) VlWatch *watch = NULL;
        int r;

        terminal_on_interrupt("hagw-acmed goes on by itself; hagw-ctl cert list shows how it gets on.");
        r = sd_event_new(&w.event);
        if (r >= 0)
                r = sd_event_add_time_relative(w.event, NULL, CLOCK_MONOTONIC, timeout_usec,
                                               /* accuracy= */ 0, on_timeout, NULL);
        if (r >= 0)
                r = begin_ticks(&w, timeout_usec, &ticks);
        if (r >= 0)
                r = vl_watch_new(&watch, w.event, "io.hagw.Acme", "io.hagw.Acme.Watch", on_certificates, &w);
        if (r >= 0)
                r = sd_event_loop(w.event);
        waiting_end();
        terminal_on_interrupt(NULL);
        if (r < 0)
                return log_error_errno(r, "The certificates could not be followed: %m");
        if (r == 0)
                return CTL_OK;
        log_error("%s is not there yet%s%s. hagw-acmed goes on trying; hagw-ctl cert list shows how "
                  "it gets on.",
                  name ?: "A certificate", w.error ? ": " : "", strempty(w.error));
        return CTL_FAILED;
}

int certwait(const char *name, uint64_t after_usec, uint64_t timeout_usec, bool quiet) {
        return certwait_full(name, /* key_id= */ NULL, after_usec, timeout_usec, quiet);
}

int certwait_other(const char *name, const char *key_id, uint64_t timeout_usec, bool quiet) {
        return certwait_full(name, key_id, /* after_usec= */ 0, timeout_usec, quiet);
}
