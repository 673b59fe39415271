/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl setup: from nothing to a gateway that answers, in steps that can each be done again. */

#include <fcntl.h>
#include <stdio.h>

#include "hagw-ctl/certwait.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/readable.h"
#include "hagw-ctl/sandbox.h"
#include "hagw-ctl/setup.h"
#include "hagw-ctl/start.h"
#include "hagw-ctl/terminal.h"
#include "libhagw/conf-parse.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/state.h"
#include "libhagw/usec.h"

/* Nobody is asked what becomes of the zones that are there, and no option says it. Told. */
static int refuse_zones(const Setup *s, const char *path) {
        _cleanup_free_ char *names = NULL;

        for (size_t i = 0; i < s->present->n_zones; i++) {
                char *more;

                if (asprintf(&more, "%s%s%s", strempty(names), names ? ", " : "",
                             s->present->zones[i].name) < 0)
                        return log_oom();
                free(names);
                names = more;
        }
        log_error("%s has the %s %s. --beside adds what --zone says to %s; --force writes the file anew, "
                  "without %s (and keeps it as hagw.conf.old). At a terminal, without --yes, hagw-ctl setup "
                  "can also give a zone another name.",
                  path, plural(s->present->n_zones, "zone", "zones"), strempty(names),
                  plural(s->present->n_zones, "it", "them"), plural(s->present->n_zones, "it", "them"));
        return -EEXIST;
}

/* Keeps what stands in the way: nothing that a person wrote is lost. */
static int keep_old(const Setup *s, const char *path, const char *before) {
        _cleanup_free_ char *old = NULL;

        if (!call_option(s->call, "force"))
                return refuse_zones(s, path);
        if (asprintf(&old, "%s.old", path) < 0) {
                old = NULL;
                return log_oom();
        }
        return write_config_file(old, before);
}

/* What is there stays; what was answered is changed or added. */
static int edit_main(const Setup *s, const char *before, char **ret) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        r = load_config(s->call->config_dir, &config);
        if (r < 0)
                return r;
        text = strdup(before);
        if (!text)
                return log_oom();
        r = setup_edit_text(s, config, &text);
        if (r >= 0)
                *ret = TAKE_PTR(text);
        return r;
}

/* A new zone has certificates by this machine's accounts only. One that is there already keeps what it has:
 * its owner may have others order for names in it. */
static int choose_caa(Setup *s, const char *before) {
        _cleanup_(config_freep) Config *config = config_new();
        _cleanup_free_ char *error = NULL;
        int r = 0;

        if (!config)
                return log_oom();
        if (before)
                (void) config_parse_text(before, "hagw.conf", /* host= */ false, config, &error);
        for (size_t i = 0; r >= 0 && i < s->choices.n_zones; i++) {
                const char *name = strempty(setup_zone_name(s, i));
                const ConfZone *old = config_find_zone(config, name);

                if (!old || !streq(old->name, name))
                        r = choices_add(&s->choices, CONF_SCOPE_ZONE, i, NULL, "caa", CONF_CAA_OURS);
                else
                        for (char **p = old->caa_issuers; r >= 0 && p && *p; p++)
                                r = choices_add(&s->choices, CONF_SCOPE_ZONE, i, NULL, "caa", *p);
        }
        return r < 0 ? log_oom() : 0;
}

/* What is there already fits what hagw.conf is to be. Told. */
static int judge_whole(const Setup *s, Config *config) {
        _cleanup_free_ char *error = NULL;
        int r = config_check_whole(config, &error);

        for (size_t i = 0; r >= 0 && s->present && i < s->present->n_hosts; i++)
                r = config_check_host(config, &s->present->hosts[i], &error);
        if (r < 0)
                log_error("%s", error ?: "Out of memory.");
        return r;
}

/* What hagw.conf is to be, and what it says; *ret_text is NULL where it stays. */
static int plan_main(const Setup *s, const char *path, const char *before, char **ret_text, Config **ret) {
        _cleanup_(config_freep) Config *config = config_new();
        _cleanup_free_ char *text = NULL, *error = NULL;
        int r;

        *ret_text = NULL;
        if (before && !s->has_settings && !s->beside_resolver)
                return load_config(s->call->config_dir, ret);
        if (!config)
                return log_oom();
        if (before && (s->relay || setup_is_edit(s)))
                r = edit_main(s, before, &text);
        else
                r = conf_text_main(&s->choices, &text) < 0 ? log_oom() : 0;
        if (r < 0)
                return r;
        r = config_parse_text(text, path, /* host= */ false, config, &error);
        if (r >= 0 && config->acme.first.ca_file)
                r = readable_check_ca(s->call->config_dir, config->acme.first.ca_file, &error);
        if (r < 0) {
                log_error("%s", error ?: "Out of memory.");
                return -EINVAL;
        }
        r = judge_whole(s, config);
        if (r < 0)
                return r;
        if (!before || !streq(before, text))
                *ret_text = TAKE_PTR(text);
        *ret = TAKE_PTR(config);
        return 0;
}

static int write_main(Setup *s, const char *path, const char *before, const char *text) {
        int r;

        if (before && !s->relay && !setup_is_edit(s)) {
                r = keep_old(s, path, before);
                if (r < 0)
                        return r;
        }
        r = write_config_file(path, text);
        if (r < 0)
                return r;
        s->written = true;
        setup_say(s, "%s is written.\n", path);
        return 0;
}

/* Their zone has another name now: nothing here answers for theirs any more. */
static void tell_left_outside(const Setup *s) {
        for (size_t i = 0; s->renamed && i < s->config->n_hosts; i++) {
                const char *name = s->config->hosts[i].name, *bare = startswith(name, "*.") ?: name;

                if (!config_find_zone(s->config, bare) && config_find_zone(s->present, bare))
                        log_warning("%s lies in no zone of this gateway any more; hagw-ctl host remove "
                                    "%s%s%s takes it away.",
                                    name, bare == name ? "" : "'", name, bare == name ? "" : "'");
        }
}

/* All is judged before the first file is written; 1: a host could not be written after all. Nobody else
 * changes the files meanwhile. */
static int write_config(Setup *s) {
        _cleanup_free_ char *path = NULL, *before = NULL, *text = NULL;
        _cleanup_(config_freep) Config *planned = NULL;
        _cleanup_close_ _unused_ int lock = lock_hosts();
        int r, hosts;

        if (asprintf(&path, "%s/hagw.conf", s->call->config_dir) < 0) {
                path = NULL;
                return log_oom();
        }
        r = state_read(AT_FDCWD, path, &before, NULL);
        if (r < 0 && r != -ENOENT)
                return log_error_errno(r, "%s could not be read: %m", path);
        r = before && (s->relay || setup_is_edit(s)) ? 0 : choose_caa(s, before);
        if (r >= 0)
                r = plan_main(s, path, before, &text, &planned);
        if (r >= 0)
                r = setup_judge_hosts(s, planned);
        if (r >= 0)
                r = setup_make_folders(s->call->config_dir);
        if (r >= 0 && text)
                r = write_main(s, path, before, text);
        if (r >= 0)
                r = load_config(s->call->config_dir, &s->config);
        if (r >= 0 && text)
                tell_left_outside(s);
        if (r < 0 || s->n_hosts == 0)
                return r;
        hosts = setup_write_hosts(s, s->config);
        s->config = config_free(s->config);
        r = load_config(s->call->config_dir, &s->config);
        return r < 0 ? r : hosts < 0;
}

/* What setup reached. Who did not wait for the certificates is not told that they failed. */
typedef struct Reached {
        bool started, delegated, certified, waited;
        bool failed; /* something else did not work, which was told */
        bool interrupted; /* while it waited */
} Reached;

static int finish(Setup *s, const Reached *reached, bool was_to_start) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        bool failed = reached->failed || s->shut || s->userless ||
                      (reached->started &&
                       (!reached->delegated || (reached->waited && !reached->certified)));
        unsigned failing;
        int status;

        if (s->config->n_zones + s->config->n_hosts == 0 && !s->config->relay.address) {
                failed = true;
                log_error("hagw.conf names no zone, so that nobody comes: hagw-ctl setup --zone=NAME writes "
                          "one. A house that has no public address is reached through a relay: hagw-ctl "
                          "attach RELAY CODE");
        }
        s->down = was_to_start && !reached->started;
        s->uncertified = reached->waited && !reached->certified;
        failing = setup_say_next(s);
        status = s->down ? CTL_UNREACHABLE : failed || failing > 0 ? CTL_FAILED : CTL_OK;
        if (!s->call->json)
                return status;
        if (sd_json_buildo(&v, SD_JSON_BUILD_PAIR("started", SD_JSON_BUILD_BOOLEAN(reached->started)),
                           SD_JSON_BUILD_PAIR("delegated", SD_JSON_BUILD_BOOLEAN(reached->delegated)),
                           SD_JSON_BUILD_PAIR("certified", SD_JSON_BUILD_BOOLEAN(reached->certified)),
                           SD_JSON_BUILD_PAIR("failing", SD_JSON_BUILD_UNSIGNED(failing))) < 0 ||
            output_json(v) < 0)
                return log_oom();
        return status;
}

/* Where the machine refuses the sandbox and somebody is there who lets it do without, once more.
 * ret_refused: nobody did, so that no daemon will run. */
static bool start(const Setup *s, bool *ret_refused) {
        const DaemonRow *off;
        const SandboxRefusal *refusal;

        output_on_interrupt("The configuration is written; \"hagw-ctl setup\" goes on from here.");
        setup_say(s, gateway_runs() ? "\nhagw runs, and takes the configuration over …\n" :
                                      "\nStarting hagw …\n");
        if (start_gateway(s->config, s->call->json, &off) >= 0)
                return true;
        refusal = off ? sandbox_refusal(off->name) : NULL;
        *ret_refused = refusal && sandbox_mend(refusal, off->name, s->ask) <= 0;
        if (!refusal || *ret_refused)
                return false;
        return start_gateway(s->config, s->call->json, &off) >= 0;
}

static bool answers(const char *interface) {
        for (const DaemonRow *d = daemon_rows; d->name; d++) {
                _cleanup_free_ char *reason = NULL;

                if (streq(d->interface, interface))
                        return client_describe(d, NULL, &reason) >= 0;
        }
        return false;
}

/* None of the zones' certificates can come before, and who waited would see that only. */
static void say_skipped(const Setup *s) {
        if (s->call->json)
                return;
        output("\n");
        output_paragraph("", "The certificates are not waited for: they come when the authority finds its "
                             "way here. hagw-acmed tries again by itself (hagw-ctl cert list shows when); "
                             "\"hagw-ctl setup\" once more tries at once and waits for them.");
}

/* What one step cannot do keeps none of the others: each asks for what it needs itself. */
static int run_steps(Setup *s, Reached *reached, uint64_t wait_usec) {
        char limit[TIME_TEXT_MAX];
        bool refused = false;
        int bad = -1, r;

        reached->started = start(s, &refused);
        if (refused)
                return 0; /* systemd's sockets would take each call, and nobody answer */
        output_on_interrupt("hagw runs and goes on by itself; hagw-ctl status shows how it gets on.");
        if (answers("io.hagw.Web") && setup_make_user(s) < 0)
                reached->failed = true;
        s->userless = answers("io.hagw.Web") && setup_lacks_user(s);
        if (answers("io.hagw.Acme") && certwait_retry() < 0)
                return -ENOMEM;
        if (answers("io.hagw.Net"))
                bad = setup_check_reach(s);
        reached->failed = reached->failed || bad < 0;
        reached->delegated = bad == 0;
        if (s->config->n_zones + s->config->n_hosts == 0 || wait_usec == 0 || !answers("io.hagw.Acme"))
                return 0;
        if (bad != 0) {
                say_skipped(s);
                return 0;
        }
        setup_say(s, "Waiting for the certificates, for at most %s:\n", format_span(wait_usec, limit));
        r = certwait_all(wait_usec, s->call->json);
        reached->interrupted = r == -EINTR;
        reached->waited = !reached->interrupted;
        reached->certified = r == CTL_OK;
        return r == -ENOMEM ? r : 0;
}

int verb_setup(const Call *call) {
        _cleanup_(setup_done) Setup s = { .call = call, .relay = call_option(call, "relay") };
        bool to_start = !call_option(call, "no-start");
        Reached reached = {};
        uint64_t wait_usec;
        int r;

        r = certwait_parse_option(call, &wait_usec);
        if (r >= 0 && to_start)
                r = call_check_draft(call, "; --no-start only writes the configuration there");
        if (r >= 0)
                r = setup_check_options(&s);
        if (r >= 0)
                r = setup_check_root(call, to_start);
        if (r >= 0)
                r = setup_check_doors(&s);
        if (r >= 0 && to_start)
                r = setup_check_booted(call);
        if (r >= 0)
                r = setup_gather(&s);
        if (r >= 0)
                r = write_config(&s);
        if (r < 0)
                return r;
        reached.failed = s.hostless = r > 0;
        if (to_start && run_steps(&s, &reached, wait_usec) < 0)
                return -ENOMEM;
        if (!to_start && setup_check_static(&s) < 0)
                return -ENOMEM;
        output_on_interrupt(NULL);
        r = finish(&s, &reached, to_start);
        if (reached.interrupted)
                terminal_end_interrupted();
        return r;
}
