/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about this machine: its daemons and their configuration. */

#include <stdio.h>

#include "hagw-ctl/cause.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/run.h"
#include "hagw-ctl/sandbox.h"
#include "hagw-ctl/unset.h"
#include "libhagw/conf-digest.h"
#include "libhagw/usec.h"

static bool all_are_off(sd_json_variant *daemons) {
        for (size_t i = 0; i < field_count(daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(daemons, "daemons", i);

                if (field_bool(d, "running") || field_bool(d, "denied") || field_bool(d, "silent"))
                        return false;
        }
        return true;
}

/* The first daemon with that field; ret_more: how many others have it. */
static sd_json_variant *first_with(const Status *s, const char *field, size_t *ret_more) {
        sd_json_variant *first = NULL;

        *ret_more = 0;
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (!sd_json_variant_by_key(d, field))
                        continue;
                *ret_more += !!first;
                first = first ?: d;
        }
        return first;
}

/* Files that nothing can start with; what was kept of good ones is not in force. */
static bool is_broken(const Status *s) {
        size_t more;

        return !s->config && s->config_errno != -ENOENT && s->config_errno != -EACCES &&
               !first_with(s, "configKeptUSec", &more);
}

/* All that are off, and several: to start them helps nothing. */
static bool judge_ending(Status *s) {
        const char *first = NULL;
        size_t n = 0;

        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (field_bool(d, "running") || field_bool(d, "denied") || field_bool(d, "silent"))
                        continue;
                if (!field_bool(d, "endsAlways"))
                        return false;
                first = first ?: field_text(d, "name");
                n++;
        }
        if (n < 2)
                return false;
        status_problem(s,
                       "%s and %zu more do not run: they end each time that systemd starts them; hagw-ctl "
                       "log --errors tells why.",
                       first, n - 1);
        return true;
}

static void judge_all_off(Status *s) {
        s->unreachable = true;
        s->unset = unset_judge(s->config, s->config_dir);
        if (s->config_errno == -EACCES) {
                s->denied = true;
                status_problem(s, "hagw is not running, and why only root sees; try again with sudo.");
        } else if (s->unset)
                status_problem(s, "%s", unset_text(s->config_dir));
        else if (is_broken(s))
                s->n_off = field_count(s->daemons, "daemons");
        else if (!judge_ending(s))
                status_problem(s, "hagw is not running; \"systemctl enable --now hagw.target\" starts it.");
}

static bool is_off(sd_json_variant *d) {
        return !field_bool(d, "running") && !field_bool(d, "denied") && !field_bool(d, "silent");
}

/* What systemctl says of a unit's file ("enabled", "masked"); empty where there is no systemd to ask. */
static bool unit_is(const char *unit, const char *state) {
        _cleanup_free_ char *text = NULL;

        if (!system_is_booted() ||
            run_capture((const char *const[]) { "systemctl", "is-enabled", unit, NULL }, &text) < 0)
                return false;
        text[strcspn(text, "\n")] = '\0';
        return streq(text, state);
}

/* systemctl start says nothing of such ones, and does nothing. Each has a cause of its own, whatever else
 * keeps daemons down. Whether any is. */
static bool judge_masked(Status *s) {
        char unit[64];

        for (size_t i = 0; i < field_count(s->daemons, "daemons") && i < 32; i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);
                const char *name = field_text(d, "name");

                (void) snprintf(unit, sizeof(unit), "%s.service", name);
                if (!is_off(d) || !unit_is(unit, "masked"))
                        continue;
                s->masked |= 1U << i;
                status_problem(s, "%s is masked, so that nothing starts it: systemctl unmask %s, then "
                                  "systemctl start hagw.target.",
                               name, unit);
        }
        return s->masked != 0;
}

/* That something has to be done about, and another thing than unmasking it. */
static bool is_to_start(const Status *s, size_t i) {
        return is_off(field_element(s->daemons, "daemons", i)) && !(i < 32 && (s->masked & 1U << i));
}

/* "hagw-dnsd, hagw-netd"; to be freed. */
static char *join_off(const Status *s) {
        char *text = NULL;
        size_t size, n = 0;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++)
                if (is_to_start(s, i))
                        fprintf(f, "%s%s", n++ > 0 ? ", " : "",
                                field_text(field_element(s->daemons, "daemons", i), "name"));
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

/* One has its own reason; several have one thing to do about them. */
static int judge_off(Status *s, sd_json_variant *first, size_t n) {
        _cleanup_free_ char *names = NULL;

        if (n == 0)
                return 0;
        s->unreachable = true;
        if (is_broken(s)) {
                s->n_off = n;
                return 0;
        }
        if (n == 1) {
                status_problem(s, "%s", field_text(first, "error"));
                return 0;
        }
        if (judge_ending(s))
                return 0;
        names = join_off(s);
        if (!names)
                return -ENOMEM;
        status_problem(s,
                       "%s are not running; \"systemctl start hagw.target\" starts them, \"systemctl "
                       "status\" with a name tells why it ended.",
                       names);
        return 0;
}

/* One is asked for all: they have the sandbox in common. Behind systemd's socket such a one is silent. */
static bool judge_refused(Status *s) {
        const SandboxRefusal *f = NULL;
        const char *name = NULL;

        for (size_t i = 0; !name && i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (!field_bool(d, "running") && !field_bool(d, "denied"))
                        name = field_text(d, "name");
        }
        f = name ? sandbox_refusal(name) : NULL;
        if (!f)
                return false;
        s->unreachable = true;
        status_problem(s,
                       "This machine, probably a container, refuses hagw's daemons %s, so that %s and "
                       "others with it cannot start. %s",
                       f->what, name, f->advice ?: "hagw-ctl setup offers the drop-in that does without.");
        return true;
}

int judge_daemons(Status *s) {
        sd_json_variant *first = NULL;
        size_t n = 0;

        if (judge_refused(s))
                return 0;
        if (all_are_off(s->daemons)) {
                judge_all_off(s);
                return 0;
        }
        if (judge_masked(s))
                s->unreachable = true;
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (field_bool(d, "denied"))
                        s->denied = true;
                else if (is_off(d)) {
                        if (!is_to_start(s, i))
                                continue;
                        first = first ?: d;
                        n++;
                } else if (!field_bool(d, "running")) {
                        s->unreachable = true;
                        status_problem(s, "%s", field_text(d, "error"));
                }
        }
        if (s->denied)
                status_problem(s, "The daemons%s answer root only; try again with sudo.",
                               s->config_errno == -EACCES ? " and the configuration" : "");
        return judge_off(s, first, n);
}

/* The one of hagw-proxyd, whose view is what visitors meet, or NULL. */
static sd_json_variant *find_proxyd(const Status *s) {
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (streq(strempty(field_text(d, "name")), "hagw-proxyd"))
                        return d;
        }
        return NULL;
}

/* d: the first of them, with more others. */
static void judge_kept_beside(Status *s, sd_json_variant *d, size_t more, const char *why,
                              const char *period) {
        char also[32] = "", when[TIME_TEXT_MAX];

        if (more > 0)
                (void) snprintf(also, sizeof(also), " and %zu more", more);
        status_problem(s,
                       "%s%s started with broken files%s%s%s What %s by was kept of the last good "
                       "configuration, made %s; hagw-proxyd started before, so that visitors find no host "
                       "closed. %s: hagw-ctl reload.",
                       field_text(d, "name"), also, *why ? ": " : ".", why, period,
                       more > 0 ? "they go" : "it goes",
                       format_when(field_number(d, "configKeptUSec"), clock_usec(CLOCK_REALTIME), when),
                       *why ? "Mend that, then" : "They are in order now");
}

/* Each daemon that started with broken files says the same; while they are broken that is one thing. */
static int judge_kept(Status *s, sd_json_variant *d, size_t more) {
        sd_json_variant *proxyd = find_proxyd(s);
        const bool closes = !proxyd || !field_bool(proxyd, "running") ||
                            sd_json_variant_by_key(proxyd, "configKeptUSec");
        sd_json_variant *its = closes && proxyd && field_bool(proxyd, "running") ? proxyd : d;
        _cleanup_free_ char *closed = field_joined(its, "configClosed");
        const char *why = strempty(s->config_error),
                   *period = !*why || endswith(why, "?") || endswith(why, ".") ? "" : ".";
        char when[TIME_TEXT_MAX];

        if (!closed)
                return -ENOMEM;
        if (!closes) {
                judge_kept_beside(s, d, more, why, period);
                return 0;
        }
        status_problem(s,
                       "hagw started with broken files%s%s%s It serves what it kept of the last good "
                       "configuration, made %s.%s%s%s %s: hagw-ctl reload.",
                       *why ? ": " : ".", why, period,
                       format_when(field_number(d, "configKeptUSec"), clock_usec(CLOCK_REALTIME), when),
                       *closed ? " Closed: " : "", closed, *closed ? "." : "",
                       *why ? "Mend that, then" : "They are in order now");
        return 0;
}

/* Some daemons need one that can be read. */
static int judge_broken(Status *s) {
        const char *why = s->config_error ?: "hagw-ctl config check tells why",
                   *period = endswith(why, "?") || endswith(why, ".") ? "" : ".";
        const bool all = s->n_off > 0 && s->n_off == field_count(s->daemons, "daemons");
        _cleanup_free_ char *off = all ? strdup("hagw") : join_off(s);

        if (!off)
                return -ENOMEM;
        if (s->config_errno == -ENOENT && unset_is_lost(s->config_dir))
                status_problem(s, "%s", unset_text(s->config_dir));
        else if (s->n_off == 0)
                status_problem(s,
                               "The configuration in %s is not valid, so what was in force before stays: "
                               "%s%s Mend it, then: hagw-ctl reload.",
                               s->config_dir, why, period);
        else
                status_problem(s,
                               "The configuration in %s is not valid, and %s %s not running: %s%s Mend it, "
                               "then: systemctl restart hagw.target",
                               s->config_dir, off, all || s->n_off == 1 ? "is" : "are", why, period);
        return 0;
}

int judge_boot(Status *s) {
        if (!s->unreachable && !s->denied && unit_is("hagw.target", "disabled"))
                status_notice(s, "hagw runs, but does not start when this machine boots: systemctl enable "
                                 "hagw.target changes that.");
        return 0;
}

typedef enum Newer {
        NEWER_MAIN = 1 << 0,  /* hagw.conf */
        NEWER_HOSTS = 1 << 1, /* hosts.d */
} Newer;

static bool is_other(sd_json_variant *daemon, const char *field, uint64_t digest) {
        const char *runs = field_text(daemon, field);
        char text[CONF_DIGEST_TEXT_MAX];

        return runs && !streq(runs, conf_digest_text(digest, text));
}

/* Which files say something else than the daemon goes by. One of another version has other settings, too. */
static Newer newer_than(const Status *s, sd_json_variant *daemon) {
        ConfDigest digest;

        if (!s->config || !field_bool(daemon, "running") ||
            !streq_ptr(field_text(daemon, "version"), PACKAGE_VERSION))
                return 0;
        digest = config_digest(s->config, field_text(daemon, "name"));
        return (is_other(daemon, "configMain", digest.main) ? NEWER_MAIN : 0) |
               (is_other(daemon, "configHosts", digest.hosts) ? NEWER_HOSTS : 0);
}

bool status_goes_by_files(const Status *s, const char *daemon) {
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (streq(strempty(field_text(d, "name")), daemon))
                        return s->config && !newer_than(s, d);
        }
        return !!s->config;
}

/* Somebody edited them, and nobody said so to who goes by them. */
static void judge_newer(Status *s) {
        static const char *const files[] = {
                [NEWER_MAIN] = "hagw.conf is",
                [NEWER_HOSTS] = "hosts.d is",
                [NEWER_MAIN | NEWER_HOSTS] = "hagw.conf and hosts.d are",
        };
        const char *first = NULL;
        Newer newer = 0;
        char also[32] = "";
        size_t n = 0;

        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);
                const Newer k = newer_than(s, d);

                newer |= k;
                n += !!k;
                if (k && !first)
                        first = field_text(d, "name");
        }
        if (n > 1)
                (void) snprintf(also, sizeof(also), " and %zu more", n - 1);
        if (first)
                status_problem(s, "%s newer than what %s%s %s by: hagw-ctl reload.", files[newer], first,
                               also, n > 1 ? "go" : "goes");
}

int judge_config(Status *s) {
        size_t more, more_kept;
        sd_json_variant *d = first_with(s, "configError", &more),
                        *kept = first_with(s, "configKeptUSec", &more_kept);
        const char *name = d ? field_text(d, "name") : NULL;

        if (s->unset || (s->denied && s->config_errno == -EACCES))
                return kept ? judge_kept(s, kept, more_kept) : 0; /* that was told */
        if (!s->config || d || kept)
                cause_note(s, CAUSE_CONFIG);
        if (kept)
                return judge_kept(s, kept, more_kept);
        if (!s->config)
                return judge_broken(s);
        if (d && more > 0)
                status_problem(s,
                               "%s and %zu more keep their old configuration: %s. Mend that, then: hagw-ctl "
                               "reload",
                               name, more, field_text(d, "configError"));
        else if (d)
                status_problem(s, "%s keeps its old configuration: %s. Mend that, then: hagw-ctl reload",
                               name, field_text(d, "configError"));
        else
                judge_newer(s);
        return 0;
}
