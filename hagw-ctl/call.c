/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What was given on the command line, for the verbs. */

#include "hagw-ctl/output.h"
#include "hagw-ctl/unset.h"
#include "hagw-ctl/verbs.h"
#include "libhagw/log.h"

const char *call_option_nth(const Call *call, const char *name, unsigned n) {
        for (unsigned i = 0; i < call->n_given; i++)
                if (streq(call->given[i].option->name, name) && n-- == 0)
                        return call->given[i].value;
        return NULL;
}

const char *call_option(const Call *call, const char *name) {
        for (unsigned i = call->n_given; i-- > 0;)
                if (streq(call->given[i].option->name, name))
                        return call->given[i].value;
        return NULL;
}

static bool call_has_before(const Call *call, unsigned first, unsigned at) {
        for (unsigned i = first; i < at; i++)
                if (streq(call->arguments[i], call->arguments[at]))
                        return true;
        return false;
}

/* No name fares better: nobody is there to be asked, say. */
static bool is_final(int r) {
        return r == -ENOMEM || r == -ENOTCONN || r == -ETIMEDOUT || r == -EACCES || r == -EPERM ||
               r == -ECANCELED;
}

int call_try_each(const Call *call, unsigned first, CallName run, void *userdata) {
        int status = CTL_OK, error = 0, r;

        for (unsigned i = first; i < call->n_arguments; i++) {
                if (call_has_before(call, first, i))
                        continue;
                r = run(call, call->arguments[i], userdata);
                if (is_final(r))
                        return r;
                if (r < 0)
                        error = error < 0 ? error : r;
                else
                        status = MAX(status, r);
        }
        return error < 0 ? error : status;
}

int call_each(const Call *call, unsigned first, CallName check, CallName run, void *userdata) {
        int r = check ? call_try_each(call, first, check, userdata) : CTL_OK;

        return r == CTL_OK ? call_try_each(call, first, run, userdata) : r;
}

int call_check_root(const Call *call, const char *folder, const char *what) {
        const Verb *v = call->verb;

        if (geteuid() == 0 || (folder && access(folder, W_OK) >= 0))
                return 0;
        log_error("hagw-ctl %s%s%s %s, which needs root: try again with sudo.", strempty(v->group),
                  v->group ? " " : "", v->name, what);
        return -EACCES;
}

int call_check_draft(const Call *call, const char *but) {
        const Verb *v = call->verb;

        if (!unset_is_draft(call->config_dir))
                return 0;
        log_error("hagw-ctl %s%s%s is about this machine, and %s%s. hagw-ctl config check looks at what is "
                  "there.",
                  strempty(v->group), v->group ? " " : "", v->name, unset_draft_text(call->config_dir), but);
        return -EINVAL;
}

void call_part(const Call *call, const char *name, unsigned first) {
        if (!call->json && name != call->arguments[first])
                output("\n");
}
