/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about the sockets that systemd opens for hagw: whether they are open, and who else has
 * their ports. A daemon runs on behind a door that is shut, and nobody comes. */

#include "client.h"
#include "holders.h"
#include "run.h"
#include "status.h"

#define DOORS_MAX 16U
#define UNIT_MAX 64U

typedef struct Door {
        char unit[UNIT_MAX];
        const char *daemon;
        uint16_t port; /* TCP; 0: its varlink socket */
} Door;

static size_t list_doors(const Config *config, Door doors[static DOORS_MAX]) {
        size_t n = 0;

        doors[n++] = (Door) { "hagw-proxyd-https.socket", "hagw-proxyd", 443 };
        doors[n++] = (Door) { "hagw-proxyd-http.socket", "hagw-proxyd", 80 };
        for (const DaemonRow *d = daemon_rows; d->name && n < DOORS_MAX; d++) {
                if (!daemon_is_needed(d, config))
                        continue;
                (void) snprintf(doors[n].unit, UNIT_MAX, "%s.socket", d->name);
                doors[n].daemon = d->name;
                doors[n++].port = 0;
        }
        return n;
}

/* What systemctl shows of the units, as it writes it; to be freed. NULL: not known. */
static char *ask_systemd(const Door *doors, size_t n) {
        const char *argv[DOORS_MAX + 4] = { "systemctl", "show",
                                            "--property=Id,LoadState,ActiveState,ConditionResult" };
        char *shown = NULL;

        if (!system_is_booted())
                return NULL;
        for (size_t i = 0; i < n; i++)
                argv[3 + i] = doors[i].unit;
        return run_capture(argv, &shown) < 0 ? NULL : shown;
}

/* The value of a property in the unit's paragraph. */
static bool find_property(const char *shown, const char *unit, const char *property,
                          char out[static UNIT_MAX]) {
        for (const char *p = shown; p && *p;) {
                const char *end = strstr(p, "\n\n") ?: p + strlen(p), *value = NULL;
                bool found = false;

                while (p < end) {
                        const size_t n = strcspn(p, "\n");

                        if (startswith(p, "Id=") && n == 3 + strlen(unit) &&
                            memcmp(p + 3, unit, strlen(unit)) == 0)
                                found = true;
                        else if (startswith(p, property) && p[strlen(property)] == '=')
                                value = p + strlen(property) + 1;
                        p += n + !!p[n];
                }
                if (found && value) {
                        (void) snprintf(out, UNIT_MAX, "%.*s", (int) strcspn(value, "\n"), value);
                        return true;
                }
                p += strspn(p, "\n");
        }
        return false;
}

/* Whether it should be open and is not; state has room for UNIT_MAX. */
static bool is_shut(const char *shown, const char *unit, char *state) {
        char value[UNIT_MAX];

        if (!find_property(shown, unit, "LoadState", value) || !streq(value, "loaded") ||
            !find_property(shown, unit, "ActiveState", state) || streq(state, "active"))
                return false;
        return !find_property(shown, unit, "ConditionResult", value) || streq(value, "yes") ||
               streq(state, "failed");
}

static bool daemon_runs(const Status *s, const char *name) {
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (streq(strempty(field_text(d, "name")), name))
                        return field_bool(d, "running");
        }
        return false;
}

int status_mark_shut(Status *s, const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL, *shut = NULL;
        int r;

        r = sd_json_variant_new_boolean(&shut, true);
        for (size_t i = 0; r >= 0 && i < field_count(s->daemons, "daemons"); i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *d =
                        sd_json_variant_ref(field_element(s->daemons, "daemons", i));

                if (streq(strempty(field_text(d, "name")), name))
                        r = sd_json_variant_set_field(&d, "shut", shut);
                if (r >= 0)
                        r = sd_json_variant_append_array(&array, d);
        }
        return r < 0 ? r : sd_json_variant_set_field(&s->daemons, "daemons", array);
}

static void tell_shut(Status *s, const Door *d, const char *state, const Holder *other) {
        char who[HOLDER_TEXT_MAX];

        if (other)
                status_problem(s,
                               "%s (TCP port %u) is %s, since %s has the port, so that nobody comes to %s "
                               "by it. %s Then: systemctl restart hagw.target",
                               d->unit, d->port, state, holder_text(other, who), d->daemon,
                               holder_remedy(other));
        else
                status_problem(s,
                               "%s is %s, so that nobody comes to %s by it: systemctl restart hagw.target "
                               "opens it, systemctl status %s tells why it is shut.",
                               d->unit, state, d->daemon, d->unit);
}

int judge_doors(Status *s) {
        static const uint16_t ports[] = { 443, 80 };
        _cleanup_free_ Holders *holders = malloc(sizeof(*holders));
        _cleanup_free_ char *shown = NULL;
        char state[UNIT_MAX], who[HOLDER_TEXT_MAX];
        Door doors[DOORS_MAX];
        const size_t n = list_doors(s->config, doors);
        int r = 0;

        if (!holders)
                return -ENOMEM;
        holders_look(ports, ELEMENTSOF(ports), holders);
        shown = ask_systemd(doors, n);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                const Door *d = &doors[i];
                const Holder *other = d->port > 0 ? holders_find_other(holders, d->port, true) : NULL;
                const bool runs = daemon_runs(s, d->daemon);

                if (runs && is_shut(shown, d->unit, state)) {
                        tell_shut(s, d, state, other);
                        r = status_mark_shut(s, d->daemon);
                } else if (other)
                        status_problem(s, runs ? "%s has port %u, too, and gets visitors of yours. %s" :
                                                 "%s has port %u, which hagw-proxyd needs. %s",
                                       holder_text(other, who), d->port, holder_remedy(other));
        }
        return r;
}
