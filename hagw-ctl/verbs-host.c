/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs about hosts. The configuration says which there are, hagw-proxyd how they are. */

#include <fcntl.h>
#include <stdio.h>

#include "hagw-ctl/admitted.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/confedit.h"
#include "hagw-ctl/hostcert.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/hostscan.h"
#include "hagw-ctl/hostzone.h"
#include "hagw-ctl/names.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/outside.h"
#include "hagw-ctl/reload.h"
#include "hagw-ctl/stopped.h"
#include "hagw-ctl/tenant.h"
#include "hagw-ctl/tryhost.h"
#include "hagw-ctl/unset.h"
#include "hagw-ctl/view.h"
#include "hagw-ctl/walls.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/state.h"

/* 1: it is a draft, which nobody takes over. */
static int take_over(const Call *call) {
        if (!unset_is_draft(call->config_dir))
                return MIN(reload_daemons(/* must_run= */ false), 0);
        if (!call->json)
                output_sentences("%s. When it stands there: hagw-ctl reload\n",
                                 unset_draft_text(call->config_dir));
        return 1;
}

/* Whose own business it may be: a service that asks by itself needs no login here. */
static void say_open(const Call *call, const char *name, const char *upstream) {
        if (streq_ptr(call_option(call, "login"), "none") && !startswith(upstream, "tcp://") && !call->json)
                output_sentences("No login is asked for at %s: whoever comes is let through to the service. "
                                 "hagw-ctl host set %s --login=required asks.\n",
                                 name, name);
}

/* A service that keeps visitors away is told and no failure: the host is there, as it was wanted. */
static int finish(const Call *call, const Config *config, const char *name, const char *upstream,
                  const char *done) {
        int r = output_change(call->json, name, done, "%s is %s.\n", name, done);

        if (r < 0)
                return r;
        say_open(call, name, upstream);
        if (!call->json && !config_find_zone(config, startswith(name, "*.") ?: name))
                r = outside_say(config, name, !!startswith(upstream, "tenant:"));
        if (r >= 0 && !call->json)
                r = admitted_say(call->config_dir, name);
        if (r < 0)
                return r;
        if (call_option(call, "no-reload"))
                return CTL_OK;
        r = take_over(call);
        if (r != 0 || call->json)
                return MIN(r, 0);
        r = try_host(call->config_dir, name, upstream);
        if (r == -ENOTCONN)
                output("It is in force when hagw runs: systemctl start hagw.target\n");
        /* That is nothing which may come to work. */
        return r == -ENOMEM ? r : r == -ELOOP ? CTL_FAILED : CTL_OK;
}

/* --force takes it, for a network that is to come. */
static int check_service(const Call *call, const char *upstream) {
        _cleanup_free_ char *reason = NULL;
        int r = call_option(call, "force") ? 0 : try_name(upstream, call->json, &reason);

        if (reason)
                log_error("%s --force takes it anyway.", reason);
        return r < 0 && reason ? CTL_FAILED : r;
}

/* Who may pass must be somebody. */
static int check_people(const Call *call) {
        static const struct {
                const char *option;
                Names kind;
        } rows[] = { { "user", NAMES_USERS }, { "group", NAMES_GROUPS } };
        const char *value;

        for (size_t i = 0; i < ELEMENTSOF(rows) && !call_option(call, "force"); i++)
                for (unsigned n = 0; (value = call_option_nth(call, rows[i].option, n)); n++)
                        if (*value) {
                                int r = names_check(rows[i].kind, value);

                                if (r == -ENOENT)
                                        log_error("--force takes \"%s\" anyway, for later.", value);
                                if (r < 0)
                                        return r;
                        }
        return 0;
}

/* A tenant's house has walls of its own, and asks as it does where visitors are passed on unopened: one
 * login is enough, unless somebody says who may pass here. */
static bool is_left_to_the_house(const Call *call) {
        return startswith(call->arguments[1], "tenant:") && !call_option(call, "login") &&
               !call_option(call, "user") && !call_option(call, "group") && !call_option(call, "open-path");
}

/* The service that was typed for the host. */
static int read_service(const Call *call, const Config *config, const char *name, char **ret) {
        const ConfZone *zone = config_find_zone(config, startswith(name, "*.") ?: name);
        int r;

        r = host_read_upstream(zone && !call_option(call, "force") ? zone->name : NULL, call->arguments[1],
                               ret);
        if (r >= 0)
                host_say_path(call->arguments[1]);
        return r;
}

/* At a relay, whose visitors it takes. Told. */
static int judge_tenant(const Call *call, const Config *config, const char *name, const char *upstream) {
        int r = call_option(call, "force") ? 0 : tenant_check_host(config, name, upstream);

        if (r < 0)
                log_error("--force takes it anyway.");
        return r;
}

/* Told. */
static int judge_new_host(const Call *call, const Config *config, const char *name, const char *upstream) {
        int r;

        if (call_option(call, "force"))
                return 0;
        r = host_check_zone(config, name);
        if (r >= 0)
                r = host_check_certificate(config, name, upstream);
        if (r < 0)
                return r;
        return judge_tenant(call, config, name, upstream);
}

int verb_host_add(const Call *call) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(choices_done) Choices choices = {};
        _cleanup_free_ char *name = NULL, *upstream = NULL, *path = NULL, *text = NULL;
        _cleanup_close_ int lock = lock_hosts();
        bool house_asks = is_left_to_the_house(call);
        int r;

        r = load_config(call->config_dir, &config);
        if (r < 0)
                return r;
        r = host_judge_options(call);
        if (r >= 0)
                r = host_expand_name(config, call->arguments[0], &name);
        if (r >= 0)
                r = read_service(call, config, name, &upstream);
        if (r >= 0)
                r = judge_new_host(call, config, name, upstream);
        if (r >= 0)
                r = check_people(call);
        if (r >= 0)
                r = check_service(call, upstream);
        if (r != 0)
                return r;
        r = host_begin(&choices, name, upstream, house_asks);
        if (r >= 0)
                r = host_take_options(&choices, call);
        if (r < 0)
                return r;
        r = host_path(call->config_dir, name, &path);
        if (r < 0)
                return r;
        for (size_t i = 0; i < config->n_hosts; i++)
                if (streq(config->hosts[i].file, path) || streq(config->hosts[i].name, name)) {
                        log_error("There is a host \"%s\" already, in %s; hagw-ctl host set changes it.",
                                  config->hosts[i].name, config->hosts[i].file);
                        return CTL_FAILED;
                }
        if (conf_text_host(&choices, &text) < 0)
                return log_oom();
        r = host_write(config, call->config_dir, path, text);
        if (r >= 0 && !call->json && startswith(upstream, "tcp://"))
                output_sentences("Its visitors pass unopened: login = \"none\", because nobody here can "
                                 "ask them for one. The service has its own certificate, and may ask.\n");
        if (r >= 0 && !call->json && house_asks)
                output_sentences("The house asks for the login: login = \"none\" here. --login=required "
                                 "asks here, and the house asks after that where its host says so.\n");
        lock = safe_close(lock);
        return r < 0 ? r : finish(call, config, name, upstream, "added");
}

static bool is_given(const Call *call, const char *option, const char *word) {
        const char *value;

        for (unsigned n = 0; (value = call_option_nth(call, option, n)); n++)
                if (streq(value, word))
                        return true;
        return false;
}

/* A list that is given takes the place of the one before. */
static void say_gone(const Call *call, const ConfHost *before) {
        const struct {
                const char *option, *what;
                char **list;
        } rows[] = {
                { "user", "users", before->access.users },
                { "group", "groups", before->access.groups },
                { "open-path", "open paths", before->access.open_paths },
                { "embedded-by", "hosts that may show it", before->access.embedded_by },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (char **w = rows[i].list; w && *w && call_option(call, rows[i].option); w++)
                        if (!is_given(call, rows[i].option, *w))
                                output("No longer among the %s of %s: %s.\n", rows[i].what, before->name,
                                       *w);
}

int verb_host_set(const Call *call) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *text = NULL, *upstream = NULL;
        const ConfHost *host;
        _cleanup_close_ int lock = lock_hosts();
        int r;

        r = load_config(call->config_dir, &config);
        if (r < 0)
                return r;
        host = host_find(config, call->arguments[0]);
        if (!host)
                return CTL_FAILED;
        if (call->n_arguments < 2 && !host_has_options(call)) {
                log_error("What is to change? Give the service's address, or an option; hagw-ctl host set "
                          "--help lists them.");
                return -EINVAL;
        }
        r = host_judge_options(call);
        if (r >= 0)
                r = check_people(call);
        if (r >= 0 && call->n_arguments > 1)
                r = read_service(call, config, host->name, &upstream);
        if (r >= 0 && upstream)
                r = judge_tenant(call, config, host->name, upstream);
        if (r >= 0 && upstream)
                r = check_service(call, upstream);
        if (r != 0)
                return r;
        r = state_read(AT_FDCWD, host->file, &text, NULL);
        if (r < 0)
                return log_error_errno(r, "%s could not be read: %m", host->file);
        r = upstream ? confedit_set(&text, NULL, "upstream", upstream) : 0;
        if (r < 0)
                return edit_failed(host->file, r);
        r = host_edit_options(call, host->file, &text);
        if (r < 0)
                return r;
        r = host_write(config, call->config_dir, host->file, text);
        lock = safe_close(lock);
        if (r < 0)
                return r;
        if (!call->json)
                say_gone(call, host);
        return finish(call, config, host->name, upstream ?: host->upstream, "changed");
}

static int check_known(const Call *call, const char *name, void *userdata) {
        return host_find(userdata, name) ? CTL_OK : CTL_FAILED;
}

static int remove_one(const Call *call, const char *name, void *userdata) {
        const ConfHost *host = host_find(userdata, name);
        int r = state_remove(AT_FDCWD, host->file);

        if (r < 0) {
                (void) log_error_errno(r, "%s could not be removed: %m%s", host->file,
                                       r == -EACCES ? "; try again with sudo." : "");
                return r;
        }
        return output_change(call->json, host->name, "removed", "%s is removed.\n", host->name);
}

static int check_file(const Call *call, const char *name, void *userdata) {
        const char *path, *error;

        return hostscan_find(userdata, name, &path, &error) < 0 ? CTL_FAILED : CTL_OK;
}

static int remove_file(const Call *call, const char *name, void *userdata) {
        const char *path, *error;
        int r;

        r = hostscan_find(userdata, name, &path, &error);
        if (r < 0)
                return CTL_FAILED;
        r = state_remove(AT_FDCWD, path);
        if (r < 0) {
                (void) log_error_errno(r, "%s could not be removed: %m%s", path,
                                       r == -EACCES ? "; try again with sudo." : "");
                return r;
        }
        return output_change(call->json, name, "removed", "%s is removed%s%s\n", path,
                             error ? "; it was broken: " : ".", strempty(error));
}

/* What is not valid is no host to anybody but by its file. Whatever is still wrong then is told, and is the
 * end: nobody takes that over. */
static int remove_broken(const Call *call, HostScan *scan) {
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = call_each(call, 0, check_file, remove_file, scan);
        return r != CTL_OK ? r : load_config(call->config_dir, &config);
}

int verb_host_remove(const Call *call) {
        _cleanup_(hostscan_done) HostScan scan = {};
        _cleanup_close_ int lock = lock_hosts();
        int r;

        r = hostscan_load(call->config_dir, &scan);
        if (r < 0)
                return r;
        r = r > 0 ? remove_broken(call, &scan) : call_each(call, 0, check_known, remove_one, scan.config);
        if (r != CTL_OK)
                return r;
        lock = safe_close(lock);
        return MIN(take_over(call), 0);
}

static bool any_is_failing(sd_json_variant *hosts) {
        for (size_t i = 0; i < field_count(hosts, "hosts"); i++)
                if (streq(strempty(field_text(field_element(hosts, "hosts", i), "health")), "failing"))
                        return true;
        return false;
}

int verb_host_list(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *hosts = NULL;
        _cleanup_free_ char *reason = NULL;
        bool broken, failing;
        int r;

        stopped_find(/* config= */ NULL);
        r = view_hosts(call->config_dir, /* look= */ true, &hosts, &reason);
        if (r < 0)
                return r;
        broken = r > 0;
        failing = any_is_failing(hosts);
        if (call->json)
                return output_json(hosts) < 0 || broken || failing ? CTL_FAILED : CTL_OK;
        if (field_count(hosts, "hosts") == 0 && unset_look() == UNSET_NO)
                output_sentences("There is no host yet: hagw-ctl host add ha http://192.168.1.4:8123\n");
        else if (field_count(hosts, "hosts") > 0 && view_print_hosts(hosts, 0) < 0)
                return log_oom();
        for (size_t i = 0; i < field_count(hosts, "hosts"); i++) {
                sd_json_variant *h = field_element(hosts, "hosts", i);

                if (field_text(h, "error"))
                        output_paragraph("", "%s: %s", field_text(h, "name"), field_text(h, "error"));
        }
        if (reason)
                log_error("%s", reason);
        if (broken)
                log_error("Mend what is broken, or remove it (hagw-ctl host remove)%s",
                          unset_is_draft(call->config_dir) ? "." : ", then: hagw-ctl reload");
        return broken || failing ? CTL_FAILED : reason ? CTL_UNREACHABLE : CTL_OK;
}

static void print_setting(const char *name, const char *value) {
        char lead[32];

        (void) snprintf(lead, sizeof(lead), "  %-12s ", name);
        if (value && *value)
                output_paragraph(lead, "%s", value);
}

static int print_list(const char *name, char **list) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return -ENOMEM;
        for (size_t i = 0; list && list[i]; i++)
                fprintf(f, "%s%s", i > 0 ? ", " : "", list[i]);
        if (fclose(f) != 0)
                return -ENOMEM;
        print_setting(name, text);
        return 0;
}

static void print_wall(const char *line) {
        print_setting("", line);
}

static int print_host(const ConfHost *h, sd_json_variant *reply, const char *reason) {
        static const char *const logins[] = {
                [CONF_LOGIN_REQUIRED] = "required", [CONF_LOGIN_NONE] = "none"
        };
        static const char *const froms[] = { [CONF_FROM_ANYWHERE] = "anywhere", [CONF_FROM_LAN] = "lan" };
        sd_json_variant *live = sd_json_variant_by_key(reply, "host");

        output_tone(TONE_BOLD, "%s", h->name);
        output("\n");
        print_setting("service", h->upstream);
        print_setting("Host field", h->host_field);
        if (!h->compress && h->upstream_kind != CONF_UPSTREAM_TCP)
                print_setting("compression", "off");
        print_setting("file", h->file);
        print_setting("login", logins[h->access.login]);
        walls_explain(live, h->access.login == CONF_LOGIN_REQUIRED, h->upstream_kind == CONF_UPSTREAM_TENANT,
                      print_wall);
        print_setting("from", froms[h->access.from]);
        if (print_list("users", h->access.users) < 0 || print_list("groups", h->access.groups) < 0 ||
            print_list("open paths", h->access.open_paths) < 0 ||
            print_list("embedded by", h->access.embedded_by) < 0)
                return log_oom();
        if (!reply) {
                if (reason)
                        log_error("%s", reason);
                return CTL_UNREACHABLE;
        }
        print_setting("health", field_text(live, "health"));
        if (field_number(reply, "status"))
                output("  %-12s HTTP status %lu\n", "answer", (unsigned long) field_number(reply, "status"));
        print_setting("error", field_text(live, "error"));
        if (!streq_ptr(field_text(reply, "advice"), strempty(field_text(live, "error"))))
                print_setting("advice", field_text(reply, "advice"));
        print_setting("certificate", h->upstream_kind == CONF_UPSTREAM_TCP  ? "the service's own" :
                                     field_bool(live, "certificate") ? "valid" :
                                                                       "none yet");
        output("  %-12s %lu, %lu under way\n", "requests", (unsigned long) field_number(live, "requests"),
               (unsigned long) field_number(live, "active"));
        return streq(strempty(field_text(live, "health")), "failing") ? CTL_FAILED : CTL_OK;
}

static int show_one(const Call *call, const char *name, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        const ConfHost *host = host_find(userdata, name);
        _cleanup_free_ char *reason = NULL;
        int r;

        call_part(call, name, 0);
        if (unset_is_draft(call->config_dir) && !call->json) {
                (void) print_host(host, NULL, unset_draft_text(call->config_dir));
                return CTL_OK;
        }
        r = try_probe(host->name, host->upstream, call->json, &reply, &reason);
        if (!call->json)
                return print_host(host, reply, reason);
        if (r < 0) {
                log_error("%s", strempty(reason));
                return r;
        }
        return output_json(reply) < 0 ? CTL_FAILED : CTL_OK;
}

int verb_host_show(const Call *call) {
        _cleanup_(config_freep) Config *config = NULL;
        int r = load_config(call->config_dir, &config);

        if (r < 0)
                return r;
        stopped_find(config);
        return call_each(call, 0, check_known, show_one, config);
}
