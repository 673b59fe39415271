/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl setup: from nothing to a gateway that answers, in steps that can each be done again. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "certwait.h"
#include "client.h"
#include "delegation.h"
#include "hostfile.h"
#include "log.h"
#include "output.h"
#include "prompt.h"
#include "readable.h"
#include "run.h"
#include "setup.h"
#include "start.h"
#include "state.h"
#include "users.h"

#define ADDRESS_TRIES 50U /* a tenth of a second each */
#define DELEGATION_TRIES 5U /* a second each, besides what a question takes */

static void pause_usec(uint64_t usec) {
        struct timespec ts = { (time_t) (usec / USEC_PER_SEC), (long) (usec % USEC_PER_SEC) * 1000 };

        while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
                ;
}

static int make_folders(const char *dir) {
        _cleanup_free_ char *hosts = NULL;

        if (asprintf(&hosts, "%s/hosts.d", dir) < 0) {
                hosts = NULL;
                return log_oom();
        }
        /* The package makes both, with the right owner; this is for a --config elsewhere. */
        if ((mkdir(dir, 0750) < 0 && errno != EEXIST) || (mkdir(hosts, 0750) < 0 && errno != EEXIST)) {
                int error = errno;

                (void)log_error_errno(error, "%s could not be made: %m%s", dir,
                                      error == EACCES ? "; try again with sudo." : "");
                return -error;
        }
        return 0;
}

/* Keeps what stands in the way: nothing that a person wrote is lost. Returns 1 where it may be replaced. */
static int may_replace(const Setup *s, const char *path, const char *before) {
        _cleanup_free_ char *old = NULL;
        int r;

        if (!call_option(s->call, "force")) {
                if (!s->ask) {
                        log_error("%s exists and differs. Give --force to replace it (it is kept as "
                                  "hagw.conf.old), or leave out "
                                  "what is set there.",
                                  path);
                        return -EEXIST;
                }
                r = prompt_yes("hagw.conf exists and differs. Replace it (it is kept as hagw.conf.old)?",
                               false);
                if (r <= 0)
                        return r;
        }
        if (asprintf(&old, "%s.old", path) < 0) {
                old = NULL;
                return log_oom();
        }
        r = write_config_file(old, before);
        return r < 0 ? r : 1;
}

/* What hagw.conf is to be, and what it says; *ret_text is NULL where it stays. */
static int plan_main(const Setup *s, const char *path, const char *before, char **ret_text, Config **ret) {
        _cleanup_(config_freep) Config *config = config_new();
        _cleanup_free_ char *text = NULL, *error = NULL;
        int r;

        *ret_text = NULL;
        if (before && !s->has_settings)
                return load_config(s->call->config_dir, ret);
        if (!config || conf_text_main(&s->choices, &text) < 0)
                return log_oom();
        r = config_parse_text(text, path, /* host= */ false, config, &error);
        if (r >= 0 && config->acme.ca_file)
                r = readable_check_ca(s->call->config_dir, config->acme.ca_file, &error);
        if (r < 0) {
                log_error("%s", error ?: "Out of memory.");
                return -EINVAL;
        }
        if (!before || !streq(before, text))
                *ret_text = TAKE_PTR(text);
        *ret = TAKE_PTR(config);
        return 0;
}

static int write_main(const Setup *s, const char *path, const char *before, const char *text) {
        int r;

        if (before) {
                r = may_replace(s, path, before);
                if (r <= 0)
                        return r;
        }
        r = write_config_file(path, text);
        if (r >= 0)
                setup_say(s, "%s is written.\n", path);
        return r;
}

/* A host that is there already with this service is left as it is. judge: nothing is written. */
static int write_host(const Setup *s, const Config *config, const char *pair, bool judge) {
        _cleanup_(choices_done) Choices choices = {};
        _cleanup_free_ char *typed = strndup(pair, strcspn(pair, "=")), *name = NULL, *path = NULL,
                            *text = NULL;
        const char *upstream = strchr(pair, '=') + 1;
        int r;

        if (!typed)
                return log_oom();
        r = host_expand_name(config, typed, &name);
        if (r >= 0 && !call_option(s->call, "force"))
                r = host_check_zone(config, name);
        if (r < 0)
                return r;
        for (size_t i = 0; i < config->n_hosts; i++)
                if (streq(config->hosts[i].name, name)) {
                        if (streq(config->hosts[i].upstream, upstream))
                                return 0;
                        log_error("%s leads to %s already; hagw-ctl host set %s %s changes it.", name,
                                  config->hosts[i].upstream, name, upstream);
                        return -EEXIST;
                }
        if (choices_add(&choices, CONF_SCOPE_HOST, 0, NULL, "name", name) < 0 ||
            choices_add(&choices, CONF_SCOPE_HOST, 0, NULL, "upstream", upstream) < 0 ||
            conf_text_host(&choices, &text) < 0)
                return log_oom();
        r = host_path(s->call->config_dir, name, &path);
        if (r >= 0)
                r = (judge ? host_judge : host_write)(config, s->call->config_dir, path, text);
        if (r >= 0 && !judge)
                setup_say(s, "%s leads to %s.\n", name, upstream);
        return r;
}

/* All is judged before the first file is written. */
static int write_config(Setup *s) {
        _cleanup_free_ char *path = NULL, *before = NULL, *text = NULL;
        _cleanup_(config_freep) Config *planned = NULL;
        int r;

        if (asprintf(&path, "%s/hagw.conf", s->call->config_dir) < 0) {
                path = NULL;
                return log_oom();
        }
        r = state_read(AT_FDCWD, path, &before, NULL);
        if (r < 0 && r != -ENOENT)
                return log_error_errno(r, "%s could not be read: %m", path);
        r = plan_main(s, path, before, &text, &planned);
        for (size_t i = 0; r >= 0 && i < s->n_hosts; i++)
                r = write_host(s, planned, s->hosts[i], /* judge= */ true);
        if (r >= 0)
                r = make_folders(s->call->config_dir);
        if (r >= 0 && text)
                r = write_main(s, path, before, text);
        if (r >= 0)
                r = load_config(s->call->config_dir, &s->config);
        for (size_t i = 0; r >= 0 && i < s->n_hosts; i++)
                r = write_host(s, s->config, s->hosts[i], /* judge= */ false);
        if (r < 0 || s->n_hosts == 0)
                return r;
        s->config = config_free(s->config);
        return load_config(s->call->config_dir, &s->config);
}

static int make_user(const Setup *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *hosts = NULL, *groups = NULL, *users = NULL;
        int r;

        if (!s->password)
                return 0;
        r = client_call("io.hagw.Web.ListUsers", NULL, &users);
        if (r < 0)
                return r;
        for (size_t i = 0; i < field_count(users, "users"); i++)
                if (streq(strempty(field_text(field_element(users, "users", i), "name")), s->user)) {
                        setup_say(s,
                                  "There is a user %s already; hagw-ctl user passwd %s gives a new "
                                  "password.\n",
                                  s->user, s->user);
                        return 0;
                }
        if (sd_json_build(&hosts, SD_JSON_BUILD_ARRAY(SD_JSON_BUILD_STRING("*"))) < 0 ||
            sd_json_variant_new_array(&groups, NULL, 0) < 0)
                return log_oom();
        r = user_create(s->user, s->password, hosts, groups);
        if (r >= 0)
                setup_say(s, "%s may log in.\n", s->user);
        return r;
}

/* The public addresses, as soon as there is one. The texts live as long as *ret. */
static int wait_for_address(const Setup *s, sd_json_variant **ret, const char **ret_ipv4,
                            const char **ret_ipv6) {
        const char *error = NULL;

        *ret_ipv4 = *ret_ipv6 = NULL;
        for (unsigned i = 0; i < ADDRESS_TRIES && !*ret_ipv4 && !*ret_ipv6; i++) {
                int r;

                if (i > 0)
                        pause_usec(100 * USEC_PER_MSEC);
                *ret = sd_json_variant_unref(*ret);
                r = client_call("io.hagw.Net.Watch", NULL, ret);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < field_count(*ret, "addresses"); k++) {
                        sd_json_variant *a = field_element(*ret, "addresses", k);
                        bool four = streq(strempty(field_text(a, "family")), "ipv4");

                        *(four ? ret_ipv4 : ret_ipv6) = field_text(a, "address");
                        error = field_text(a, "error") ?: error;
                }
        }
        if (*ret_ipv4 || *ret_ipv6)
                setup_say(s, "The house's public address: %s%s%s\n", strempty(*ret_ipv4),
                          *ret_ipv4 && *ret_ipv6 ? " and " : "", strempty(*ret_ipv6));
        else
                log_error("No public address is known yet%s%s; see public_address in hagw.conf(5).",
                          error ? ": " : "", strempty(error));
        return 0;
}

/* Returns how many zones are not found by the world. */
static int check_delegations(const Setup *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *addresses = NULL;
        const char *ipv4, *ipv6;
        int r, bad = 0;

        r = wait_for_address(s, &addresses, &ipv4, &ipv6);
        if (r < 0)
                return r;
        for (size_t i = 0; i < s->config->n_zones; i++) {
                const ConfZone *zone = &s->config->zones[i];
                Delegation d = {};

                for (unsigned n = 0; n < DELEGATION_TRIES && (n == 0 || d.verdict != DELEGATION_WORKS);
                     n++) {
                        if (n > 0)
                                pause_usec(USEC_PER_SEC);
                        delegation_done(&d);
                        if (delegation_check(zone->name, zone->name_server, &d) < 0)
                                return log_oom();
                }
                if (d.verdict == DELEGATION_WORKS)
                        setup_say(s, "The delegation of %s works.\n", zone->name);
                else {
                        bad++;
                        log_error("%s", strempty(d.detail));
                        setup_say_records(s, zone, ipv4, ipv6);
                }
                delegation_done(&d);
        }
        return bad;
}

/* What setup reached. Who did not wait for the certificates is not told that they failed. */
typedef struct Reached {
        bool started, delegated, certified, waited;
} Reached;

static int finish(const Setup *s, const Reached *reached) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        bool failed = reached->started && (!reached->delegated || (reached->waited && !reached->certified));

        if (!s->call->json) {
                setup_say_next(s);
                return failed ? CTL_FAILED : CTL_OK;
        }
        if (sd_json_buildo(&v, SD_JSON_BUILD_PAIR("started", SD_JSON_BUILD_BOOLEAN(reached->started)),
                           SD_JSON_BUILD_PAIR("delegated", SD_JSON_BUILD_BOOLEAN(reached->delegated)),
                           SD_JSON_BUILD_PAIR("certified", SD_JSON_BUILD_BOOLEAN(reached->certified))) < 0 ||
            output_json(v) < 0)
                return log_oom();
        return failed ? CTL_FAILED : CTL_OK;
}

int verb_setup(const Call *call) {
        _cleanup_(setup_done) Setup s = { .call = call };
        Reached reached = {};
        uint64_t wait_usec;
        int r, bad;

        r = certwait_parse_option(call, &wait_usec);
        if (r >= 0)
                r = setup_gather(&s);
        if (r >= 0)
                r = write_config(&s);
        if (r < 0)
                return r;
        if (call_option(call, "no-start"))
                return finish(&s, &reached);
        if (!system_is_booted()) {
                log_error("systemd does not run here, so nothing can be started; --no-start only writes the "
                          "configuration.");
                return -ENOTCONN;
        }
        setup_say(&s, "Starting hagw …\n");
        r = start_gateway();
        if (r >= 0)
                r = make_user(&s);
        if (r < 0)
                return r;
        bad = check_delegations(&s);
        if (bad < 0)
                return bad;
        reached.started = true;
        reached.delegated = bad == 0;
        if (bad > 0 || s.config->n_zones + s.config->n_hosts == 0 || wait_usec == 0)
                return finish(&s, &reached);
        setup_say(&s, "Waiting for the certificates:\n");
        r = certwait(NULL, 0, wait_usec, call->json);
        if (r < 0)
                return r;
        reached.waited = true;
        reached.certified = r == CTL_OK;
        return finish(&s, &reached);
}
