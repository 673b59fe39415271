/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl status: one screen, and an exit status for scripts. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/readable.h"
#include "hagw-ctl/status.h"
#include "hagw-ctl/view.h"
#include "libhagw/log.h"

/* Causes first: what else fails by them is found behind them, and left out (cause.h). */
static int (*const judges[])(Status *s) = {
        judge_clock, judge_daemons,   judge_boot,   judge_config,    judge_state,        judge_folders,
        judge_doors, judge_listeners, judge_zones,  judge_addresses, judge_relay,        judge_tenants,
        judge_gaps,
        judge_caa,   judge_proofs,    judge_users,  judge_files,     judge_hosts,        judge_certificates,
        judge_hops,  judge_visitors,  judge_families, judge_notify,  judge_exports,      judge_beside,
};

void status_done(Status *s) {
        sd_json_variant **all[] = { &s->addresses, &s->zones,    &s->hosts,    &s->certificates,
                                    &s->sessions,  &s->daemons,  &s->problems, &s->relay,
                                    &s->tenants,   &s->refusals, &s->caa,      &s->hops,
                                    &s->notices,   &s->visitors, &s->problem_names, &s->tenants_refused };

        caa_names_done(&s->names);
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                *all[i] = sd_json_variant_unref(*all[i]);
        s->config = config_free(s->config);
        free(s->config_error);
}

/* What is wrong with them is a finding. -ENOMEM. */
static int load_files(Status *s, const char *dir) {
        int r;

        r = config_load(dir, &s->config, &s->config_error);
        if (r >= 0)
                r = readable_check(dir, s->config, &s->config_error);
        if (r < 0)
                s->config = config_free(s->config);
        s->config_errno = MIN(r, 0);
        return r == -ENOMEM ? r : 0;
}

int status_gather(Status *s, const Call *call, bool look) {
        _cleanup_free_ char *a = NULL, *b = NULL, *c = NULL, *d = NULL, *e = NULL, *f = NULL, *g = NULL;
        int r;

        r = load_files(s, call->config_dir);
        if (r < 0)
                return log_oom();
        /* What a daemon that is off cannot tell is told once, by view_daemons(). */
        r = view_daemons(s->config, &s->daemons);
        if (r >= 0)
                r = view_addresses(/* refresh= */ false, &s->addresses, &a);
        if (r >= 0)
                r = view_zones(&s->zones, &b);
        if (r >= 0)
                r = view_certificates(&s->certificates, &c);
        if (r >= 0)
                r = view_sessions(NULL, &s->sessions, &d);
        if (r >= 0)
                r = view_refusals(&s->refusals, &g);
        if (r >= 0)
                r = view_relay(s->config, &s->relay, &f);
        if (r >= 0)
                r = view_tenants(s->config, &s->tenants);
        if (r >= 0)
                r = view_tenants_refused(s->config, &s->tenants_refused);
        if (r >= 0)
                r = view_hops(&s->hops);
        if (r >= 0)
                r = view_outside(&s->visitors);
        if (r >= 0)
                r = s->config ? view_hosts(call->config_dir, look, &s->hosts, &e) :
                                view_running_hosts(look, &s->hosts);
        if (r < 0)
                return r;
        s->config_dir = call->config_dir;
        s->answers = field_count(s->zones, "zones") > 0;
        s->ask = !a && !call_option(call, "no-delegation");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(judges); i++)
                r = judges[i](s);
        return r < 0 ? log_oom() : 0;
}

int verb_status(const Call *call) {
        _cleanup_(status_done) Status s = {};
        int r;

        r = status_gather(&s, call, /* look= */ true);
        if (r < 0)
                return r;
        r = call->json ? status_print_json(&s) : status_print(&s);
        if (r < 0 || s.lost)
                return log_oom();
        if (s.denied)
                return CTL_DENIED;
        return s.unreachable ? CTL_UNREACHABLE : s.n_problems > 0 ? CTL_FAILED : CTL_OK;
}
