/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Daemons that somebody stopped. */

#include <stdio.h>
#include <stdlib.h>

#include "hagw-ctl/client.h"
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

void stopped_find(const Config *config) {
        const char *units[UNITS_MAX] = { TARGET };
        _cleanup_free_ char *shown = NULL;
        Pair pairs[DAEMONS_MAX];
        size_t n = 0;

        if (config ? unset_judge(config, NULL) : unset_look() != UNSET_NO)
                return;
        for (const DaemonRow *d = daemon_rows; d->name && n < DAEMONS_MAX; d++) {
                if (d->relay) /* who asks it starts it, as is meant */
                        continue;
                pairs[n].daemon = d;
                (void) snprintf(pairs[n].service, UNIT_TEXT_MAX, "%s.service", d->name);
                (void) snprintf(pairs[n].socket, UNIT_TEXT_MAX, "%s.socket", d->name);
                units[1 + 2 * n] = pairs[n].service;
                units[2 + 2 * n] = pairs[n].socket;
                n++;
        }
        shown = units_show("Id,LoadState,ActiveState,Job,InactiveEnterTimestamp", units, 1 + 2 * n);
        /* It wants every one of them. */
        if (!unit_has(shown, TARGET, "ActiveState", "active"))
                return;
        for (size_t i = 0; i < n; i++) {
                const uint64_t usec = stopped_usec(shown, &pairs[i]);

                if (usec > 0)
                        client_leave(pairs[i].daemon, usec);
        }
}
