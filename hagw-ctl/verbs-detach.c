/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl detach: undoes attach. What else this house has stays. */

#include <fcntl.h>
#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/confrelay.h"
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
                        output("These hosts are reached through the relay alone, and go with it:\n");
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

int verb_detach(const Call *call) {
        _cleanup_(config_freep) Config *before = NULL, *after = NULL;
        _cleanup_close_ int lock = lock_hosts();
        size_t aside = 0;
        int r;

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
        r = cut_config(call, before, &after);
        if (r >= 0)
                r = hosts_set_aside(before, &aside);
        lock = safe_close(lock);
        if (r >= 0)
                r = reload_daemons(/* must_run= */ false);
        if (r >= 0)
                r = drop_token();
        if (r < 0)
                return r;
        r = output_change(call->json, before->relay.address, "detached",
                          "This house is detached from %s, and its token is removed.\n",
                          before->relay.address);
        if (r >= 0 && confrelay_trusts(before) && !call->json)
                output("Gone from hagw.conf as well, for no other relay was trusted so: %s%s%s\n",
                       before->relay.opened == CONF_OPENED_ACCEPT ? "opened = \"accept\";" : "",
                       before->relay.opened == before->relay.private_ ? " " : "",
                       before->relay.private_ == CONF_OPENED_ACCEPT ? "private = \"accept\";" : "");
        if (r >= 0 && aside > 0 && !call->json)
                output("Their files are kept in hosts.d as *.conf" ASIDE_SUFFIX "; hagw-ctl attach takes\n"
                       "back those whose names it brings back.\n");
        return r;
}
