/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Daemons that do not run, by what systemd says of them. */

#include <stdio.h>
#include <stdlib.h>

#include "hagw-ctl/output.h"
#include "hagw-ctl/stopped.h"
#include "hagw-ctl/units.h"
#include "hagw-ctl/unset.h"
#include "libhagw/usec.h"

#define TARGET "hagw.target"
#define DAEMONS_MAX ((UNITS_MAX - 1) / 2)

typedef struct Pair {
        const DaemonRow *daemon;
        char service[UNIT_TEXT_MAX], socket[UNIT_TEXT_MAX];
} Pair;

/* When its service stopped; 0: it did not, or hagw is just about to start it. One that never ran since this
 * machine booted waits for its first caller: nobody stopped it. */
static uint64_t stopped_usec(const char *shown, const Pair *p) {
        char since[UNIT_TEXT_MAX], job[UNIT_TEXT_MAX];

        if (!unit_has(shown, p->service, "LoadState", "loaded") ||
            !unit_has(shown, p->service, "ActiveState", "inactive") ||
            (unit_property(shown, p->service, "Job", job) && *job) ||
            !unit_has(shown, p->socket, "ActiveState", "active") ||
            !unit_property(shown, p->service, "InactiveEnterTimestamp", since) || since[0] != '@')
                return 0;
        return strtoull(since + 1, NULL, 10) * USEC_PER_SEC;
}

static bool ends_always[DAEMONS_MAX]; /* by the row */

bool stopped_ends_always(const DaemonRow *d) { return ends_always[d - daemon_rows]; }

/* systemd waits before it starts it once more. */
static bool is_restarted(const char *shown, const Pair *p) {
        char state[UNIT_TEXT_MAX];

        return unit_has(shown, p->service, "ActiveState", "activating") &&
               unit_property(shown, p->service, "SubState", state) && startswith(state, "auto-restart");
}

static void leave_stopped(const Pair *p, uint64_t usec) {
        char why[CLIENT_LEFT_MAX], when[TIME_TEXT_MAX];

        (void) snprintf(why, sizeof(why), "%s was stopped %s: systemctl start %s.service starts it.",
                        p->daemon->name, format_when(usec, clock_usec(CLOCK_REALTIME), when),
                        p->daemon->name);
        client_leave(p->daemon, why);
}

static void leave_ending(const char *shown, const Pair *p) {
        char why[CLIENT_LEFT_MAX], status[UNIT_TEXT_MAX] = "?";
        const bool exited = unit_has(shown, p->service, "ExecMainCode", "1");

        (void) unit_property(shown, p->service, "ExecMainStatus", status);
        (void) snprintf(why, sizeof(why),
                        "%s does not run: %s %s each time that systemd starts it; hagw-ctl log --daemon=%s "
                        "tells why.",
                        p->daemon->name, exited ? "it ends with exit status" : "it is ended by signal",
                        status, p->daemon->name);
        client_leave(p->daemon, why);
        ends_always[p->daemon - daemon_rows] = true;
}

void stopped_find(const Config *config) {
        const bool unset = config ? unset_judge(config, NULL) : unset_look() != UNSET_NO;
        const char *units[UNITS_MAX] = { TARGET };
        _cleanup_free_ char *shown = NULL;
        Pair pairs[DAEMONS_MAX];
        bool wanted;
        size_t n = 0;

        for (const DaemonRow *d = daemon_rows; d->name && n < DAEMONS_MAX; d++) {
                pairs[n].daemon = d;
                (void) snprintf(pairs[n].service, UNIT_TEXT_MAX, "%s.service", d->name);
                (void) snprintf(pairs[n].socket, UNIT_TEXT_MAX, "%s.socket", d->name);
                units[1 + 2 * n] = pairs[n].service;
                units[2 + 2 * n] = pairs[n].socket;
                n++;
        }
        shown = units_show("Id,LoadState,ActiveState,SubState,Job,InactiveEnterTimestamp,ExecMainCode,"
                           "ExecMainStatus",
                           units, 1 + 2 * n);
        /* It wants every one of them, but for a relay's, which starts when it is asked, as is meant. */
        wanted = !unset && unit_has(shown, TARGET, "ActiveState", "active");
        for (size_t i = 0; i < n; i++) {
                const uint64_t usec = wanted && !pairs[i].daemon->relay ? stopped_usec(shown, &pairs[i]) : 0;

                if (is_restarted(shown, &pairs[i]))
                        leave_ending(shown, &pairs[i]);
                else if (usec > 0)
                        leave_stopped(&pairs[i], usec);
        }
}
