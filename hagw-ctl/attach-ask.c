/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-ctl attach is told, by options or answers: the relay, the code, and what setup asks for as
 * well. */

#include <stdio.h>

#include "hagw-ctl/attach.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/confedit.h"
#include "hagw-ctl/confzone.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/relay.h"
#include "libhagw/log.h"
#include "libhagw/pure/relaycode.h"
#include "libhagw/pure/relaytoken.h"

static int take_token_text(Attach *a, const char *text) {
        _cleanup_relay_token_ RelayToken token = {};

        a->token = strdup(text);
        if (!a->token)
                return log_oom();
        if (relay_token_parse(a->token, strlen(a->token), &token) < 0) {
                log_error("That is no token: one is hagw_TENANT_ID_SECRET, as it was told at the relay.");
                return -EINVAL;
        }
        a->tenant = strdup(token.tenant);
        return a->tenant ? 0 : log_oom();
}

/* Does hagw-keyd hold one already? Where it does not run, what hagw.conf says has to do: attach wrote the
 * relay into it after the token was there. */
static bool has_token(const Attach *a) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *reason = NULL, *error = NULL;
        int r;

        r = client_try("io.hagw.Key.GetToken", NULL, &reply, &reason);
        if (r >= 0 || r == -EREMOTEIO)
                return r >= 0;
        return config_load(a->call->config_dir, &config, &error) >= 0 && config->relay.address;
}

int attach_refuse_no_code(const Attach *a) {
        log_error("Which code? Whoever runs the relay makes one with hagw-ctl tenant add; give it here: "
                  "hagw-ctl attach %s CODE",
                  a->address);
        return -EINVAL;
}

/* Before anything else is asked for or begun: without one nothing else is of use. */
static int ask_for_code(Attach *a) {
        _cleanup_(password_freep) char *answer = NULL;
        int r;

        if (has_token(a))
                return 0;
        if (!prompt_possible() || call_option(a->call, "yes") || a->call->json)
                return attach_refuse_no_code(a);
        a->setup.ask = true;
        r = setup_ask(&a->setup, TYPED_CODE,
                      "The code for this house, good once, which whoever runs the relay makes there with "
                      "hagw-ctl tenant add.",
                      "Code", NULL, &answer);
        if (r < 0)
                return r;
        if (startswith(answer, "hagw_"))
                return take_token_text(a, answer);
        a->code = strdup(answer);
        return a->code ? setup_remember(&a->setup, "", answer) : log_oom();
}

/* The relay knows the token no more: only another code is of use. */
static bool token_is_refused(void) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *relay = NULL;
        _cleanup_free_ char *reason = NULL;

        return client_try("io.hagw.Proxy.DescribeRelay", NULL, &relay, &reason) >= 0 &&
               relay_does_not_admit(relay);
}

/* It was the token's, and is used up therefore; or nobody here needs another one. */
static bool say_attached_already(const Attach *a) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;

        if (client_try("io.hagw.Key.GetToken", NULL, &reply, &reason) < 0 || token_is_refused())
                return false;
        log_error("This house has a token already, as %s: \"hagw-ctl attach %s\", without a code, goes on "
                  "with that.",
                  strempty(field_text(reply, "tenant")), a->address);
        return true;
}

bool attach_ask_again(Attach *a) {
        _cleanup_(password_freep) char *answer = NULL;

        if (say_attached_already(a) || !prompt_possible() || call_option(a->call, "yes") || a->call->json)
                return false;
        if (setup_ask(&a->setup, TYPED_CODE, "Nothing that you have answered is lost.", "Another code", NULL,
                      &answer) < 0)
                return false;
        free(a->code);
        a->code = NULL;
        if (startswith(answer, "hagw_"))
                return take_token_text(a, answer) >= 0;
        a->code = strdup(answer);
        return a->code || log_oom() >= 0;
}

/* One that is none costs no question at the relay, where wrong ones are counted. */
static int take_code(Attach *a, const char *word) {
        const TypedContext context = {};
        _cleanup_free_ char *reason = NULL;
        int r;

        r = typed_read(TYPED_CODE, word, &context, &a->code, &reason);
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0)
                log_error("%s", reason);
        return r;
}

static int gather_credential(Attach *a) {
        const char *word = a->call->n_arguments > 1 ? a->call->arguments[1] : NULL;
        _cleanup_(password_freep) char *text = NULL;
        int r;

        if (word && !startswith(word, "hagw_") && !call_option(a->call, "token"))
                return take_code(a, word);
        if (!word && !call_option(a->call, "token"))
                return ask_for_code(a);
        if (word)
                return take_token_text(a, word);
        r = secret_read("The token", &text);
        return r < 0 ? r : take_token_text(a, text);
}

char *attach_guess_zone(const Attach *a) {
        size_t n = strcspn(a->address, ":[");
        char *text;

        if (n == 0)
                return strdup("house.invalid");
        return asprintf(&text, "%s.%.*s", a->tenant ?: "house", (int) n, a->address) < 0 ? NULL : text;
}

/* By option, or by a hagw.conf that is there. */
static bool is_laboratory(const Attach *a) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *error = NULL;

        return call_option(a->call, "laboratory") ||
               (config_load(a->call->config_dir, &config, &error) >= 0 && config->documentation_networks);
}

static int check_example(const Attach *a) {
        _cleanup_free_ char *reason = NULL;
        int r = typed_judge_example(a->address, is_laboratory(a), &reason);

        if (r == -EINVAL)
                log_error("%s", reason);
        return r == -ENOMEM ? log_oom() : r;
}

static int judge_hosts(const Attach *a) {
        _cleanup_(config_freep) Config *config = config_new();
        _cleanup_free_ char *zone = attach_guess_zone(a), *text = strdup(""), *error = NULL;

        if (!config || !zone || !text || confzone_add(&text, zone, "relay") < 0)
                return log_oom();
        /* What is no name may be an address in digits. */
        if (config_parse_text(text, "zones", /* host= */ false, config, &error) < 0)
                return 0;
        config->documentation_networks = true; /* of an example the relay's zone may be the one */
        return setup_judge_hosts(&a->setup, config);
}

/* What a browser shows around a name is no part of it. */
static void read_address(Attach *a) {
        const char *typed = a->call->arguments[0], *scheme = strstr(typed, "://"),
                   *name = scheme ? scheme + strlen("://") : typed;

        (void) snprintf(a->address, sizeof(a->address), "%.*s", (int) strcspn(name, "/"), name);
}

/* The two in each other's place. */
static bool is_turned_round(const Attach *a) {
        uint8_t code[RELAY_CODE_BYTES];

        return a->call->n_arguments > 1 && relay_code_parse(a->call->arguments[0], code) >= 0 &&
               relay_code_parse(a->call->arguments[1], code) < 0;
}

/* tenant add prints the line at the relay, and it is for the house's terminal: attached to itself, a relay
 * would take the place of the house, whose code would be used up. */
static int check_no_relay(const Attach *a) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *error = NULL;

        /* What is wrong with the files is told where they are needed. */
        if (config_load(a->call->config_dir, &config, &error) < 0 || !config->tenants.zone)
                return 0;
        log_error("This machine is a relay itself, %s: hagw-ctl attach is typed in the house that is to be "
                  "reached through one. Nothing is changed here, and the code stays good.",
                  config->tenants.name);
        return -EEXIST;
}

int attach_gather(Attach *a) {
        int r;

        r = check_no_relay(a);
        if (r < 0)
                return r;
        read_address(a);
        a->pin = call_option(a->call, "pin");
        if (is_turned_round(a)) {
                log_error("The relay's address comes first, then the code: hagw-ctl attach %s CODE",
                          a->call->arguments[1]);
                return -EINVAL;
        }
        r = setup_check_value(CONF_SCOPE_MAIN, "relay", "address", a->address);
        if (r >= 0)
                r = check_example(a);
        if (r >= 0 && a->pin)
                r = setup_check_value(CONF_SCOPE_MAIN, "relay", "pin", a->pin);
        if (r >= 0)
                r = setup_check_options(&a->setup);
        if (r >= 0)
                r = setup_check_root(a->call, /* start= */ true);
        if (r >= 0)
                r = setup_check_booted(a->call);
        if (r >= 0)
                r = gather_credential(a);
        if (r >= 0)
                r = setup_gather(&a->setup);
        return r < 0 ? r : judge_hosts(a);
}
