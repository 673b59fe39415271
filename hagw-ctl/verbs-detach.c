/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl detach: undoes attach. What else this house has stays. */

#include <fcntl.h>
#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/confrelay.h"
#include "hagw-ctl/giveback.h"
#include "hagw-ctl/hostaside.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/relay.h"
#include "hagw-ctl/reload.h"
#include "hagw-ctl/verbs.h"
#include "libhagw/log.h"
#include "libhagw/state.h"

static void say_losses(const Config *c) {
        size_t n = 0;

        for (size_t i = 0; i < c->n_hosts; i++) {
                if (!host_is_the_relays(c, &c->hosts[i]))
                        continue;
                if (n++ == 0)
                        output_sentences("These hosts are reached through the relay alone, and go with "
                                         "it:\n");
                output("  %s\n", c->hosts[i].name);
        }
}

static int may_detach(const Call *call, const Config *c) {
        _cleanup_free_ char *question = NULL;
        int r;

        if (call_option(call, "yes"))
                return 1;
        if (!prompt_possible() || call->json) {
                log_error("Detaching from %s ends what visitors have open; --yes does it without asking.",
                          c->relay.address);
                return -EINVAL;
        }
        if (asprintf(&question, "Detach this house from %s?", c->relay.address) < 0) {
                question = NULL;
                return log_oom();
        }
        r = prompt_yes(question, false);
        if (r == 0)
                output("Nothing is changed: this house stays attached to %s.\n", c->relay.address);
        return r;
}

static int cut_config(const Call *call, const Config *c, Config **ret) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        int r;

        if (asprintf(&path, "%s/hagw.conf", call->config_dir) < 0) {
                path = NULL;
                return log_oom();
        }
        r = state_read(AT_FDCWD, path, &text, NULL);
        if (r < 0)
                return log_error_errno(r, "%s could not be read: %m", path);
        r = confrelay_detach(&text, c);
        if (r < 0)
                return edit_failed(path, r);
        return relay_write_config(call->config_dir, text, NULL, NULL, NULL, ret);
}

/* One that is gone already is no reason to stop; a credential is not ours to remove. */
static int drop_token(void) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;

        if (client_try("io.hagw.Key.GetToken", NULL, &reply, &reason) == -EREMOTEIO)
                return 0;
        return client_call("io.hagw.Key.RemoveToken", NULL, NULL);
}

typedef struct Leaving {
        GivenBack token;
        sd_json_variant *described; /* the token; NULL: there is none */
        char *why;                  /* it may be good still; NULL: that was wanted, or it is not */
        size_t aside;               /* files of hosts */
} Leaving;

static void leaving_done(Leaving *l) {
        sd_json_variant_unref(l->described);
        free(l->why);
}

static int say_json(const char *relay, const Leaving *l) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const bool there = l->token != GIVEN_BACK_NOTHING, left = there && l->token != GIVEN_BACK_TOKEN;

        if (sd_json_buildo(&v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(relay)),
                           SD_JSON_BUILD_PAIR("change", SD_JSON_BUILD_STRING("detached")),
                           SD_JSON_BUILD_PAIR_CONDITION(there, "tokenGivenBack",
                                                        SD_JSON_BUILD_BOOLEAN(!left)),
                           SD_JSON_BUILD_PAIR_CONDITION(
                                   left, "tenant",
                                   SD_JSON_BUILD_STRING(field_text(l->described, "tenant"))),
                           SD_JSON_BUILD_PAIR_CONDITION(
                                   left, "tokenId",
                                   SD_JSON_BUILD_STRING(field_text(l->described, "tokenId"))),
                           SD_JSON_BUILD_PAIR_CONDITION(!!l->why, "why",
                                                        SD_JSON_BUILD_STRING(l->why))) < 0 ||
            output_json(v) < 0)
                return log_oom();
        return 0;
}

static void say(const Config *before, const Leaving *l) {
        static const char *const token[_GIVEN_BACK_MAX] = {
                [GIVEN_BACK_NOTHING] = "",
                [GIVEN_BACK_TOKEN] = ", and its token is good nowhere any more",
                [GIVEN_BACK_CREDENTIAL] = "; its token is a credential of hagw-keyd's, and stays",
                [GIVEN_BACK_NOT] = ", and its token is removed here",
                [GIVEN_BACK_UNKNOWN] = ", and its token is removed here",
        };

        const char *tenant = strempty(field_text(l->described, "tenant")),
                   *id = strempty(field_text(l->described, "tokenId"));

        output_paragraph("", "This house is detached from %s%s.", before->relay.address, token[l->token]);
        if (l->token == GIVEN_BACK_CREDENTIAL || l->token == GIVEN_BACK_NOT)
                output_paragraph("",
                                 "At the relay the token is still good: there, hagw-ctl tenant revoke %s %s "
                                 "ends it.%s%s",
                                 tenant, id, l->why ? " " : "", strempty(l->why));
        if (l->token == GIVEN_BACK_UNKNOWN)
                output_paragraph("",
                                 "The relay did not admit the token %s of %s. %s There, hagw-ctl tenant "
                                 "show %s says whether it is.",
                                 id, tenant, strempty(l->why), tenant);
        if (confrelay_trusts(before))
                output_sentences("Gone from hagw.conf as well, for no other relay was trusted so: %s%s%s\n",
                                 before->relay.opened == CONF_OPENED_ACCEPT ? "opened = \"accept\";" : "",
                                 before->relay.opened == before->relay.private_ ? " " : "",
                                 before->relay.private_ == CONF_OPENED_ACCEPT ? "private = \"accept\";" :
                                                                                "");
        if (l->aside > 0)
                output_paragraph("", "The files of its hosts are kept in hosts.d as *.conf" ASIDE_SUFFIX
                                     " and, of names in no zone, *.conf" ASIDE_SUFFIX ASIDE_ELSEWHERE
                                     "; hagw-ctl attach takes back those whose names it brings back.");
}

/* Written first, and taken over last: in between hagw-proxyd still has the relay to which the token goes
 * back. lock: of the configuration. */
static int leave(const Call *call, const Config *before, int lock, Leaving *l) {
        _cleanup_(config_freep) Config *after = NULL;
        int r, dropped;

        r = cut_config(call, before, &after);
        if (r >= 0)
                r = hosts_set_aside(before, &l->aside);
        safe_close(lock);
        if (r >= 0)
                r = give_back(call_option(call, "keep-token"), call_option(call, "force"), &l->described,
                              &l->why);
        if (r < 0)
                return r;
        l->token = r;
        /* What is good nowhere any more goes, whatever a daemon says of the reload. */
        r = reload_daemons(/* must_run= */ false);
        dropped = drop_token();
        return r < 0 ? r : dropped;
}

int verb_detach(const Call *call) {
        _cleanup_(leaving_done) Leaving l = {};
        _cleanup_(config_freep) Config *before = NULL;
        _cleanup_close_ int lock = lock_hosts();
        int r;

        if (call_option(call, "keep-token") && call_option(call, "force")) {
                log_error("--keep-token or --force, not both.");
                return CTL_USAGE;
        }
        r = load_config(call->config_dir, &before);
        if (r < 0)
                return r;
        if (!before->relay.address) {
                log_error("This house is attached to no relay.");
                return CTL_FAILED;
        }
        if (!call->json)
                say_losses(before);
        r = may_detach(call, before);
        if (r <= 0)
                return r < 0 ? r : CTL_FAILED;
        r = leave(call, before, TAKE_FD(lock), &l);
        if (r < 0)
                return r;
        if (call->json)
                return say_json(before->relay.address, &l);
        say(before, &l);
        return CTL_OK;
}
