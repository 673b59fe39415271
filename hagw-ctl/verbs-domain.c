/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl tenant domain: names outside the relay's zone, each by itself. */

#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/records.h"
#include "hagw-ctl/tenant.h"
#include "libhagw/log.h"
#include "libhagw/pure/suggest.h"

#define TENANT_DOMAINS_SHOWN 32U /* as many as hagw-tenantd lets one have */

/* One that it does not have is told with the nearest, before anything is taken away. */
static int check_domains(const Call *call, const char *name, sd_json_variant *tenant) {
        const char *has[TENANT_DOMAINS_SHOWN + 1];
        size_t n = 0;

        for (; n < TENANT_DOMAINS_SHOWN && n < field_count(tenant, "domains"); n++)
                has[n] = sd_json_variant_string(field_element(tenant, "domains", n));
        has[n] = NULL;
        for (unsigned i = 1; i < call->n_arguments; i++) {
                const char *wanted = call->arguments[i], *near = NULL;
                const size_t length = strlen(wanted) - (endswith(wanted, ".") ? 1 : 0);
                bool found = false;

                for (size_t k = 0; has[k] && !found; k++)
                        found = strlen(has[k]) == length && strncasecmp(has[k], wanted, length) == 0;
                if (found)
                        continue;
                near = suggest(wanted, has);
                log_error("%s has no domain \"%s\"%s%s%s", name, wanted,
                          near ? "; did you mean \"" : "; hagw-ctl tenant domain list ",
                          near ?: name, near ? "\"?" : " shows those it has.");
                return -ENOENT;
        }
        return 0;
}

static int domain_call(const Call *call, const char *field, Config **ret_config,
                       sd_json_variant **ret_before, sd_json_variant **ret_after, char **ret_name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *list = NULL, *reply = NULL;
        int r;

        r = tenant_load_config(call, ret_config);
        if (r >= 0)
                r = tenant_short_name(*ret_config, call->arguments[0], ret_name);
        if (r >= 0)
                r = tenant_get(*ret_name, ret_before);
        if (r >= 0 && streq(field, "remove"))
                r = check_domains(call, *ret_name, *ret_before);
        if (r < 0)
                return r;
        r = sd_json_variant_new_array(&list, NULL, 0);
        for (unsigned i = 1; r >= 0 && i < call->n_arguments; i++)
                r = sd_json_variant_append_arrayb(&list, SD_JSON_BUILD_STRING(call->arguments[i]));
        if (r == -EINVAL) {
                log_error("A name is not valid UTF-8.");
                return r;
        }
        if (r < 0 || sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(*ret_name)),
                                    SD_JSON_BUILD_PAIR(field, SD_JSON_BUILD_VARIANT(list))) < 0)
                return log_oom();
        r = client_call("io.hagw.Tenant.ChangeDomains", parameters, &reply);
        if (r < 0)
                return r;
        *ret_after = sd_json_variant_ref(sd_json_variant_by_key(reply, "tenant"));
        return 0;
}

/* Where the names' DNS is kept; the house prints the same, with the CAA line of its account. */
static void say_records(const Call *call, sd_json_variant *tenant) {
        const char *zone = strempty(field_text(tenant, "zone"));
        bool alias = false;

        output("Where their DNS is kept, there has to be:\n");
        for (unsigned i = 1; i < call->n_arguments; i++) {
                if (records_print_name("  ", call->arguments[i], zone, NULL))
                        alias = true;
                records_print_challenge("  ", call->arguments[i], zone);
        }
        output_sentences("and in the house, a host for each: hagw-ctl host add NAME SERVICE\n");
        if (alias)
                records_explain_alias(zone);
}

/* What changed, and what there is now. */
static int domain_change(const Call *call, const char *field) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *before = NULL, *after = NULL;
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *name = NULL, *all = NULL;
        int r;

        r = domain_call(call, field, &config, &before, &after, &name);
        if (r < 0)
                return r;
        if (call->json)
                return output_json(after) < 0 ? CTL_FAILED : CTL_OK;
        r = tenant_say_domains(config, name, before, after);
        if (r < 0)
                return r;
        all = field_joined(after, "domains");
        if (!all)
                return log_oom();
        if (r > 0 && streq(field, "add"))
                say_records(call, after);
        output("%s%s has %s.\n", r == 0 ? "Nothing has changed: " : "", name, *all ? all : "no domain");
        return CTL_OK;
}

int verb_tenant_domain_add(const Call *call) {
        return domain_change(call, "add");
}

int verb_tenant_domain_remove(const Call *call) {
        return domain_change(call, "remove");
}

/* Of one tenant the domains alone, for a program; of several each below its name. */
static int list_one(const Call *call, const char *argument, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *tenant = NULL, *v = NULL;
        const bool several = call->n_arguments > 1;
        _cleanup_free_ char *name = NULL;
        int r;

        r = tenant_short_name(userdata, argument, &name);
        if (r >= 0)
                r = tenant_get(name, &tenant);
        if (r < 0)
                return r;
        if (call->json)
                return sd_json_buildo(&v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                                      SD_JSON_BUILD_PAIR("domains", SD_JSON_BUILD_VARIANT(
                                              sd_json_variant_by_key(tenant, "domains")))) < 0 ||
                                               output_json(v) < 0 ?
                               log_oom() :
                               CTL_OK;
        call_part(call, argument, 0);
        if (several && field_count(tenant, "domains") > 0)
                output("%s\n", name);
        for (size_t i = 0; i < field_count(tenant, "domains"); i++)
                output("%s%s\n", several ? "  " : "",
                       sd_json_variant_string(field_element(tenant, "domains", i)));
        if (field_count(tenant, "domains") == 0)
                output_sentences("%s has no domain; hagw-ctl tenant domain add %s DOMAIN gives it one.\n",
                                 name, name);
        return CTL_OK;
}

int verb_tenant_domain_list(const Call *call) {
        _cleanup_(config_freep) Config *config = NULL;
        int r = tenant_load_config(call, &config);

        return r < 0 ? r : call_each(call, 0, tenant_check_known, list_one, config);
}
