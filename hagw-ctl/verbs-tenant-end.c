/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs that end tokens, and tenants. */

#include <stdarg.h>
#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/tenant.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"

/* Who is at a terminal may have meant another one; a program means what it says. 1: go on. Told. */
static int confirm(const Call *call, const char *format, ...) _printf_(2, 3);
static int confirm(const Call *call, const char *format, ...) {
        _cleanup_free_ char *question = NULL;
        va_list ap;
        int n;

        if (call_option(call, "yes") || call->json || !prompt_possible())
                return 1;
        va_start(ap, format);
        n = vasprintf(&question, format, ap);
        va_end(ap);
        if (n < 0) {
                question = NULL;
                return log_oom();
        }
        return prompt_yes(question, false);
}

/* id: one token; NULL: all tokens and codes. */
static int revoke_tokens(const Call *call, const char *id, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *reply = NULL;
        const char *name = userdata;
        unsigned long tokens, codes;
        int r;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR_CONDITION(!!id, "tokenId", SD_JSON_BUILD_STRING(id))) < 0)
                return log_oom();
        r = client_call("io.hagw.Tenant.RevokeToken", parameters, &reply);
        if (r < 0)
                return r;
        if (call->json)
                return output_json(reply) < 0 ? CTL_FAILED : CTL_OK;
        if (id) {
                output("The token %s of %s is ended.\n", id, name);
                return CTL_OK;
        }
        tokens = (unsigned long) field_number(reply, "tokens");
        codes = (unsigned long) field_number(reply, "codes");
        output("%lu %s and %lu %s of %s ended.\n", tokens, PLURAL(tokens, "token"), codes,
               PLURAL(codes, "code"), name);
        output_sentences("Nobody gets in as %s until hagw-ctl tenant rotate %s makes a new code.\n", name,
                         name);
        return CTL_OK;
}

int verb_tenant_revoke(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *tenant = NULL;
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *name = NULL;
        int r;

        r = tenant_find(call, &config, &name, &tenant);
        if (r < 0)
                return r;
        if (call->n_arguments == 1) {
                r = confirm(call, "End all tokens and codes of %s, and cut it?", name);
                return r > 0 ? revoke_tokens(call, /* id= */ NULL, name) : r < 0 ? r : CTL_FAILED;
        }
        for (unsigned i = 1; i < call->n_arguments; i++)
                if (!tenant_has_token(tenant, call->arguments[i])) {
                        log_error("%s has no such token: \"%s\"; hagw-ctl tenant show %s shows them.", name,
                                  call->arguments[i], name);
                        return -ENOENT;
                }
        return call_each(call, 1, /* check= */ NULL, revoke_tokens, name);
}

static bool leads_to(const char *upstream, const char *tenant) {
        return streq_ptr(startswith(upstream, "tenant:"), tenant);
}

static int remove_one(const Call *call, const char *argument, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        _cleanup_free_ char *name = NULL;
        int r;

        r = tenant_short_name(userdata, argument, &name);
        if (r < 0)
                return r;
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name))) < 0)
                return log_oom();
        r = client_call("io.hagw.Tenant.Remove", parameters, NULL);
        return r < 0 ? r :
                       output_change(call->json, name, "removed",
                                     "%s is removed, and cut where it was attached.\n", name);
}

/* Who would notice: a house that is attached, or names that are visited. Of several tenants the first. */
static int count_losses(const Call *call, const Config *config, const char *argument, size_t *ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *tenant = NULL;
        _cleanup_(attachments_done) Attachments a = {};
        _cleanup_free_ char *name = NULL, *domains = NULL;
        size_t machines = 0;
        int r;

        r = tenant_short_name(config, argument, &name);
        if (r >= 0)
                r = tenant_get(name, &tenant);
        if (r >= 0)
                r = attachments_load(&a, name);
        if (r < 0)
                return r;
        (void) attachments_of(&a, name, &machines);
        domains = field_joined(tenant, "domains");
        if (!domains)
                return log_oom();
        *ret += machines + field_count(tenant, "domains");
        for (size_t i = 0; i < config->n_hosts; i++)
                *ret += leads_to(config->hosts[i].upstream, name);
        if (call->json)
                return 0;
        if (machines > 0)
                output("The house of %s is attached, and its visitors are cut.\n", name);
        if (*domains)
                output_paragraph("", "What is %s's alone goes with it: %s", name, domains);
        return 0;
}

/* They stay, and are closed from then on. */
static void say_hosts(const Call *call, const Config *config, const char *argument) {
        _cleanup_free_ char *name = NULL;

        if (call->json || tenant_short_name(config, argument, &name) < 0)
                return;
        for (size_t i = 0; i < config->n_hosts; i++)
                if (leads_to(config->hosts[i].upstream, name))
                        output_paragraph("",
                                         "%s leads to %s, and turns visitors away without it: hagw-ctl "
                                         "host remove %s",
                                         config->hosts[i].name, name, config->hosts[i].name);
}

int verb_tenant_remove(const Call *call) {
        _cleanup_(config_freep) Config *config = NULL;
        size_t losses = 0;
        int r;

        r = tenant_load_config(call, &config);
        if (r >= 0)
                r = call_try_each(call, 0, tenant_check_known, config);
        if (r != CTL_OK)
                return r;
        for (unsigned i = 0; r == CTL_OK && i < call->n_arguments; i++) {
                r = count_losses(call, config, call->arguments[i], &losses);
                say_hosts(call, config, call->arguments[i]);
        }
        if (r < 0)
                return r;
        if (losses > 0 && !call_option(call, "yes") && (call->json || !prompt_possible())) {
                log_error("Visitors would notice; --yes removes %s without asking.",
                          call->n_arguments == 1 ? call->arguments[0] : "them");
                return -EINVAL;
        }
        if (call->n_arguments == 1)
                r = confirm(call, "Remove %s, its tokens and what is known of its use?", call->arguments[0]);
        else
                r = confirm(call, "Remove %u %s, their tokens and what is known of their use?",
                            call->n_arguments, PLURAL(call->n_arguments, "tenant"));
        if (r <= 0)
                return r < 0 ? r : CTL_FAILED;
        return call_try_each(call, 0, remove_one, config);
}
