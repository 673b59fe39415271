/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs about login sessions, which hagw-webd keeps. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/hostfile.h"
#include "libhagw/log.h"
#include "hagw-ctl/names.h"
#include "hagw-ctl/output.h"
#include "libhagw/pure/plural.h"
#include "hagw-ctl/view.h"
#include "hagw-ctl/verbs.h"

int verb_session_list(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL, *parameters = NULL;
        const char *user = call->n_arguments > 0 ? call->arguments[0] : NULL;
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *ignored = NULL;
        int r;

        if (user) {
                r = names_check(NAMES_USERS, user);
                if (r < 0)
                        return r;
        }
        if (sd_json_buildo(&parameters,
                           SD_JSON_BUILD_PAIR_CONDITION(!!user, "user", SD_JSON_BUILD_STRING(user))) < 0)
                return log_oom();
        r = client_call("io.hagw.Web.ListSessions", parameters, &v);
        if (r < 0)
                return r;
        if (call->json)
                return output_json(v) < 0 ? CTL_FAILED : CTL_OK;
        if (field_count(v, "sessions") == 0) {
                output("Nobody is logged in.\n");
                return CTL_OK;
        }
        if (config_load(call->config_dir, &config, &ignored) < 0)
                config = NULL;
        return view_print_sessions(v, config, 0) < 0 ? log_oom() : CTL_OK;
}

int verb_session_token(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *reply = NULL;
        const char *user = call->arguments[0], *label = call_option(call, "label") ?: "token";
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *host = NULL;
        int r;

        r = names_check(NAMES_USERS, user);
        if (r < 0)
                return r;
        r = load_config(call->config_dir, &config);
        if (r >= 0)
                r = host_expand_known(config, call->arguments[1], /* force= */ false,
                                      /* meant= */ NULL, &host);
        if (r < 0)
                return r;
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("user", SD_JSON_BUILD_STRING(user)),
                           SD_JSON_BUILD_PAIR("host", SD_JSON_BUILD_STRING(host)),
                           SD_JSON_BUILD_PAIR("label", SD_JSON_BUILD_STRING(label))) < 0)
                return log_oom();
        r = client_call("io.hagw.Web.AddToken", parameters, &reply);
        if (r < 0)
                return r;
        if (call->json)
                return output_json(reply) < 0 ? CTL_FAILED : CTL_OK;
        output("X-Hagw-Token: %s\n\n", field_text(reply, "token"));
        output_sentences("The program has to send this field with every request to https://%s/. It is not "
                         "shown again. Whoever has it passes as %s there, until: hagw-ctl session revoke "
                         "%s\n",
                         host, user, field_text(reply, "sessionId"));
        return CTL_OK;
}

static int check_known(_unused_ const Call *call, const char *name, _unused_ void *userdata) {
        return names_check_removal(NAMES_SESSIONS, name);
}

/* The sessions with this value in this field: their own id, or their user. */
static int revoke_by(const Call *call, const char *field, const char *value) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *reply = NULL;
        unsigned long n;
        int r;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR(field, SD_JSON_BUILD_STRING(value))) < 0)
                return log_oom();
        r = client_call("io.hagw.Web.RevokeSession", parameters, &reply);
        if (r < 0)
                return r;
        if (call->json)
                return output_json(reply) < 0 ? CTL_FAILED : CTL_OK;
        n = (unsigned long) field_number(reply, "revoked");
        output("%lu %s ended.\n", n, PLURAL(n, "session"));
        return CTL_OK;
}

static int revoke_one(const Call *call, const char *name, _unused_ void *userdata) {
        return revoke_by(call, "id", name);
}

int verb_session_revoke(const Call *call) {
        const char *user = call_option(call, "user");
        int r;

        if ((call->n_arguments == 0) == !user) {
                log_error("Which one? Give sessions, as hagw-ctl session list shows them, or --user=NAME.");
                return CTL_USAGE;
        }
        if (!user)
                return call_each(call, 0, check_known, revoke_one, NULL);
        r = names_check_removal(NAMES_USERS, user);
        return r < 0 ? r : revoke_by(call, "user", user);
}
