/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert export: an act of root's, and then hagw-export.timer's, which runs while there are exports. */

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "hagw-ctl/cert.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/exports.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/run.h"
#include "hagw-ctl/verbs.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

#define TIMER "hagw-export.timer"
#define KEY_MODE 0600U

/* What every export needs of the daemons. Told. */
typedef struct Source {
        sd_json_variant *certificates, *keyd;
} Source;

static void source_done(Source *s) {
        sd_json_variant_unref(s->certificates);
        sd_json_variant_unref(s->keyd);
}

static int source_ask(Source *ret) {
        int r;

        r = client_call("io.hagw.Acme.Watch", NULL, &ret->certificates);
        if (r < 0)
                return r;
        for (const DaemonRow *d = daemon_rows; d->name; d++)
                if (streq(d->interface, "io.hagw.Key")) {
                        _cleanup_free_ char *reason = NULL;

                        r = client_describe(d, &ret->keyd, &reason);
                        if (r < 0)
                                log_error("%s", strempty(reason));
                }
        if (r >= 0 && !field_text(ret->keyd, "stateDirectory")) {
                log_error("hagw-keyd does not say where its keys are.");
                return -EREMOTEIO;
        }
        return r;
}

/* The timer runs while there is something for it. */
static void set_timer(bool wanted) {
        const char *const argv[] = { "systemctl", "--quiet", wanted ? "start" : "stop", TIMER, NULL };

        if (!system_is_booted()) {
                if (wanted)
                        log_warning("systemd does not run here: have \"hagw-ctl cert export --renewed\" "
                                    "called every ten minutes, or the next certificate is not exported.");
        } else if (run_program(argv, /* quiet= */ false) != 0)
                log_warning(TIMER " could not be %s.", wanted ? "started" : "stopped");
}

static int renew_one(const Source *s, sd_json_variant **array, const Export *before, bool *failed) {
        _cleanup_free_ char *error = NULL;
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        Export e = *before;
        char chain[65];
        int r;

        r = export_run(&e, s->certificates, field_text(s->keyd, "stateDirectory"), /* always= */ false,
                       chain, &error);
        if (r == 0 || (r < 0 && !error))
                return r;
        e.error = error;
        if (error) {
                *failed = true;
                e.failing_usec = before->error ? before->failing_usec : now;
                log_error("%s, to %s: %s.", e.certificate, e.directory, error);
        } else {
                e.chain = chain;
                e.exported_usec = now;
                output("%s is exported to %s.\n", e.certificate, e.directory);
        }
        return exports_replace(array, e.directory, &e);
}

static int renew(void) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL, *new = NULL;
        _cleanup_exports_ int lock = -EBADF;
        _cleanup_(source_done) Source s = {};
        bool failed = false;
        int r;

        r = lock = exports_lock(&array);
        if (r >= 0)
                r = sd_json_variant_elements(array) > 0 ? source_ask(&s) : 0;
        if (r < 0)
                return r;
        new = sd_json_variant_ref(array);
        for (size_t i = 0; i < sd_json_variant_elements(array); i++) {
                Export e;

                export_read(sd_json_variant_by_index(array, i), &e);
                r = renew_one(&s, &new, &e, &failed);
                if (r < 0)
                        return log_error_errno(r, "%s could not be exported: %m", e.certificate);
        }
        r = new == array ? 0 : exports_write(new);
        if (r < 0)
                return log_error_errno(r, "The list of exports could not be written: %m");
        return failed ? CTL_FAILED : CTL_OK;
}

static int stop(const Call *call, const char *directory) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        _cleanup_exports_ int lock = -EBADF;
        int r;

        r = lock = exports_lock(&array);
        if (r < 0)
                return r;
        r = exports_replace(&array, directory, NULL);
        if (r == 0) {
                log_error("Nothing is exported to %s; hagw-ctl cert list shows what is.", directory);
                return CTL_FAILED;
        }
        if (r >= 0)
                r = exports_write(array);
        if (r < 0)
                return log_error_errno(r, "The list of exports could not be written: %m");
        if (sd_json_variant_elements(array) == 0)
                set_timer(false);
        return output_change(call->json, directory, "stopped",
                             "Nothing new is exported to %s. What is there stays: remove it yourself.\n",
                             directory);
}

/* -EINVAL: told. */
static int parse_mode(const char *text, uint64_t *ret) {
        char *end;
        unsigned long v = text ? strtoul(text, &end, 8) : KEY_MODE;

        if (text && (!*text || *end || v > 0777 || !(v & S_IRUSR) || (v & (S_IRWXO | S_IWGRP | 0111)))) {
                log_error("--mode=%s: expected 0600, 0400, 0640 or 0440; others never read a key.", text);
                return -EINVAL;
        }
        *ret = v;
        return 0;
}

static bool folder_is_taken(sd_json_variant *array, const Export *e) {
        for (size_t i = 0; i < sd_json_variant_elements(array); i++) {
                Export other;

                export_read(sd_json_variant_by_index(array, i), &other);
                if (!streq(other.directory, e->directory) || streq(other.certificate, e->certificate))
                        continue;
                log_error("%s is exported to %s already; each has a folder of its own.", other.certificate,
                          other.directory);
                return true;
        }
        return false;
}

static bool is_listed(sd_json_variant *array, const char *directory) {
        for (size_t i = 0; i < sd_json_variant_elements(array); i++) {
                Export e;

                export_read(sd_json_variant_by_index(array, i), &e);
                if (streq(e.directory, directory))
                        return true;
        }
        return false;
}

static int add(const Call *call, Export *e) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        _cleanup_exports_ int lock = -EBADF;
        _cleanup_(source_done) Source s = {};
        _cleanup_free_ char *error = NULL;
        char chain[65];
        int r;

        r = lock = exports_lock(&array);
        if (r >= 0)
                r = source_ask(&s);
        if (r < 0)
                return r;
        if (folder_is_taken(array, e))
                return CTL_FAILED;
        r = export_run(e, s.certificates, field_text(s.keyd, "stateDirectory"), /* always= */ true, chain,
                       &error);
        if (r < 0) {
                log_error("%s was not exported to %s: %s. %s", e->certificate, e->directory,
                          error ?: strerror(-r),
                          is_listed(array, e->directory) ?
                                  "The export there was before goes on at renewals, as hagw-ctl cert list "
                                  "shows it." :
                                  "It is not exported at renewals either.");
                return CTL_FAILED;
        }
        e->chain = chain;
        e->exported_usec = clock_usec(CLOCK_REALTIME);
        r = exports_replace(&array, e->directory, e);
        if (r >= 0 && sd_json_variant_elements(array) > EXPORTS_MAX) {
                log_error("There are %u exports already; end one with --stop first.", EXPORTS_MAX);
                return CTL_FAILED;
        }
        if (r >= 0)
                r = exports_write(array);
        if (r < 0)
                return log_error_errno(r, "The list of exports could not be written: %m");
        set_timer(true);
        return output_change(call->json, e->certificate, "exported",
                             "%s is in %s as " EXPORT_CHAIN_FILE " and " EXPORT_KEY_FILE
                             ", and will be after each renewal.\n",
                             e->certificate, e->directory);
}

int verb_cert_export(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *c = NULL;
        const char *to = call_option(call, "to");
        char directory[PATH_MAX];
        Export e = { .command = call_option(call, "exec"), .owner = call_option(call, "owner") };
        int r;

        if (call_option(call, "renewed"))
                return renew();
        if (!to || (call->n_arguments == 0 && !call_option(call, "stop"))) {
                log_error("Give a certificate, and the folder to export it to with --to=DIR.");
                return CTL_USAGE;
        }
        if (!realpath(to, directory)) {
                if (!call_option(call, "stop"))
                        return log_error_errno(errno, "%s: %m", to);
                (void) snprintf(directory, sizeof(directory), "%s", to); /* it is gone */
        }
        if (call_option(call, "stop"))
                return stop(call, directory);
        if (e.command && (!*e.command || strlen(e.command) > EXPORT_COMMAND_MAX)) {
                log_error("--exec: expected a command of at most %u characters.", EXPORT_COMMAND_MAX);
                return CTL_USAGE;
        }
        if (parse_mode(call_option(call, "mode"), &e.mode) < 0)
                return CTL_USAGE;
        r = cert_find(call->arguments[0], &c);
        if (r < 0)
                return r;
        e.certificate = field_text(c, "name");
        e.directory = directory;
        return add(call, &e);
}

void exports_print(sd_json_variant *array) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        char when[TIME_TEXT_MAX];

        if (sd_json_variant_elements(array) > 0)
                output("\n");
        for (size_t i = 0; i < sd_json_variant_elements(array); i++) {
                Export e;

                export_read(sd_json_variant_by_index(array, i), &e);
                output_tone(e.error ? TONE_BAD : TONE_PLAIN,
                            "%s is exported with its key to %s (%s)%s%s%s%s\n",
                            e.certificate, e.directory, format_when(e.exported_usec, now, when),
                            e.command ? ", then: " : "", strempty(e.command),
                            e.error ? "; last try: " : "", strempty(e.error));
        }
}
