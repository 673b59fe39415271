/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "hagw-proxyd/crew/snapshot.h"

/* Hosts that nobody visits are tried all the same, so that who wants in finds a service that is known to
 * work, and who looks at the status finds the truth. Main thread only. */

#define ROUNDS_FIRST_USEC USEC_PER_MINUTE /* after the start: the services of this machine start, too; also
                                             what a reload brings: hagw-ctl asks by itself */
#define ROUNDS_SOON_USEC (2 * USEC_PER_SEC) /* what is in trouble, after a reload or a visitor's word */
#define ROUNDS_AGAIN_USEC USEC_PER_MINUTE  /* what is in trouble */
#define ROUNDS_TRIALS_MAX 2U               /* at once */
#define ROUNDS_JITTER_PARTS 4U             /* up to a fourth of each time is chance */

typedef struct Manager Manager;

typedef struct Rounds {
        Manager *manager;
        sd_event_source *timer; /* NULL: they have not begun, or have ended */
        uint64_t interval_usec; /* 0: never */
        unsigned n_trials;
} Rounds;

int rounds_start(Rounds *r, Manager *m, uint64_t interval_usec);
/* After each reload. */
void rounds_set(Rounds *r, uint64_t interval_usec);
/* A visitor did not get through. */
void rounds_on_failure(Rounds *r, HostStats *stats);
/* Nobody is tried any more; what is under way ends by itself. */
void rounds_done(Rounds *r);
