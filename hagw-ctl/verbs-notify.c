/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Telling people. Root gathers what status finds, into a file; hagw-notify, which talks to strangers, gets
 * no more than that. */

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/notify.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/run.h"
#include "hagw-ctl/status.h"
#include "hagw-ctl/unset.h"
#include "libhagw/conf-kept.h"
#include "libhagw/log.h"
#include "libhagw/state.h"
#include "libhagw/usec.h"
#include "libhagw/vl.h"

#define FINDINGS_FILE "findings.json" /* hagw-notify.service names it, too */
#define TEST_FILE "notify-test"       /* when it was asked for */
#define TOLD_FILE "told.json"
#define NOTIFY_UNIT "hagw-notify.service"
#define TEST_TRIES 3U /* a run may be under way that did not see the wish */

static int runtime_path(const char *name, char out[static PATH_MAX]) {
        return (size_t) snprintf(out, PATH_MAX, "%s/%s", vl_folder(), name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

const char *notify_folder(void) {
        return secure_getenv("HAGW_NOTIFY_DIR") ?: "/var/lib/hagw-notify";
}

int notify_read_told(sd_json_variant **ret) {
        char path[PATH_MAX];
        int r;

        *ret = NULL;
        if ((size_t) snprintf(path, sizeof(path), "%s/" TOLD_FILE, notify_folder()) >= sizeof(path))
                return 0;
        r = state_read_json(AT_FDCWD, path, ret);
        return r == -ENOMEM ? r : 0;
}

sd_json_variant *notify_find_target(sd_json_variant *told, const char *name) {
        for (size_t i = 0; i < field_count(told, "targets"); i++)
                if (streq(strempty(field_text(field_element(told, "targets", i), "target")), name))
                        return field_element(told, "targets", i);
        return NULL;
}

/* Also where the files are broken: that is something to be told. */
static int load_any(const char *dir, Config **ret) {
        _cleanup_free_ char *error = NULL;
        ConfKept kept = {};
        int r;

        r = config_load(dir, ret, &error);
        if (r < 0 && r != -ENOMEM)
                r = config_load_kept(dir, config_kept_dir(dir), ret, &kept);
        config_kept_done(&kept);
        return r;
}

/* When a test was asked for; 0: it was not. */
static uint64_t read_test(void) {
        _cleanup_free_ char *text = NULL;
        char path[PATH_MAX];

        if (runtime_path(TEST_FILE, path) < 0 || state_read(AT_FDCWD, path, &text, NULL) < 0)
                return 0;
        return strtoull(text, NULL, 10);
}

static int write_private(const char *path, sd_json_variant *v) {
        const struct group *g = geteuid() == 0 ? getgrnam("hagw-notify") : NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        r = sd_json_variant_format(v, SD_JSON_FORMAT_NEWLINE, &text);
        if (r < 0)
                return r;
        return g ? state_write_for_group(AT_FDCWD, path, text, strlen(text), 0640, g->gr_gid) :
                   state_write(AT_FDCWD, path, text, strlen(text), 0600);
}

static int write_findings(const Status *s, char **targets) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL, *list = NULL;
        const uint64_t test_usec = read_test();
        char path[PATH_MAX], host[HOST_NAME_MAX + 1] = "this house";
        int r;

        (void) gethostname(host, sizeof(host) - 1);
        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t i = 0; r >= 0 && i < sd_json_variant_elements(s->problems); i++)
                r = sd_json_variant_append_arraybo(
                        &list,
                        SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_VARIANT(
                                                         sd_json_variant_by_index(s->problem_names, i))),
                        SD_JSON_BUILD_PAIR("text",
                                           SD_JSON_BUILD_VARIANT(sd_json_variant_by_index(s->problems, i))));
        if (r >= 0)
                r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("host", SD_JSON_BUILD_STRING(host)),
                                   SD_JSON_BUILD_PAIR("targets", SD_JSON_BUILD_STRV(targets)),
                                   SD_JSON_BUILD_PAIR("findings", SD_JSON_BUILD_VARIANT(list)),
                                   SD_JSON_BUILD_PAIR_CONDITION(test_usec > 0, "testUSec",
                                                                SD_JSON_BUILD_UNSIGNED(test_usec)));
        if (r >= 0)
                r = runtime_path(FINDINGS_FILE, path);
        if (r >= 0)
                r = write_private(path, v);
        if (r < 0)
                return log_error_errno(r, "What status finds could not be written for hagw-notify: %m");
        if (test_usec > 0 && runtime_path(TEST_FILE, path) >= 0)
                (void) unlink(path);
        return 0;
}

int verb_notify_gather(const Call *call) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(status_done) Status s = {};
        int r;

        r = call_check_root(call, vl_folder(), "writes for hagw-notify");
        if (r < 0)
                return r;
        r = load_any(call->config_dir, &config);
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0 || !config->notify || !config->notify[0])
                return CTL_FAILED; /* nobody wants to be told: no error for the unit that asks */
        r = status_gather(&s, call, /* look= */ false);
        if (r < 0)
                return r;
        if (s.lost)
                return log_oom();
        if (s.denied) {
                log_error("The daemons answer root only; try again with sudo.");
                return CTL_DENIED;
        }
        r = write_findings(&s, config->notify);
        return r < 0 ? r : CTL_OK;
}

/* One result a target; false: not all have answered yet. */
static bool tests_are_answered(sd_json_variant *told, char *const *targets, uint64_t test_usec) {
        for (char *const *t = targets; *t; t++)
                if (field_number(notify_find_target(told, *t), "testUSec") < test_usec)
                        return false;
        return true;
}

static int ask_for_test(uint64_t test_usec) {
        char path[PATH_MAX], text[32];
        int r;

        r = runtime_path(TEST_FILE, path);
        if (r < 0)
                return r;
        (void) snprintf(text, sizeof(text), "%llu\n", (unsigned long long) test_usec);
        return state_write(AT_FDCWD, path, text, strlen(text), 0600);
}

static int run_test(char *const *targets, uint64_t test_usec, sd_json_variant **ret_told) {
        int r;

        r = ask_for_test(test_usec);
        if (r < 0)
                return log_error_errno(r, "The test could not be asked for: %m");
        for (unsigned i = 0; i < TEST_TRIES; i++) {
                r = run_program((const char *const[]){ "systemctl", "start", NOTIFY_UNIT, NULL },
                                /* quiet= */ false);
                if (r != 0)
                        return -EREMOTEIO;
                sd_json_variant_unref(*ret_told);
                r = notify_read_told(ret_told);
                if (r < 0)
                        return log_oom();
                if (tests_are_answered(*ret_told, targets, test_usec))
                        return 0;
        }
        log_error("hagw-notify did not send the test; hagw-ctl log tells more.");
        return -EREMOTEIO;
}

static int print_results(const Call *call, sd_json_variant *told, char *const *targets) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        int r = 0, status = CTL_OK;

        for (char *const *t = targets; r >= 0 && *t; t++) {
                const char *error = field_text(notify_find_target(told, *t), "testError");

                status = error ? CTL_FAILED : status;
                if (call->json)
                        r = sd_json_variant_append_arraybo(
                                &list, SD_JSON_BUILD_PAIR("target", SD_JSON_BUILD_STRING(*t)),
                                SD_JSON_BUILD_PAIR("sent", SD_JSON_BUILD_BOOLEAN(!error)),
                                SD_JSON_BUILD_PAIR_CONDITION(!!error, "error", SD_JSON_BUILD_STRING(error)));
                else {
                        output("%s: ", *t);
                        output_tone(error ? TONE_BAD : TONE_GOOD, "%s", error ?: "sent");
                        output("\n");
                }
        }
        if (r >= 0 && call->json)
                r = output_json(list);
        return r < 0 ? log_oom() : status;
}

int verb_notify_test(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *told = NULL;
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = load_any(call->config_dir, &config);
        if (r == -ENOMEM)
                return log_oom();
        if (unset_judge(config, call->config_dir)) {
                log_error("%s", unset_text(NULL));
                return -ENOENT;
        }
        if (r < 0)
                return load_config(call->config_dir, &config); /* which tells why */
        if (!config->notify || !config->notify[0]) {
                log_error("notify in %s/hagw.conf names nobody: add somebody, such as notify = ( "
                          "\"mailto:me@example.com\" ), then: hagw-ctl reload. See hagw.conf(5).",
                          call->config_dir);
                return -ENOENT;
        }
        if (!system_is_booted()) {
                log_error("Without systemd there is no hagw-notify to send it.");
                return -EOPNOTSUPP;
        }
        r = run_test(config->notify, clock_usec(CLOCK_REALTIME), &told);
        return r < 0 ? r : print_results(call, told, config->notify);
}
