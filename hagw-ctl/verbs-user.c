/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs about users, whom hagw-webd keeps. */

#include <stdio.h>

#include "hagw-ctl/admitted.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/names.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/typed.h"
#include "hagw-ctl/users.h"
#include "hagw-ctl/verbs.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

/* A list of the values given for an option; none given: the fallback, or null. */
static int option_list(const Call *call, const char *name, const char *fallback, sd_json_variant **ret) {
        const bool given = call_option(call, name);
        const char *value;
        int r;

        if (!given && !fallback)
                return sd_json_variant_new_null(ret);
        r = sd_json_variant_new_array(ret, NULL, 0);
        if (r >= 0 && !given && *fallback)
                return sd_json_variant_append_arrayb(ret, SD_JSON_BUILD_STRING(fallback));
        for (unsigned n = 0; r >= 0 && (value = call_option_nth(call, name, n)); n++)
                if (*value)
                        r = sd_json_variant_append_arrayb(ret, SD_JSON_BUILD_STRING(value));
        return r;
}

/* The hosts given with --host, completed and known; none given: the fallback, or null. Told. */
static int option_hosts(const Call *call, const char *fallback, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        _cleanup_(config_freep) Config *config = NULL;
        bool force = call_option(call, "force");
        const char *value;
        int r;

        if (!call_option(call, "host"))
                return option_list(call, "host", fallback, ret) < 0 ? log_oom() : 0;
        r = load_config(call->config_dir, &config);
        if (r < 0)
                return r;
        if (sd_json_variant_new_array(&array, NULL, 0) < 0)
                return log_oom();
        for (unsigned n = 0; (value = call_option_nth(call, "host", n)); n++) {
                _cleanup_free_ char *name = NULL;

                if (!streq(value, "*") && *value) {
                        r = host_expand_known(config, value, force,
                                              streq(value, "all") ? "--host='*' is every host." :
                                                                  NULL,
                                              &name);
                        if (r < 0)
                                return r;
                }
                if (*value && sd_json_variant_append_arrayb(&array, SD_JSON_BUILD_STRING(name ?: value)) < 0)
                        return log_oom();
        }
        *ret = TAKE_PTR(array);
        return 0;
}

int user_create(const char *name, const char *password, sd_json_variant *hosts, sd_json_variant *groups) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR("password", SD_JSON_BUILD_STRING(password)),
                           SD_JSON_BUILD_PAIR("hosts", SD_JSON_BUILD_VARIANT(hosts)),
                           SD_JSON_BUILD_PAIR("groups", SD_JSON_BUILD_VARIANT(groups))) < 0) {
                log_error("The name or the password is not valid UTF-8.");
                return -EINVAL;
        }
        sd_json_variant_sensitive(parameters);
        return client_call("io.hagw.Web.AddUser", parameters, NULL);
}

static int find_user(const char *name, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        int r;

        r = client_call("io.hagw.Web.ListUsers", NULL, &reply);
        for (size_t i = 0; r >= 0 && i < field_count(reply, "users"); i++) {
                sd_json_variant *u = field_element(reply, "users", i);

                if (streq(strempty(field_text(u, "name")), name))
                        *ret = sd_json_variant_ref(u);
        }
        return r;
}

/* Before a password is typed that nobody takes. */
static int check_new(const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *user = NULL, *parameters = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        r = find_user(name, &user);
        if (r < 0 || !user)
                return r;
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name))) < 0)
                return log_oom();
        reason = client_explain("io.hagw.Web", "io.hagw.Web.UserExists", parameters);
        if (!reason)
                return log_oom();
        log_error("%s", reason);
        return -EREMOTEIO;
}

/* A host's file lists names, whoever has them. added: somebody has this one now; else nobody any more. */
static int say_listed(const Call *call, const char *name, bool added) {
        _cleanup_free_ char *hosts = admitted_listing(call->config_dir, name);

        if (!hosts)
                return log_oom();
        if (*hosts && added)
                output("The name %s stands on the list of %s from before. Where that meant somebody else: "
                       "hagw-ctl host set HOST --user …\n",
                       name, hosts);
        else if (*hosts)
                output("The name %s stays on the list of %s until it is taken out: hagw-ctl host set HOST "
                       "--user …\n", name, hosts);
        return 0;
}

int verb_user_add(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *hosts = NULL, *groups = NULL;
        _cleanup_(password_freep) char *password = NULL;
        _cleanup_free_ char *name = NULL, *reason = NULL;
        int r;

        r = typed_read(TYPED_USER, call->arguments[0], &(TypedContext) {}, &name, &reason);
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0 || !*name) {
                log_error("%s", reason ?: "Which name? Give one: hagw-ctl user add NAME");
                return -EINVAL;
        }
        r = check_new(name);
        if (r >= 0)
                r = option_hosts(call, "*", &hosts);
        if (r < 0)
                return r;
        if (option_list(call, "group", "", &groups) < 0)
                return log_oom();
        r = password_read(name, !!call_option(call, "password-stdin"), &password);
        if (r < 0)
                return r;
        r = user_create(name, password, hosts, groups);
        if (r >= 0)
                r = output_change(call->json, name, "added", "%s may log in.\n", name);
        if (r < 0 || call->json)
                return r;
        return say_listed(call, name, /* added= */ true);
}

int verb_user_passwd(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        _cleanup_(password_freep) char *password = NULL;
        const char *name = call->arguments[0];
        int r;

        r = names_check(NAMES_USERS, name);
        if (r < 0)
                return r;
        r = password_read(name, !!call_option(call, "password-stdin"), &password);
        if (r < 0)
                return r;
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR("password", SD_JSON_BUILD_STRING(password))) < 0) {
                log_error("The password is not valid UTF-8.");
                return -EINVAL;
        }
        sd_json_variant_sensitive(parameters);
        r = client_call("io.hagw.Web.SetPassword", parameters, NULL);
        return r < 0 ? r : output_change(call->json, name, "password", "%s has a new password.\n", name);
}

/* A list that is given takes the place of the one before. */
static int say_gone(sd_json_variant *given, sd_json_variant *before) {
        static const char *const lists[] = { "hosts", "groups" };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                _cleanup_free_ char *gone = field_missing(before, given, lists[i]);
                sd_json_variant *list = sd_json_variant_by_key(given, lists[i]);

                if (!gone)
                        return log_oom();
                if (!list || !sd_json_variant_is_array(list) || !*gone)
                        continue;
                if (streq(gone, "*"))
                        output("%s reached every host before; --host='*' is every host.\n",
                               field_text(before, "name"));
                else
                        output("No longer among the %s: %s.\n", lists[i], gone);
        }
        return CTL_OK;
}

static int check_known(_unused_ const Call *call, const char *name, _unused_ void *userdata) {
        return names_check(NAMES_USERS, name);
}

/* userdata: the lists. */
static int set_one(const Call *call, const char *name, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = sd_json_variant_ref(userdata),
                                                          *before = NULL;
        int r;

        if (sd_json_variant_set_field_string(&parameters, "name", name) < 0)
                return log_oom();
        r = find_user(name, &before);
        if (r >= 0)
                r = client_call("io.hagw.Web.SetUser", parameters, NULL);
        if (r < 0)
                return r;
        r = output_change(call->json, name, "changed", "%s is changed.\n", name);
        return r < 0 || call->json ? r : say_gone(parameters, before);
}

int verb_user_set(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *lists = NULL, *hosts = NULL, *groups = NULL;
        int r;

        if (!call_option(call, "host") && !call_option(call, "group")) {
                log_error("What is to change? Give --host or --group; a password is changed by hagw-ctl "
                          "user passwd.");
                return CTL_USAGE;
        }
        r = option_hosts(call, NULL, &hosts);
        if (r < 0)
                return r;
        if (option_list(call, "group", NULL, &groups) < 0 ||
            sd_json_buildo(&lists, SD_JSON_BUILD_PAIR("hosts", SD_JSON_BUILD_VARIANT(hosts)),
                           SD_JSON_BUILD_PAIR("groups", SD_JSON_BUILD_VARIANT(groups))) < 0)
                return log_oom();
        r = call_each(call, 0, check_known, set_one, lists);
        return r != CTL_OK || call->json ? r : admitted_say(call->config_dir, NULL);
}

static int remove_one(const Call *call, const char *name, _unused_ void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        int r;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name))) < 0)
                return log_oom();
        r = client_call("io.hagw.Web.RemoveUser", parameters, NULL);
        if (r >= 0)
                r = output_change(call->json, name, "removed",
                                  "%s is removed, and every session of theirs ended.\n", name);
        if (r < 0 || call->json)
                return r;
        /* Who gets the name next gets what stands there, too. */
        return say_listed(call, name, /* added= */ false);
}

static int check_removal(_unused_ const Call *call, const char *name, _unused_ void *userdata) {
        return names_check_removal(NAMES_USERS, name);
}

/* What concerns one host alone is told of that host. */
static bool say_nobody(void) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;

        if (client_try("io.hagw.Web.ListUsers", NULL, &reply, &reason) < 0 ||
            field_count(reply, "users") > 0)
                return false;
        output_sentences("There is no user any more, so that nobody can log in: hagw-ctl user add NAME "
                         "makes one.\n");
        return true;
}

int verb_user_remove(const Call *call) {
        int r = call_each(call, 0, check_removal, remove_one, NULL);

        return r != CTL_OK || call->json || say_nobody() ? r : admitted_say(call->config_dir, NULL);
}

int verb_user_list(const Call *call) {
        static const char *const titles[] = { "USER", "HOSTS", "GROUPS", "LAST LOGIN", NULL };
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_(table_freep) Table *t = table_new(titles, 0);
        uint64_t now = clock_usec(CLOCK_REALTIME);
        char when[TIME_TEXT_MAX];
        int r;

        r = client_call("io.hagw.Web.ListUsers", NULL, &reply);
        if (r < 0)
                return r;
        if (call->json)
                return output_json(reply) < 0 ? CTL_FAILED : CTL_OK;
        if (field_count(reply, "users") == 0) {
                output("There is no user yet: hagw-ctl user add NAME\n");
                return CTL_OK;
        }
        for (size_t i = 0; i < field_count(reply, "users"); i++) {
                sd_json_variant *u = field_element(reply, "users", i);
                _cleanup_free_ char *hosts = field_joined(u, "hosts"), *groups = field_joined(u, "groups");

                table_add(t, TONE_BOLD, "%s", field_text(u, "name"));
                table_add(t, TONE_PLAIN, "%s", strempty(hosts));
                table_add(t, TONE_PLAIN, "%s", groups && *groups ? groups : "-");
                table_add(t, TONE_PLAIN, "%s", format_when(field_number(u, "lastLoginUSec"), now, when));
        }
        return table_print(t, 0) < 0 ? log_oom() : CTL_OK;
}
