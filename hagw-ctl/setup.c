/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-ctl setup is told, by options or answers. */

#include <stdio.h>

#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/hostscan.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/run.h"
#include "hagw-ctl/setup.h"
#include "libhagw/conf-value.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"

void setup_done(Setup *s) {
        choices_done(&s->choices);
        for (size_t i = 0; i < s->n_hosts; i++)
                free(s->hosts[i]);
        free(s->user);
        password_free(s->password);
        config_free(s->present);
        config_free(s->config);
        free(s->answers);
}

int setup_judge_value(ConfScope scope, const char *group, const char *name, const char *value,
                      char **ret_reason) {
        _cleanup_(config_freep) Config *main_object = config_new();
        _cleanup_free_ char *reason = NULL;
        ConfZone zone = {};
        ConfHost host = {};
        void *const objects[] = { [CONF_SCOPE_MAIN] = main_object,
                                  [CONF_SCOPE_ZONE] = &zone,
                                  [CONF_SCOPE_HOST] = &host };
        int r = -ENOENT;

        if (!main_object)
                return -ENOMEM;
        for (const ConfSetting *s = conf_settings; s->name; s++) {
                if (s->scope != scope || !streq_ptr(s->group, group) || !streq(s->name, name))
                        continue;
                r = conf_value_set(s, objects[scope], &value, 1, &reason);
                if (scope != CONF_SCOPE_MAIN)
                        conf_value_free(s, objects[scope]);
        }
        free(host.upstream_host);
        assert(r != -ENOENT);
        if (r >= 0 || r == -ENOMEM)
                return MIN(r, 0);
        if (asprintf(ret_reason, "\"%s\" cannot be taken: %s", value, strempty(reason)) >= 0)
                return -EINVAL;
        *ret_reason = NULL;
        return -ENOMEM;
}

int setup_check_value(ConfScope scope, const char *group, const char *name, const char *value) {
        _cleanup_free_ char *reason = NULL;
        int r;

        r = setup_judge_value(scope, group, name, value, &reason);
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0)
                log_error("%s", reason);
        return r;
}

int setup_take_value(Setup *s, const Question *q, size_t zone, const char *value) {
        int r;

        assert(value);
        if (!*value)
                return 0;
        r = setup_check_value(q->scope, q->group, q->name, value);
        if (r < 0)
                return r;
        s->has_settings = true;
        return choices_add(&s->choices, q->scope, zone, q->group, q->name, value) < 0 ? log_oom() : 0;
}

/* What an option's value means. 1: it is doubted, as *ret_reason says. Told. */
static int read_option(const Setup *s, const char *option, int kind, const char *value, char **ret,
                       char **ret_reason) {
        const TypedContext context = setup_context(s);
        int r;

        if (kind < 0) {
                *ret = strdup(value);
                return *ret ? 0 : log_oom();
        }
        r = typed_read((TypedKind) kind, value, &context, ret, ret_reason);
        if (r == -EINVAL)
                log_error("--%s=%s cannot be taken: %s", option, value, *ret_reason);
        return r == -ENOMEM ? log_oom() : r;
}

static int check_option(const Setup *s, const Question *q, const char *value) {
        _cleanup_free_ char *meant = NULL, *reason = NULL;
        int r;

        if (!*value)
                return 0;
        r = read_option(s, q->option, q->kind, value, &meant, &reason);
        return r < 0 ? r : setup_check_value(q->scope, q->group, q->name, meant);
}

/* Judged later where it may hold a password, which is not repeated then. */
static int check_host_option(const Setup *s, const char *value) {
        const TypedContext context = setup_context(s);
        const char *upstream = strchr(value, '=');
        _cleanup_free_ char *meant = NULL;
        int r;

        if (!upstream++) {
                log_error("--host=%s: expected NAME=UPSTREAM, such as ha=http://192.168.1.4:8123.",
                          strchr(value, '@') ? "…" : value);
                return -EINVAL;
        }
        if (strchr(value, '@'))
                return 0;
        r = host_read_upstream(call_option(s->call, "force") ? NULL : context.zone, upstream, &meant);
        return r < 0 ? r : setup_check_value(CONF_SCOPE_HOST, NULL, "upstream", meant);
}

int setup_check_options(const Setup *s) {
        _cleanup_free_ char *name = NULL, *reason = NULL;
        const char *value;
        int r = 0;

        for (const Question *q = setup_questions; r >= 0 && q->option; q++)
                for (unsigned n = 0; r >= 0 && (value = call_option_nth(s->call, q->option, n)); n++)
                        r = s->attach && !q->attach ? 0 : check_option(s, q, value);
        for (unsigned n = 0; r >= 0 && (value = call_option_nth(s->call, "host", n)); n++)
                if (n < SETUP_HOSTS_MAX)
                        r = check_host_option(s, value);
                else {
                        log_error("--host: more than %u; hagw-ctl host add takes the others.",
                                  SETUP_HOSTS_MAX);
                        r = -EINVAL;
                }
        value = call_option(s->call, "user");
        if (r >= 0 && value)
                r = read_option(s, "user", TYPED_USER, value, &name, &reason);
        value = call_option(s->call, "directory");
        if (r >= 0 && value && call_option(s->call, "staging") && !streq(value, "letsencrypt-staging")) {
                log_error("--staging is the same as --directory=letsencrypt-staging; give one of the two.");
                r = -EINVAL;
        }
        return MIN(r, 0);
}

/* What is in vain, and nobody there who could say that it is meant all the same. */
static bool is_refused(const Setup *s, int doubt) {
        return doubt == TYPED_VAIN && !s->ask && !call_option(s->call, "force");
}

/* One that is doubted and was not meant is asked for. */
static int take_option(Setup *s, const Question *q, size_t zone, const char *value) {
        _cleanup_free_ char *meant = NULL, *reason = NULL;
        int r;

        if (!*value)
                return 0;
        r = read_option(s, q->option, q->kind, value, &meant, &reason);
        if (r == 0 && q->kind >= 0)
                setup_say_name(s, (TypedKind) q->kind, value, meant);
        if (r == 0 && q->kind >= 0)
                r = setup_look(s, (TypedKind) q->kind, meant, &reason);
        if (r <= 0)
                return r < 0 ? r : setup_take_value(s, q, zone, meant);
        if (is_refused(s, r)) {
                log_error("--%s=%s: %s --force takes it anyway.", q->option, value, reason);
                return -EINVAL;
        }
        r = setup_confirm(s, (TypedKind) q->kind, reason);
        if (r == 0) {
                free(TAKE_PTR(meant));
                r = setup_ask(s, (TypedKind) q->kind, q->text, q->prompt, NULL, &meant);
        }
        return r < 0 ? r : setup_take_value(s, q, zone, meant);
}

static int take_switch(Setup *s, const char *option, const char *group, const char *name,
                       const char *value) {
        if (!call_option(s->call, option))
                return 0;
        s->has_settings = true;
        return choices_add(&s->choices, CONF_SCOPE_MAIN, 0, group, name, value) < 0 ? log_oom() : 0;
}

static int take_host(Setup *s, const char *value) {
        const TypedContext context = setup_context(s);
        const char *upstream = strchr(value, '=') + 1;
        _cleanup_free_ char *meant = NULL, *reason = NULL;
        int r;

        r = host_read_upstream(call_option(s->call, "force") ? NULL : context.zone, upstream, &meant);
        if (r < 0)
                return r;
        setup_say_path(s, upstream);
        r = setup_look(s, TYPED_UPSTREAM, meant, &reason);
        if (is_refused(s, r)) {
                log_error("--host=%s: %s --force takes it anyway.", value, reason);
                return -ENOENT;
        }
        if (r > 0) {
                r = setup_confirm(s, TYPED_UPSTREAM, reason);
                if (r == 0) {
                        free(TAKE_PTR(meant));
                        r = setup_ask(s, TYPED_UPSTREAM, "The service's address in your network.", "Service",
                                      NULL, &meant);
                }
        }
        if (r < 0)
                return r;
        if (asprintf(&s->hosts[s->n_hosts], "%.*s%s", (int) (upstream - value), value, meant) < 0) {
                s->hosts[s->n_hosts] = NULL;
                return log_oom();
        }
        s->n_hosts++;
        return 0;
}

static int take_options(Setup *s) {
        const char *value;
        int r = 0;

        for (const Question *q = setup_questions; r >= 0 && q->option; q++)
                for (unsigned n = 0; r >= 0 && (value = call_option_nth(s->call, q->option, n)); n++)
                        r = s->attach && !q->attach ?
                                            0 :
                                            take_option(s, q, q->scope == CONF_SCOPE_ZONE ? n : 0, value);
        if (r >= 0 && !call_option(s->call, "directory"))
                r = take_switch(s, "staging", "acme", "directory", "letsencrypt-staging");
        if (r >= 0)
                r = take_switch(s, "laboratory", NULL, "documentation_networks", "true");
        for (unsigned n = 0; r >= 0 && (value = call_option_nth(s->call, "host", n)); n++)
                r = take_host(s, value);
        value = call_option(s->call, "user");
        if (r >= 0 && value) {
                _cleanup_free_ char *reason = NULL;

                r = read_option(s, "user", TYPED_USER, value, &s->user, &reason);
        }
        return r;
}

int setup_check_root(const Call *call, bool start) {
        if (start)
                return call_check_root(call, NULL, "writes the configuration and starts hagw");
        if (access(call->config_dir, F_OK) < 0 && errno == ENOENT)
                return 0; /* it is made */
        return call_check_root(call, call->config_dir, "writes the configuration");
}

int setup_check_booted(const Call *call) {
        if (system_is_booted())
                return 0;
        log_error("systemd does not run here, so nothing can be started%s.",
                  streq(call->verb->name, "setup") ? "; --no-start only writes the configuration" : "");
        return -ENOTCONN;
}

/* The first zone is the one that tenants have their names in. */
static int take_relay_zone(Setup *s) {
        const char *zone = setup_chosen(s, CONF_SCOPE_ZONE, "name");

        if (zone && choices_add(&s->choices, CONF_SCOPE_MAIN, 0, "tenants", "zone", zone) < 0)
                return log_oom();
        if (zone || (s->present && s->present->tenants.zone))
                return 0;
        log_error("Which zone do the tenants have their names in? Give --zone=relay.example.com.");
        return -EINVAL;
}

/* No answer and no --force mends a host's file. */
static int check_host_files(const Setup *s) {
        _cleanup_(hostscan_done) HostScan scan = {};
        int r = hostscan_load(s->call->config_dir, &scan);

        for (size_t i = 0; r >= 0 && i < scan.n_broken; i++)
                log_error("%s", scan.broken[i].error);
        if (r < 0 || scan.n_broken == 0)
                return MIN(r, 0);
        log_error("Mend %s, or remove %s (hagw-ctl host remove), then try again.",
                  plural(scan.n_broken, "that file", "those files"), plural(scan.n_broken, "it", "them"));
        return -EBADMSG;
}

/* What stands there is what answers default to; one that cannot be read is told before the first question.
 * */
static int load_present(Setup *s, bool *ret_exists) {
        _cleanup_free_ char *path = NULL, *error = NULL;
        int r, q;

        if (asprintf(&path, "%s/hagw.conf", s->call->config_dir) < 0) {
                path = NULL;
                return log_oom();
        }
        s->loaded = true;
        *ret_exists = access(path, F_OK) >= 0;
        if (!*ret_exists)
                return 0;
        r = config_load(s->call->config_dir, &s->present, &error);
        /* One without any setting is as good as none: nothing was set up. */
        if (r >= 0 && s->present->blank && !s->attach)
                *ret_exists = false;
        if (r < 0 && r != -ENOMEM && (q = check_host_files(s)) < 0)
                return q;
        if (r >= 0 || call_option(s->call, "force"))
                return r == -ENOMEM ? log_oom() : 0;
        if (s->attach)
                log_error("%s", error ?: "Out of memory.");
        else
                log_error("%s (or give --force: it is replaced, and kept as hagw.conf.old)",
                          error ?: "Out of memory.");
        return r == -EINVAL ? -EBADMSG : r;
}

/* A zone that is new here, and nobody who can be asked: what the question would offer is taken. Where it
 * offers nothing IPv4 would be off without a word, and nobody with it. */
static int take_known_ipv4(Setup *s) {
        const bool is_new = setup_zone_name(s, 0) &&
                            (!s->present || !setup_direct_zone(s->present) || !setup_is_edit(s));
        _cleanup_free_ char *known = NULL;
        const char *interface;
        const Question *q;

        if (!is_new || setup_chosen(s, CONF_SCOPE_MAIN, "ipv4"))
                return 0;
        for (q = setup_questions; q->kind != TYPED_IPV4;)
                q++;
        known = setup_known_value(s, q);
        if (!known) {
                log_error("Nobody can be asked for %s public IPv4 address, and no interface of this machine "
                          "has one. Give --ipv4=NAME, a dynamic DNS name that follows it; --ipv4=ADDRESS, "
                          "if it never changes; or --ipv4=none.",
                          s->relay ? "this machine's" : "the house's");
                return -EINVAL;
        }
        interface = startswith(known, "interface:");
        if (interface)
                setup_say(s,
                          "The public IPv4 address is that of the interface %s; --ipv4 gives another.\n",
                          interface);
        return setup_take_value(s, q, 0, known);
}

/* A password is no reason to lose the rest: it may be given later. */
static int gather_password(Setup *s) {
        bool from_stdin = call_option(s->call, "password-stdin");

        if (!s->user || !*s->user)
                return 0;
        if (!s->ask)
                return password_read(s->user, from_stdin, &s->password);
        if (!setup_has_user(s->user, NULL)) {
                output("\n");
                output_paragraph("",
                                 "The password that %s logs in with: 8 characters or more, and none that "
                                 "many people have.",
                                 s->user);
                return password_ask(s->user, &s->password);
        }
        output_paragraph("", "There is a user %s already; hagw-ctl user passwd %s gives a new password.",
                         s->user, s->user);
        return 0;
}

static int ask(Setup *s, bool exists) {
        bool keep = exists && s->attach;
        int r;

        if (exists && !s->attach && !s->has_settings) {
                r = prompt_yes("There is a hagw.conf already. Keep its settings?", true);
                if (r < 0)
                        return r;
                keep = r;
        }
        return setup_ask_rest(s, keep);
}

int setup_gather(Setup *s) {
        bool exists;
        int r;

        s->ask = prompt_possible() && !call_option(s->call, "yes") &&
                 !call_option(s->call, "password-stdin") && !s->call->json;
        r = load_present(s, &exists);
        if (r >= 0)
                r = take_options(s);
        if (r >= 0 && s->ask)
                r = ask(s, exists);
        if (r < 0) {
                if (r == -ECANCELED)
                        setup_tell_answers(s);
                return r;
        }
        if (!exists && s->choices.n_zones == 0 && !s->attach) {
                log_error("Which zone is delegated to this gateway? Give --zone=home.example.com, and "
                          "--ipv4=SOURCE.");
                return -EINVAL;
        }
        r = s->relay ? take_relay_zone(s) : 0;
        if (r >= 0 && !s->ask && !s->attach)
                r = take_known_ipv4(s);
        if (r >= 0)
                r = setup_check_sources(s);
        if (r >= 0)
                r = gather_password(s);
        if (r == -ECANCELED)
                setup_tell_answers(s);
        return r;
}
