/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Waiting for certificates by io.hagw.Acme.Watch, telling what happens. */

#include <signal.h>
#include <stdio.h>

#include "hagw-ctl/certlimit.h"
#include "hagw-ctl/certwait.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/fault.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/terminal.h"
#include "hagw-ctl/waiting.h"
#include "libhagw/conf-value.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/usec.h"
#include "libhagw/vl.h"

#define TICK_USEC (250 * USEC_PER_MSEC)
#define TOLD_MAX 64U /* certificates whose progress is told */

/* How waiting ended. */
typedef enum End { END_VALID, END_TIMEOUT, END_INTERRUPTED } End;

/* What was told of a certificate. */
typedef struct Told {
        char *name, *error; /* the last one */
        bool waiting, ordering, valid;
} Told;

typedef struct Wait {
        sd_event *event;
        const char *name, *key_id;
        bool quiet;
        size_t pending;
        Told told[TOLD_MAX];
        size_t n_told;
        uint64_t before_usec; /* when the one ends that there is, where another one is waited for */
        uint64_t end_usec;    /* CLOCK_REALTIME */
        char what[HOSTNAME_MAX + sizeof("the certificate of *.")];
        size_t vain;          /* of those that are pending, which are not tried before the end */
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

static Told *find_told(Wait *w, const char *name) {
        size_t i = 0;

        while (i < w->n_told && !streq(w->told[i].name, name))
                i++;
        if (i < w->n_told)
                return &w->told[i];
        if (i == TOLD_MAX || !(w->told[i].name = strdup(name)))
                return NULL;
        return &w->told[w->n_told++];
}

static void say(const Wait *w, const char *name, const char *what, const char *more) {
        if (w->quiet)
                return;
        waiting_clear();
        output_paragraph("  ", "%s: %s%s", name, what, more);
        (void) fflush(stdout);
}

/* Each step once, however often it is tried. */
static void say_step(Wait *w, sd_json_variant *c, bool ordering) {
        const char *name = strempty(field_text(c, "name"));
        Told *t = find_told(w, name);
        bool *told = t ? (ordering ? &t->ordering : &t->waiting) : NULL;
        _cleanup_free_ char *limit = NULL;

        if (!told || *told)
                return;
        if (!ordering)
                (void) certlimit_text(c, clock_usec(CLOCK_REALTIME), &limit);
        say(w, name, ordering ? "the order is under way" : limit ?: "waiting for its turn", "");
        *told = true;
}

/* Whether it is news. */
static bool say_error(Wait *w, const char *name, const char *error) {
        Told *t = find_told(w, name);

        if (!t || streq_ptr(t->error, error))
                return false;
        free(t->error);
        t->error = strdup(error);
        say(w, name, "that did not work: ", error);
        return true;
}

static void say_valid(Wait *w, const char *name, uint64_t until_usec) {
        char when[TIME_TEXT_MAX];
        Told *t = find_told(w, name);

        if (t && !t->valid)
                say(w, name, "valid, ends ", format_when(until_usec, clock_usec(CLOCK_REALTIME), when));
        if (t)
                t->valid = true;
}

/* What was seen to fail while somebody waited, and when it is tried again. */
static void judge_next(Wait *w, sd_json_variant *c, bool news) {
        const uint64_t next = field_number(c, "nextUSec"), now = clock_usec(CLOCK_REALTIME);
        const Told *t = find_told(w, strempty(field_text(c, "name")));
        char when[TIME_TEXT_MAX];

        if (!t || !t->ordering || next <= now)
                return;
        if (next > w->end_usec)
                w->vain++;
        else if (news)
                say(w, t->name, "it is tried again ", format_when(next, now, when));
}

/* True where this certificate is what was waited for. */
static bool judge(Wait *w, sd_json_variant *c) {
        const char *name = strempty(field_text(c, "name")), *state = strempty(field_text(c, "state"));
        const char *error = field_text(c, "error");
        const bool ordering = field_bool(c, "ordering") || streq(state, "ordering");

        if (streq(state, "valid") && field_number(c, "notBeforeUSec") > 0 &&
            !(w->key_id && streq_ptr(field_text(c, "keyId"), w->key_id))) {
                say_valid(w, name, field_number(c, "notAfterUSec"));
                return true;
        }
        w->before_usec = streq(state, "valid") ? field_number(c, "notAfterUSec") : 0;
        /* While an order is under way, it is what kept the one before. */
        if (error && !ordering)
                judge_next(w, c, say_error(w, name, error));
        else
                say_step(w, c, ordering);
        return false;
}

static void on_certificates(sd_json_variant *message, void *userdata) {
        Wait *w = userdata;
        size_t n = field_count(message, "certificates"), seen = 0;

        if (!message)
                return; /* acmed was restarted; the watch comes back by itself */
        w->pending = w->vain = 0;
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
        if (seen > 0 && w->pending == w->vain)
                (void) sd_event_exit(w->event, w->vain > 0 ? END_TIMEOUT : END_VALID);
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        return sd_event_exit(sd_event_source_get_event(s), END_TIMEOUT);
}

/* In setup the rest is still to be told. */
static int on_interrupt(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        return sd_event_exit(sd_event_source_get_event(s), END_INTERRUPTED);
}

static int on_tick(sd_event_source *s, uint64_t usec, void *userdata) {
        waiting_tick();
        return sd_event_source_set_time_relative(s, TICK_USEC);
}

static void wait_done(Wait *w) {
        for (size_t i = 0; i < w->n_told; i++) {
                free(w->told[i].name);
                free(w->told[i].error);
        }
        sd_event_unref(w->event);
}

/* Shows that time goes by, where a terminal can. */
static int begin_ticks(Wait *w, uint64_t timeout_usec, sd_event_source **ret) {
        int r;

        if (w->name)
                (void) snprintf(w->what, sizeof(w->what), "the certificate of %s", w->name);
        /* Of all of them the caller has said it, in a line of its own. */
        waiting_begin(w->name ? w->what : "the certificates", timeout_usec,
                      w->quiet || (!w->name && terminal_columns(STDOUT_FILENO) == 0));
        r = sd_event_add_time_relative(w->event, ret, CLOCK_MONOTONIC, TICK_USEC, /* accuracy= */ 0, on_tick,
                                       w);
        return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_ON);
}

/* Their names; and their errors, where nobody has read them yet. */
static int list_missing(const Wait *w, char **ret) {
        char *text = NULL;
        size_t size, n = 0;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < w->n_told; i++) {
                const Told *t = &w->told[i];
                const char *error = w->quiet ? t->error : NULL;

                if (!t->valid)
                        fprintf(f, "%s%s%s%s%s", n++ > 0 ? ", " : "", t->name, error ? " (" : "",
                                strempty(error), error ? ")" : "");
        }
        if (fclose(f) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}

/* Who holds the keys and who orders write before they go on: a disk that is full is told with its file. */
static void say_faults(void) {
        for (const DaemonRow *d = daemon_rows; d->name; d++)
                if (streq(d->interface, "io.hagw.Key") || streq(d->interface, "io.hagw.Acme")) {
                        _cleanup_free_ char *fault = fault_text(d);

                        if (fault)
                                log_error("%s could not write %s.", d->name, fault);
                }
}

static int say_missing(const Wait *w) {
        _cleanup_free_ char *names = NULL;
        char when[TIME_TEXT_MAX];
        int r;

        r = list_missing(w, &names);
        if (r < 0)
                return r;
        say_faults();
        if (w->name && w->before_usec > 0)
                log_error("There is no new certificate yet: %s. The one before is good until it ends %s.",
                          *names ? names : w->name,
                          format_when(w->before_usec, clock_usec(CLOCK_REALTIME), when));
        else
                log_error("There is no certificate yet: %s.",
                          *names ? names : w->name ?: "nothing is known");
        log_error("hagw-acmed goes on trying by itself; hagw-ctl cert list shows when, and what keeps it.");
        return 0;
}

static int certwait(const char *name, const char *key_id, uint64_t timeout_usec, bool quiet) {
        static const char later[] = "hagw-acmed goes on by itself; hagw-ctl cert list shows how it gets on.";
        _cleanup_(wait_done) Wait w = {
                .name = name, .key_id = key_id, .quiet = quiet,
                .end_usec = clock_usec(CLOCK_REALTIME) + timeout_usec,
        };
        _cleanup_(sd_event_source_unrefp) sd_event_source *ticks = NULL, *interrupt = NULL;
        _cleanup_(vl_watch_freep) VlWatch *watch = NULL;
        int r;

        output_on_interrupt(later);
        r = sd_event_new(&w.event);
        if (r >= 0)
                r = sd_event_add_time_relative(w.event, NULL, CLOCK_MONOTONIC, timeout_usec,
                                               /* accuracy= */ 0, on_timeout, NULL);
        if (r >= 0 && !name)
                r = sd_event_add_signal(w.event, &interrupt, SIGINT | SD_EVENT_SIGNAL_PROCMASK, on_interrupt,
                                        NULL);
        if (r >= 0)
                r = begin_ticks(&w, timeout_usec, &ticks);
        if (r >= 0)
                r = vl_watch_new(&watch, w.event, "io.hagw.Acme", "io.hagw.Acme.Watch", on_certificates, &w);
        if (r >= 0)
                r = sd_event_loop(w.event);
        waiting_end();
        output_on_interrupt(NULL);
        if (r < 0)
                return log_error_errno(r, "The certificates could not be followed: %m");
        if (r == END_INTERRUPTED && !quiet) {
                output("\n");
                output_paragraph("", "%s", later);
        }
        return r == END_VALID            ? CTL_OK :
               r == END_INTERRUPTED      ? -EINTR :
               say_missing(&w) < 0       ? log_oom() :
                                           CTL_FAILED;
}

int certwait_all(uint64_t timeout_usec, bool quiet) {
        return certwait(/* name= */ NULL, /* key_id= */ NULL, timeout_usec, quiet);
}

int certwait_other(const char *name, const char *key_id, uint64_t timeout_usec, bool quiet) {
        return certwait(name, key_id, timeout_usec, quiet);
}
