/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs that make and change tenants. What they may attach with is told once, here, and kept nowhere. */

#include <stdio.h>
#include <time.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/tenant.h"
#include "libhagw/conf-value.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

static const char *credential_of(const Call *call) {
        return call_option(call, "token") ? "token" : "code";
}

/* What a person types in the house; to be freed. The token is asked for, so that it stands in no history. */
static char *attach_command(const Config *config, const char *code) {
        char *text;
        int n = code ? asprintf(&text, "hagw-ctl attach %s %s", config->tenants.name, code) :
                       asprintf(&text, "hagw-ctl attach %s --token", config->tenants.name);

        return n < 0 ? NULL : text;
}

static const char *format_utc(uint64_t usec, char out[static TIME_TEXT_MAX]) {
        time_t t = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;

        if (usec == 0 || !gmtime_r(&t, &tm) || strftime(out, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                *out = '\0';
        return out;
}

static const char *format_end(uint64_t usec, char out[static TIME_TEXT_MAX]) {
        return format_when(usec + END_SLACK_USEC, clock_usec(CLOCK_REALTIME), out);
}

/* --- add ----------------------------------------------------------------------------------------------- */

typedef struct Adding {
        const Call *call;
        const Config *config;
        Table *table; /* of many, for a person */
        size_t n;
} Adding;

static int new_tenant_json(const Adding *a, sd_json_variant *t, sd_json_variant **ret) {
        const char *credential = field_text(t, "credential");
        _cleanup_free_ char *command =
                attach_command(a->config, call_option(a->call, "token") ? NULL : credential);

        if (!command)
                return -ENOMEM;
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(field_text(t, "name"))),
                              SD_JSON_BUILD_PAIR("zone", SD_JSON_BUILD_STRING(field_text(t, "zone"))),
                              SD_JSON_BUILD_PAIR(credential_of(a->call), SD_JSON_BUILD_STRING(credential)),
                              SD_JSON_BUILD_PAIR_CONDITION(
                                      field_number(t, "expiresUSec") > 0, "expiresUSec",
                                      SD_JSON_BUILD_UNSIGNED(field_number(t, "expiresUSec"))),
                              SD_JSON_BUILD_PAIR("command", SD_JSON_BUILD_STRING(command)));
}

static int put_many(sd_json_variant *reply, void *userdata) {
        Adding *a = userdata;
        char when[TIME_TEXT_MAX];

        for (size_t i = 0; i < field_count(reply, "tenants"); i++) {
                sd_json_variant *t = field_element(reply, "tenants", i);
                const char *name = field_text(t, "name"), *zone = field_text(t, "zone"),
                           *credential = strempty(field_text(t, "credential"));
                uint64_t ends = field_number(t, "expiresUSec");

                if (call_option(a->call, "csv"))
                        output("%s,%s,%s,%s\n", name, zone, credential, format_utc(ends, when));
                else if (a->call->json) {
                        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
                        int r = new_tenant_json(a, t, &v);

                        if (r < 0)
                                return r;
                        output_exact(a->n > 0 ? ",\n" : "");
                        output_json_element(v);
                } else {
                        table_add(a->table, TONE_BOLD, "%s", zone);
                        table_add(a->table, TONE_PLAIN, "%s", credential);
                        table_add(a->table, TONE_PLAIN, "%s",
                                  ends ? format_end(ends, when) : "never");
                }
                a->n++;
        }
        return a->table ? table_print(a->table, 0) : 0;
}

static int add_many(Adding *a, sd_json_variant *parameters) {
        static const char *const code_titles[] = { "TENANT", "CODE", "ENDS", NULL },
                                 *const token_titles[] = { "TENANT", "TOKEN", "ENDS", NULL };
        _cleanup_(table_freep) Table *t = NULL;
        bool csv = call_option(a->call, "csv"), token = call_option(a->call, "token");
        int r;

        if (!csv && !a->call->json)
                a->table = t = table_new(token ? token_titles : code_titles, 0);
        if (csv)
                output("name,zone,%s,expires\n", credential_of(a->call));
        else if (a->call->json)
                output_exact("{\"tenants\":[\n");
        r = client_stream("io.hagw.Tenant.AddMany", parameters, put_many, a);
        if (!csv && a->call->json)
                output_exact("\n]}\n");
        if (r >= 0 && a->table)
                output_sentences("\n%zu %s; the %s%s not shown again. In the house: hagw-ctl attach %s "
                                 "%s\n",
                                 a->n, PLURAL(a->n, "tenant"), credential_of(a->call),
                                 plural(a->n, " is", "s are"), a->config->tenants.name,
                                 token ? "--token" : "CODE");
        return r;
}

static void say_credential(const Call *call, const Config *config, const char *credential, uint64_t ends) {
        bool token = call_option(call, "token");
        _cleanup_free_ char *command = attach_command(config, token ? NULL : credential);
        char when[TIME_TEXT_MAX];

        output("In the house, type:\n\n  %s\n\n", strempty(command));
        if (token)
                output("It asks for the token, which is not shown again%s%s:\n\n  %s\n",
                       ends ? " and ends " : "", ends ? format_end(ends, when) : "", credential);
        else
                output_sentences("The code is good once, is not shown again, and ends %s.\n",
                                 format_end(ends, when));
}

static int add_one(Adding *a, sd_json_variant *parameters) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL, *v = NULL;
        sd_json_variant *t;
        int r;

        r = client_call("io.hagw.Tenant.Add", parameters, &reply);
        if (r < 0)
                return r;
        t = sd_json_variant_by_key(reply, "tenant");
        if (a->call->json)
                return new_tenant_json(a, t, &v) < 0 || output_json(v) < 0 ? log_oom() : CTL_OK;
        if (call_option(a->call, "csv")) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;

                if (sd_json_buildo(&list, SD_JSON_BUILD_PAIR("tenants", SD_JSON_BUILD_ARRAY(
                                                  SD_JSON_BUILD_VARIANT(t)))) < 0)
                        return log_oom();
                output("name,zone,%s,expires\n", credential_of(a->call));
                return put_many(list, a);
        }
        output("%s is a tenant now. ", field_text(t, "zone"));
        say_credential(a->call, a->config, strempty(field_text(t, "credential")),
                       field_number(t, "expiresUSec"));
        return CTL_OK;
}

/* The number of --count; 0: not given. Told. */
static int take_count(const Call *call, uint64_t *ret) {
        const char *text = call_option(call, "count");

        *ret = 0;
        if (!text)
                return 0;
        if (conf_parse_bytes(text, ret) < 0 || *ret == 0 || *ret > 100000 ||
            strspn(text, "0123456789") != strlen(text)) {
                log_error("--count=%s: expected 1 to 100000.", text);
                return -EINVAL;
        }
        if (call_option(call, "domain")) {
                log_error("--domain is one tenant's; with --count give it later, by hagw-ctl tenant set.");
                return -EINVAL;
        }
        return 0;
}

static int add_parameters(const Call *call, const Config *config, uint64_t count, sd_json_variant **ret) {
        const char *name = call->n_arguments > 0 ? call->arguments[0] : NULL, *kind = credential_of(call);
        _cleanup_free_ char *bare = NULL;
        int r = 0;

        if (count > 0)
                r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR("count", SD_JSON_BUILD_UNSIGNED(count)),
                                   SD_JSON_BUILD_PAIR("credential", SD_JSON_BUILD_STRING(kind)),
                                   SD_JSON_BUILD_PAIR_CONDITION(!!name, "prefix",
                                                                SD_JSON_BUILD_STRING(name)));
        else {
                r = tenant_short_name(config, name, &bare);
                if (r < 0)
                        return r;
                r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(bare)),
                                   SD_JSON_BUILD_PAIR("credential", SD_JSON_BUILD_STRING(kind)));
        }
        if (r < 0)
                return r == -EINVAL ? log_error_errno(r, "\"%s\" is not valid UTF-8.", name) : log_oom();
        r = tenant_take_options(call, ret);
        return r < 0 ? r : tenant_take_lifetime(call, ret);
}

int verb_tenant_add(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        _cleanup_(config_freep) Config *config = NULL;
        Adding a = { .call = call };
        uint64_t count;
        int r;

        r = take_count(call, &count);
        if (r >= 0 && count == 0 && call->n_arguments == 0) {
                log_error("Which name? Give one, or --count=N for N names that are made up.");
                r = -EINVAL;
        }
        if (r >= 0)
                r = tenant_load_config(call, &config);
        if (r >= 0)
                r = add_parameters(call, config, count, &parameters);
        if (r < 0)
                return r;
        a.config = config;
        return count > 0 ? add_many(&a, parameters) : add_one(&a, parameters);
}

/* --- the others ---------------------------------------------------------------------------------------- */

typedef struct Setting {
        const Config *config;
        sd_json_variant *parameters; /* but the name */
} Setting;

static int check_known(const Call *call, const char *typed, void *userdata) {
        return tenant_check_known(call, typed, (void *) ((const Setting *) userdata)->config);
}

/* Who reads it next asks why nothing has changed for visitors. */
static void say_opening(const Config *config, const char *name, sd_json_variant *before,
                        sd_json_variant *after) {
        const char *zone = strempty(config->tenants.zone);

        if (field_bool(before, "terminate") || !field_bool(after, "terminate"))
                return;
        output_paragraph("",
                         "The relay opens %s.%s, and can read it, once the house agrees: opened = "
                         "\"accept\"; in the group relay of its /etc/hagw/hagw.conf, then hagw-ctl reload "
                         "there. Names below, and its domains, pass "
                         "unopened unless they have a host here: hagw-ctl host add ha.%s.%s tenant:%s",
                         name, zone, name, zone, name);
}

static int set_one(const Call *call, const char *typed, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *before = NULL, *reply = NULL;
        const Setting *setting = userdata;
        _cleanup_free_ char *name = NULL;
        int r;

        r = tenant_short_name(setting->config, typed, &name);
        if (r >= 0)
                r = tenant_get(name, &before);
        if (r < 0)
                return r;
        parameters = sd_json_variant_ref(setting->parameters);
        if (sd_json_variant_set_field_string(&parameters, "name", name) < 0)
                return log_oom();
        r = client_call("io.hagw.Tenant.Set", parameters, &reply);
        if (r < 0)
                return r;
        r = output_change(call->json, name, "changed", "%s is changed.\n", name);
        if (!call->json && field_bool(before, "suspended") && call_option(call, "enable"))
                output_sentences("Its house is let in again, and comes back by itself within half a "
                                 "minute.\n");
        if (!call->json)
                say_opening(setting->config, name, before, sd_json_variant_by_key(reply, "tenant"));
        if (r >= 0 && !call->json)
                r = tenant_say_domains(setting->config, name, before,
                                       sd_json_variant_by_key(reply, "tenant"));
        return r < 0 ? r : CTL_OK;
}

int verb_tenant_set(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        if (call_option(call, "suspend") && call_option(call, "enable")) {
                log_error("--suspend or --enable, not both.");
                return CTL_USAGE;
        }
        r = tenant_take_options(call, &parameters);
        if (r < 0)
                return r;
        if (!parameters) {
                log_error("What is to change? hagw-ctl tenant set --help lists the options.");
                return CTL_USAGE;
        }
        if (call->n_arguments > 1 && call_option(call, "domain")) {
                log_error("--domain is one tenant's; name one only.");
                return CTL_USAGE;
        }
        r = tenant_load_config(call, &config);
        if (r < 0)
                return r;
        return call_each(call, 0, check_known, set_one,
                         &(Setting) { .config = config, .parameters = parameters });
}

/* Tokens of before that are there, without an end of their own or with one. */
static size_t count_others(sd_json_variant *before, sd_json_variant *now, bool ending) {
        size_t n = 0;

        for (size_t i = 0; i < field_count(now, "tokens"); i++) {
                sd_json_variant *t = field_element(now, "tokens", i);

                n += tenant_has_token(before, field_text(t, "tokenId")) &&
                     (field_number(t, "expiresUSec") > 0) == ending;
        }
        return n;
}

static void list_others(const char *name, sd_json_variant *before, sd_json_variant *tenant, bool ending) {
        uint64_t now = clock_usec(CLOCK_REALTIME);
        char made[TIME_TEXT_MAX], ends[TIME_TEXT_MAX];

        for (size_t i = 0; i < field_count(tenant, "tokens"); i++) {
                sd_json_variant *t = field_element(tenant, "tokens", i);
                const char *id = field_text(t, "tokenId");
                uint64_t end = field_number(t, "expiresUSec");

                if (!tenant_has_token(before, id) || (end > 0) != ending)
                        continue;
                (void) format_when(field_number(t, "createdUSec"), now, made);
                if (ending)
                        output("  %s ends %s    (made %s)\n", id, format_when(end, now, ends), made);
                else
                        output("  hagw-ctl tenant revoke %s %s    (made %s)\n", name, id, made);
        }
}

/* Those that stay good beside the new one. */
static void say_others(const char *name, sd_json_variant *before, sd_json_variant *tenant) {
        size_t stay = count_others(before, tenant, /* ending= */ false),
               end = count_others(before, tenant, /* ending= */ true);

        if (stay > 0)
                output_sentences("\n%s revoked. When hagw-ctl tenant show %s says that the new one is "
                                 "used:\n",
                                 stay == 1 ? "The token before it stays good until it is" :
                                             "The tokens before it stay good until they are",
                                 name);
        list_others(name, before, tenant, /* ending= */ false);
        if (end > 0)
                output("\n%s:\n", end == 1 ? "This one before it ends by itself" :
                                              "These before it end by themselves");
        list_others(name, before, tenant, /* ending= */ true);
        if (stay == 0 && end == 0)
                return;
        output_sentences("\nIf it is for a second machine of the house, revoke nothing: each machine has a "
                         "token of its own.\n");
        if (field_number(tenant, "agents") <= 1)
                output_sentences("hagw-ctl tenant set %s --agents=2 lets both be attached at the same "
                                 "time.\n",
                                 name);
}

static int take_overlap(const Call *call, sd_json_variant **parameters) {
        const char *text = call_option(call, "overlap");
        uint64_t usec;

        if (!text)
                return 0;
        if (!call_option(call, "token")) {
                log_error("--overlap goes with --token: nobody knows yet when a code is used.");
                return -EINVAL;
        }
        if (conf_parse_usec(text, &usec) < 0 || usec > TOKEN_LIFETIME_MAX_USEC) {
                log_error("--overlap=%s: expected a duration such as 1h or 7d, at most 100 years.", text);
                return -EINVAL;
        }
        if (sd_json_variant_set_field_unsigned(parameters, "othersLifetimeUSec", usec) < 0)
                return log_oom();
        return 0;
}

static int rotated_json(const Call *call, const Config *config, const char *name, const char *credential,
                        uint64_t ends) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        _cleanup_free_ char *command =
                attach_command(config, call_option(call, "token") ? NULL : credential);

        if (!command ||
            sd_json_buildo(&v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR(credential_of(call), SD_JSON_BUILD_STRING(credential)),
                           SD_JSON_BUILD_PAIR_CONDITION(ends > 0, "expiresUSec",
                                                        SD_JSON_BUILD_UNSIGNED(ends)),
                           SD_JSON_BUILD_PAIR("command", SD_JSON_BUILD_STRING(command))) < 0 ||
            output_json(v) < 0)
                return log_oom();
        return CTL_OK;
}

static int rotate_one(const Call *call, const char *typed, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *before = NULL, *reply = NULL,
                                                          *tenant = NULL;
        const Setting *setting = userdata;
        const Config *config = setting->config;
        bool token = call_option(call, "token");
        _cleanup_free_ char *name = NULL;
        const char *credential;
        uint64_t ends;
        int r;

        r = tenant_short_name(config, typed, &name);
        if (r >= 0)
                r = tenant_get(name, &before);
        if (r < 0)
                return r;
        parameters = sd_json_variant_ref(setting->parameters);
        if (sd_json_variant_set_field_string(&parameters, "name", name) < 0)
                return log_oom();
        r = client_call(token ? "io.hagw.Tenant.IssueToken" : "io.hagw.Tenant.IssueCode", parameters,
                        &reply);
        if (r < 0)
                return r;
        credential = strempty(field_text(reply, credential_of(call)));
        ends = field_number(reply, "expiresUSec");
        if (call->json)
                return rotated_json(call, config, name, credential, ends);
        call_part(call, typed, 0);
        if (call->n_arguments > 1)
                output("%s.%s: ", name, strempty(config->tenants.zone));
        say_credential(call, config, credential, ends);
        /* With the ends that --overlap has given them. It was done, whatever comes of this. */
        if (tenant_get(name, &tenant) >= 0)
                say_others(name, before, tenant);
        return CTL_OK;
}

int verb_tenant_rotate(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = tenant_take_lifetime(call, &parameters);
        if (r >= 0)
                r = take_overlap(call, &parameters);
        if (r >= 0)
                r = tenant_load_config(call, &config);
        if (r < 0)
                return r;
        return call_each(call, 0, check_known, rotate_one,
                         &(Setting) { .config = config, .parameters = parameters });
}
