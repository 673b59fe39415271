/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs that belong to no group: address, reload, config, log. */

#include <glob.h>
#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/conftext.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/keep.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/readable.h"
#include "hagw-ctl/reload.h"
#include "hagw-ctl/run.h"
#include "hagw-ctl/tryhost.h"
#include "hagw-ctl/unset.h"
#include "hagw-ctl/view.h"
#include "libhagw/conf-kept.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/plural.h"
#include "libhagw/pure/suggest.h"

#define JOURNAL_WORDS_MAX 64U
#define UNITS_MAX 16U
#define LEFT_NAMES_MAX 3U /* hosts that are named */
#define UNIT_WORD_MAX 64U /* --unit=hagw-….service */

int verb_address(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        bool known = false;
        int r;

        r = client_call(call_option(call, "refresh") ? "io.hagw.Net.Refresh" : "io.hagw.Net.Watch", NULL,
                        &v);
        if (r < 0)
                return r;
        for (size_t i = 0; i < field_count(v, "addresses"); i++)
                known = known || field_text(field_element(v, "addresses", i), "address");
        r = call->json ? output_json(v) : view_print_addresses(v, 0, /* told= */ false);
        return r < 0 ? log_oom() : known ? CTL_OK : CTL_FAILED;
}

/* All that can be seen without the daemons. Told. */
static int load_whole(const char *dir, Config **ret) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *problem = NULL;
        int r;

        r = load_config(dir, &config);
        if (r < 0)
                return r;
        r = readable_check_cas(dir, config, &problem);
        if (r < 0) {
                log_error("%s", problem ?: "Out of memory.");
                return -EBADMSG;
        }
        *ret = TAKE_PTR(config);
        return 0;
}

static bool lay_in(sd_json_variant *zones, const char *name) {
        for (size_t i = 0; i < field_count(zones, "zones"); i++)
                if (hostname_in_zone(name, strempty(field_text(field_element(zones, "zones", i), "name"))))
                        return true;
        return false;
}

/* "a, b, c and 2 more"; to be freed, NULL: no memory. */
static char *join_left_outside(const Config *config, sd_json_variant *before, sd_json_variant *now,
                               size_t *ret_n) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        *ret_n = 0;
        for (size_t i = 0; f && i < config->n_hosts; i++) {
                const char *name = config->hosts[i].name, *bare = startswith(name, "*.") ?: name;

                if (config_find_zone(config, bare) || config_is_the_relays(config, bare) ||
                    !lay_in(before, bare) || lay_in(now, bare))
                        continue;
                if (++*ret_n <= LEFT_NAMES_MAX)
                        fprintf(f, "%s%s", *ret_n > 1 ? ", " : "", name);
        }
        if (f && *ret_n > LEFT_NAMES_MAX)
                fprintf(f, " and %zu more", *ret_n - LEFT_NAMES_MAX);
        if (f && fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

/* Nothing here answers for them any more, which resolvers notice when what they remember is over. */
static int tell_left_outside(const Config *config, sd_json_variant *before) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *now = NULL;
        _cleanup_free_ char *reason = NULL, *names = NULL;
        size_t n;

        if (client_look("io.hagw.Dns.ListZones", NULL, &now, &reason) < 0)
                return 0; /* hagw-dnsd is off, which was told */
        names = join_left_outside(config, before, now, &n);
        if (!names)
                return log_oom();
        if (n > 0)
                log_warning("%s %s in no zone of this gateway any more: nobody finds %s, unless %s DNS "
                            "leads here from elsewhere. hagw-ctl host remove takes %s away.",
                            names, plural(n, "lies", "lie"), plural(n, "it", "them"),
                            plural(n, "its", "their"), plural(n, "it", "them"));
        return 0;
}

int verb_reload(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *zones = NULL;
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        r = load_whole(call->config_dir, &config);
        if (r < 0)
                return r;
        if (unset_judge(config, call->config_dir)) {
                log_error("%s", unset_text(NULL));
                return -ENOENT;
        }
        (void) client_look("io.hagw.Dns.ListZones", NULL, &zones, &reason);
        r = reload_daemons(/* must_run= */ true);
        if (tell_left_outside(config, zones) < 0)
                return -ENOMEM;
        return r < 0 ? r :
                       output_change(call->json, call->config_dir, "reloaded",
                                     "The configuration is in force.\n");
}

static int put_problem_json(const char *error) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

        if (sd_json_buildo(&v, SD_JSON_BUILD_PAIR("valid", SD_JSON_BUILD_BOOLEAN(!error)),
                           SD_JSON_BUILD_PAIR_CONDITION(!!error, "error", SD_JSON_BUILD_STRING(error))) < 0)
                return log_oom();
        return output_json(v) < 0 ? CTL_FAILED : error ? CTL_FAILED : CTL_OK;
}

/* What is right by itself and leads nowhere on this machine. A name that nobody has now is no mistake. */
static int check_services(const Config *config, char **ret_error) {
        for (size_t i = 0; i < config->n_hosts; i++) {
                _cleanup_free_ char *reason = NULL;
                int r = try_name(config->hosts[i].upstream, /* quiet= */ true, &reason);

                if (r == -ENOMEM)
                        return r;
                if (r != -EOPNOTSUPP)
                        continue;
                if (asprintf(ret_error, "%s: %s", config->hosts[i].file, reason) < 0) {
                        *ret_error = NULL;
                        return -ENOMEM;
                }
                return r;
        }
        return 0;
}

int verb_config_check(const Call *call) {
        const char *dir = call->n_arguments > 0 ? call->arguments[0] : call->config_dir;
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *error = NULL;
        int r;

        if (!call->json) {
                r = load_whole(dir, &config);
                if (r >= 0)
                        r = check_services(config, &error);
                if (error)
                        log_error("%s", error);
                if (r < 0)
                        return error ? CTL_FAILED : r;
                output("%s is valid: %zu %s, %zu %s.\n", dir, config->n_zones,
                       PLURAL(config->n_zones, "zone"), config->n_hosts, PLURAL(config->n_hosts, "host"));
                return CTL_OK;
        }
        r = config_load(dir, &config, &error);
        if (r >= 0)
                r = readable_check(dir, config, &error);
        if (r >= 0)
                r = readable_check_cas(dir, config, &error);
        if (r >= 0)
                r = check_services(config, &error);
        return put_problem_json(r < 0 ? error ?: "out of memory" : NULL);
}

/* Before hagw-proxyd starts and when it reloads: its unit calls this as root. */
int verb_config_keep(const Call *call) {
        const char *kept = config_kept_dir(call->config_dir);
        _cleanup_free_ char *error = NULL;
        int r;

        r = call_check_root(call, call->config_dir, "copies the configuration");
        if (r < 0)
                return r;
        if (!kept) {
                log_error("Only the configuration in " HAGW_CONF_DIR " is kept.");
                return -EINVAL;
        }
        r = keep_config(call->config_dir, kept, &error);
        if (r == -ENOMEM)
                return log_oom();
        if (error) {
                log_error("The configuration is not valid, so that the last good one stays kept: %s", error);
                return r;
        }
        if (r < 0)
                return log_error_errno(r, "The configuration could not be kept in %s: %m", kept);
        return output_change(call->json, call->config_dir, r > 0 ? "kept" : "unchanged",
                             "The configuration %s kept in %s.\n", r > 0 ? "was" : "is already", kept);
}

static int append_setting(sd_json_variant **array, const ConfSetting *s) {
        static const char *const scopes[] = { "main", "zone", "host" };
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *choices = NULL;
        bool required = streq_ptr(s->fallback, "!");
        int r = sd_json_variant_new_array(&choices, NULL, 0);

        for (size_t i = 0; r >= 0 && s->choices && s->choices[i]; i++)
                r = sd_json_variant_append_arrayb(&choices, SD_JSON_BUILD_STRING(s->choices[i]));
        if (r < 0)
                return r;
        return sd_json_variant_append_arraybo(
                        array, SD_JSON_BUILD_PAIR("scope", SD_JSON_BUILD_STRING(scopes[s->scope])),
                        SD_JSON_BUILD_PAIR("group", SD_JSON_BUILD_STRING(s->group)),
                        SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(s->name)),
                        SD_JSON_BUILD_PAIR("type", SD_JSON_BUILD_STRING(conf_type_text(s->type))),
                        SD_JSON_BUILD_PAIR("choices", SD_JSON_BUILD_VARIANT(choices)),
                        SD_JSON_BUILD_PAIR("default", SD_JSON_BUILD_STRING(required ? NULL : s->fallback)),
                        SD_JSON_BUILD_PAIR("required", SD_JSON_BUILD_BOOLEAN(required)),
                        SD_JSON_BUILD_PAIR("help", SD_JSON_BUILD_STRING(s->help)));
}

int verb_config_default(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL, *v = NULL;
        _cleanup_free_ char *text = NULL;
        int r = 0;

        if (!call->json) {
                if (conf_text_main(NULL, &text) < 0)
                        return log_oom();
                output_exact(text);
                return CTL_OK;
        }
        for (const ConfSetting *s = conf_settings; r >= 0 && s->name; s++)
                r = append_setting(&array, s);
        if (r >= 0)
                r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("settings", SD_JSON_BUILD_VARIANT(array)));
        return r < 0 || output_json(v) < 0 ? log_oom() : CTL_OK;
}

/* They answer nobody, so that they are no rows; what they say is in the journal, too. */
const char *const log_other_units[] = { "bind", "notify", NULL };

/* "dnsd" or "hagw-dnsd" to "hagw-dnsd.service"; told. */
static int unit_of(const char *name, char unit[static UNIT_WORD_MAX]) {
        const char *short_names[UNITS_MAX], *bare = startswith(name, "hagw-") ?: name, *near;
        size_t n = 0;

        for (const DaemonRow *d = daemon_rows; d->name && n + 1 < ELEMENTSOF(short_names); d++)
                short_names[n++] = d->name + strlen("hagw-");
        for (const char *const *u = log_other_units; *u && n + 1 < ELEMENTSOF(short_names); u++)
                short_names[n++] = *u;
        short_names[n] = NULL;
        for (size_t i = 0; short_names[i]; i++)
                if (streq(short_names[i], bare)) {
                        (void) snprintf(unit, UNIT_WORD_MAX, "--unit=hagw-%s.service", bare);
                        return 0;
                }
        near = suggest(bare, short_names);
        log_error("There is no daemon \"%s\"%s%s%s", name,
                  near ? "; did you mean \"" :
                         ": dnsd, netd, keyd, acmed, proxyd, webd, tenantd, bind, notify.",
                  strempty(near), near ? "\"?" : "");
        return -EINVAL;
}

/* The name in full. What the configuration does not know may have been there once. Told. */
static int log_host(const Call *call, char **ret) {
        const char *name = call_option(call, "host");
        bool force = call_option(call, "force");
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        if (!name)
                return 0;
        r = load_config(call->config_dir, &config);
        return r < 0 ? r : host_expand_known(config, name, force, /* meant= */ NULL, ret);
}

/* journalctl would show what is this user's own, and nothing of hagw's. */
static bool journal_is_closed(void) {
        static const char *const patterns[] = { "/var/log/journal/*/system.journal",
                                                "/run/log/journal/*/system.journal" };
        bool closed = false;

        for (size_t i = 0; geteuid() != 0 && i < ELEMENTSOF(patterns); i++) {
                glob_t found = {};

                if (glob(patterns[i], GLOB_NOSORT, NULL, &found) == 0) {
                        for (size_t k = 0; k < found.gl_pathc; k++) {
                                if (access(found.gl_pathv[k], R_OK) >= 0) {
                                        globfree(&found);
                                        return false;
                                }
                                closed = true;
                        }
                }
                globfree(&found);
        }
        return closed;
}

int verb_log(const Call *call) {
        const char *argv[JOURNAL_WORDS_MAX] = { "journalctl", "--no-hostname" }, *name;
        const char *lines = call_option(call, "lines"), *since = call_option(call, "since");
        _cleanup_free_ char *host = NULL, *since_word = NULL, *lines_word = NULL, *match = NULL;
        char units[UNITS_MAX][UNIT_WORD_MAX];
        size_t n = 2, n_units = 0;
        int r;

        if (journal_is_closed()) {
                log_error("The journal answers root and the group systemd-journal only; try again with "
                          "sudo.");
                return CTL_DENIED;
        }
        r = log_host(call, &host);
        if (r < 0)
                return r;
        for (unsigned i = 0; (name = call_option_nth(call, "daemon", i)) && n_units < UNITS_MAX; i++)
                if (unit_of(name, units[n_units++]) < 0)
                        return CTL_USAGE;
        /* Not a pattern: journalctl refuses one that nothing matches yet. */
        for (const DaemonRow *d = daemon_rows;
             !call_option(call, "daemon") && d->name && n_units < UNITS_MAX; d++)
                if (unit_of(d->name, units[n_units++]) < 0)
                        return CTL_FAILED;
        for (const char *const *u = log_other_units;
             !call_option(call, "daemon") && *u && n_units < UNITS_MAX; u++)
                (void) unit_of(*u, units[n_units++]);
        for (size_t i = 0; i < n_units; i++)
                argv[n++] = units[i];
        if (asprintf(&lines_word, "--lines=%s",
                     lines                 ?:
                                     since ? "all" :
                                             "100") < 0 ||
            asprintf(&since_word, "--since=%s", since ?: "") < 0 ||
            asprintf(&match, "HAGW_HOST=%s", strempty(host)) < 0)
                return log_oom();
        argv[n++] = lines_word;
        if (since)
                argv[n++] = since_word;
        if (call_option(call, "follow"))
                argv[n++] = "--follow";
        if (call_option(call, "errors"))
                argv[n++] = "--priority=warning";
        if (call->json)
                argv[n++] = "--output=json";
        if (host)
                argv[n++] = match;
        argv[n] = NULL;
        return run_instead(argv);
}
