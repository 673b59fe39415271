/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lets the running daemons take the configuration over, and asks each whether it did. */

#include <stdio.h>
#include <string.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/reload.h"
#include "hagw-ctl/run.h"
#include "libhagw/log.h"

#define DAEMONS_MAX 16U
#define ANSWER_USEC (5 * USEC_PER_SEC) /* for a source to do so */

/* Running, not merely startable by its socket: asking would start it. */
static bool is_active(const char *daemon) {
        char unit[64];

        (void) snprintf(unit, sizeof(unit), "%s.service", daemon);
        return run_program((const char *const[]){ "systemctl", "--quiet", "is-active", unit, NULL },
                           /* quiet= */ true) == 0;
}

static int ask_whether(const DaemonRow *d) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;
        const char *refused;
        int r;

        r = client_describe(d, &reply, &reason);
        if (r < 0) {
                log_error("%s", reason ?: "Out of memory.");
                return r;
        }
        refused = field_text(reply, "configError");
        if (!refused)
                return 0;
        log_error("%s keeps its old configuration: %s", d->name, refused);
        return -EREMOTEIO;
}

/* hagw-dnsd first and alone: hagw-acmed wants to publish at a new name as soon as it knows it, and would be
 * refused by one that does not know it yet. */
static int reload_units(const DaemonRow *const *daemons, size_t n) {
        const char *first[] = { "systemctl", "reload", "hagw-dnsd", NULL };
        const char *rest[DAEMONS_MAX + 3] = { "systemctl", "reload" };
        size_t k = 2;
        int r = 0, q = 0;

        for (size_t i = 0; i < n; i++)
                if (streq(daemons[i]->name, first[2]))
                        r = run_program(first, /* quiet= */ false);
                else
                        rest[k++] = daemons[i]->name;
        if (k > 2)
                q = run_program(rest, /* quiet= */ false);
        return r == 0 && q == 0 ? 0 : -EREMOTEIO;
}

/* The address is another source's, or there is none by what somebody typed ("resolve:NAME" or
 * "interface:NAME", instead of "none" and "interface"). */
static bool has_given_none(sd_json_variant *a) {
        return field_text(a, "held") ||
               (!field_text(a, "address") && strchr(strempty(field_text(a, "source")), ':'));
}

static bool any_has_given_none(sd_json_variant *v) {
        for (size_t i = 0; i < field_count(v, "addresses"); i++)
                if (has_given_none(field_element(v, "addresses", i)))
                        return true;
        return false;
}

static void say_given_none(sd_json_variant *a) {
        const char *error = field_text(a, "error"), *held = field_text(a, "held"),
                   *source = field_text(a, "source"), *why = error ? ": " : " yet";

        if (held)
                log_warning("%s has given no address%s%s; it stays %s, the one of %s.", source, why,
                            strempty(error), field_text(a, "address"), held);
        else
                log_warning("%s has given no address%s%s; there is no %s address until it does.", source,
                            why, strempty(error),
                            streq(strempty(field_text(a, "family")), "ipv4") ? "IPv4" : "IPv6");
}

/* A source that was changed may be wrong, or slow: the address of the one before, if there was one, stays
 * until it has given its own, and who typed it is told. */
static void say_missing_addresses(void) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        _cleanup_free_ char *reason = NULL, *again = NULL;

        if (client_look("io.hagw.Net.Watch", NULL, &v, &reason) < 0 || !any_has_given_none(v))
                return;
        /* It is asked just now: in a moment more is known. */
        v = sd_json_variant_unref(v);
        if (client_try_within("io.hagw.Net.Refresh", NULL, ANSWER_USEC, &v, &again) < 0 &&
            client_look("io.hagw.Net.Watch", NULL, &v, &reason) < 0)
                return;
        for (size_t i = 0; i < field_count(v, "addresses"); i++) {
                sd_json_variant *a = field_element(v, "addresses", i);

                if (has_given_none(a))
                        say_given_none(a);
        }
}

int reload_daemons(bool must_run) {
        const DaemonRow *running[DAEMONS_MAX], *off[DAEMONS_MAX];
        size_t n = 0, n_off = 0;
        int r = 0;

        for (const DaemonRow *d = daemon_rows; system_is_booted() && d->name && n < DAEMONS_MAX; d++)
                if (is_active(d->name))
                        running[n++] = d;
                else if (!d->relay) /* that one starts when somebody asks it */
                        off[n_off++] = d;
        if (n == 0) {
                if (must_run)
                        log_error("The configuration is valid, but no daemon runs: systemctl enable --now "
                                  "hagw.target");
                return must_run ? -ENOTCONN : 0;
        }
        r = reload_units(running, n);
        if (r < 0)
                log_error("Not every daemon could be reloaded; hagw-ctl log --errors tells more.");
        for (size_t i = 0; i < n; i++) {
                int k = ask_whether(running[i]);
                if (k < 0)
                        r = k;
        }
        if (r >= 0 && must_run)
                say_missing_addresses();
        for (size_t i = 0; must_run && i < n_off; i++) {
                log_error("%s does not run: \"systemctl start hagw.target\" starts it, \"systemctl status "
                          "%s\" tells why it ended.",
                          off[i]->name, off[i]->name);
                r = r < 0 ? r : -ENOTCONN;
        }
        return r;
}
