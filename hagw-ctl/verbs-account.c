/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl cert account: our accounts at certificate authorities. */

#include "hagw-ctl/caa.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/verbs.h"
#include "libhagw/log.h"

static int directory_parameters(const char *directory, sd_json_variant **ret) {
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR_CONDITION(!!directory, "directory",
                                                                SD_JSON_BUILD_STRING(directory)));
}

/* --- show ---------------------------------------------------------------------------------------------- */

static const struct {
        const char *state, *text;
} states[] = {
        { "none", "there is none yet: the first order makes it" },
        { "valid", "valid" },
        { "deactivated", "deactivated: the next order makes another one" },
        { "revoked", "revoked by the authority: the next order makes another one" },
        { "unknown", "unknown to the authority: the next order makes another one" },
        { "refused", "the authority refuses it: the next order looks, and makes another one" },
        { "unreachable", "the authority could not be asked" },
};

static const char *state_text(const char *state) {
        for (size_t i = 0; i < ELEMENTSOF(states); i++)
                if (streq(states[i].state, state))
                        return states[i].text;
        return state;
}

static void print_row(const char *name, const char *value) {
        if (value && *value)
                output("  %-12s %s\n", name, value);
}

static int print_account(sd_json_variant *a) {
        _cleanup_free_ char *certificates = field_joined(a, "certificates"),
                            *former = field_joined(a, "former"), *contacts = field_joined(a, "contacts");
        const char *state = strempty(field_text(a, "state"));

        if (!certificates || !former || !contacts)
                return log_oom();
        output_tone(TONE_BOLD, "%s", field_text(a, "directory"));
        output("%s\n", field_bool(a, "configured") ? "" : " (not asked for certificates any more)");
        print_row("account", field_text(a, "accountUri"));
        print_row("state", state_text(state));
        if (!streq(state, "valid"))
                print_row("its words", field_text(a, "why"));
        /* Not all authorities tell what they know. */
        print_row("contact", *contacts ? contacts : field_text(a, "contact"));
        print_row("key", field_text(a, "keyId"));
        if (field_bool(a, "keyIsChanging"))
                print_row("", "a change of the key was broken off; the next order asks which one counts");
        print_row("certificates", certificates);
        if (*former) {
                print_row("before it", former);
                print_row("", "to be deactivated as soon as the authority can be told");
        }
        return 0;
}

/* What is known here, with what the authority says now. */
static int look_at_account(sd_json_variant *known, bool quiet, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *look = NULL,
                                                          *v = sd_json_variant_ref(known);
        static const char *const fields[] = { "state", "why", "contacts" };
        int r;

        if (directory_parameters(field_text(known, "directory"), &parameters) < 0)
                return log_oom();
        r = client_call_patiently("io.hagw.Acme.LookAtAccount", parameters, quiet, &look);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                sd_json_variant *field = sd_json_variant_by_key(look, fields[i]);

                if (field && sd_json_variant_set_field(&v, fields[i], field) < 0)
                        return log_oom();
        }
        *ret = TAKE_PTR(v);
        return 0;
}

static bool account_is_good(sd_json_variant *a) {
        const char *state = strempty(field_text(a, "state"));

        return !field_bool(a, "configured") || streq(state, "valid") || streq(state, "none");
}

int verb_cert_account_show(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL, *list = NULL;
        int r, status = CTL_OK;

        r = client_call("io.hagw.Acme.ListAccounts", NULL, &reply);
        if (r < 0)
                return r;
        if (sd_json_variant_new_array(&list, NULL, 0) < 0)
                return log_oom();
        if (!call->json && field_count(reply, "accounts") == 0)
                output("There is no account yet: the first order makes it.\n");
        for (size_t i = 0; i < field_count(reply, "accounts"); i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *a = NULL;

                r = look_at_account(field_element(reply, "accounts", i), call->json, &a);
                if (r >= 0)
                        r = call->json ? sd_json_variant_append_array(&list, a) : print_account(a);
                if (r < 0)
                        return r;
                if (!account_is_good(a))
                        status = CTL_FAILED;
        }
        return call->json && output_json(list) < 0 ? CTL_FAILED : status;
}

/* --- new and rollover ---------------------------------------------------------------------------------- */

/* Records that others keep name the account, and have to name the new one. */
static int say_elsewhere(const Call *call) {
        _cleanup_(config_freep) Config *config = NULL;

        return load_config(call->config_dir, &config) < 0 ? 0 : caa_print_elsewhere(config);
}

static void say_former(sd_json_variant *reply) {
        const char *former = field_text(reply, "former"), *why = strempty(field_text(reply, "why"));

        if (!former)
                return;
        if (field_bool(reply, "deactivated"))
                output("The one before, %s, is deactivated.\n", former);
        else if (field_bool(reply, "pending"))
                output_sentences("The one before, %s, could not be deactivated yet: %s. hagw-acmed goes on "
                                 "trying.\n",
                                 former, why);
        else
                output_sentences("The one before, %s, could not be deactivated: %s\n", former, why);
}

int verb_cert_account_new(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *reply = NULL;
        int r;

        if (directory_parameters(call->n_arguments > 0 ? call->arguments[0] : NULL, &parameters) < 0)
                return log_oom();
        r = client_call_patiently("io.hagw.Acme.NewAccount", parameters, call->json, &reply);
        if (r < 0)
                return r;
        if (call->json)
                return output_json(reply) < 0 ? CTL_FAILED : CTL_OK;
        output("Certificates are ordered by %s from now on.\n", field_text(reply, "accountUri"));
        say_former(reply);
        return say_elsewhere(call);
}

int verb_cert_account_rollover(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *reply = NULL;
        int r;

        if (directory_parameters(call->n_arguments > 0 ? call->arguments[0] : NULL, &parameters) < 0)
                return log_oom();
        r = client_call_patiently("io.hagw.Acme.ChangeAccountKey", parameters, call->json, &reply);
        if (r == -EREMOTEIO)
                log_error("Where the key is not the account's any more, hagw-ctl cert account new makes "
                          "another account.");
        if (r < 0)
                return r;
        if (call->json)
                return output_json(reply) < 0 ? CTL_FAILED : CTL_OK;
        output_sentences("%s has another key; the one before no longer works.\n",
                         field_text(reply, "accountUri"));
        return CTL_OK;
}
