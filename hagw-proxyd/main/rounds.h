/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "hagw-proxyd/snapshot/snapshot.h"

/* Hosts that nobody visits are tried all the same, so that who wants in finds a service that is known to
 * work, and who looks at the status finds the truth. Main thread only. */

#define ROUNDS_FIRST_USEC USEC_PER_MINUTE /* after the start: the services of this machine start, too; also
                                             what a reload brings: hagw-ctl asks by itself */
#define ROUNDS_SOON_USEC (2 * USEC_PER_SEC) /* what is in trouble, after a reload, a visitor's word, or a
                                               trial, for who asks */
#define ROUNDS_AGAIN_USEC (5 * USEC_PER_SEC) /* what is in trouble: a restart is over soon */
#define ROUNDS_AGAIN_MAX_USEC USEC_PER_MINUTE /* twice as long each time, up to this */
#define ROUNDS_TRIALS_MAX 2U               /* at once */
#define ROUNDS_ASKED_MAX 6U                /* at once, while somebody waits; of PROBES_MAX */
#define ROUNDS_FRESH_USEC (10 * USEC_PER_SEC) /* what is as new as this is not tried for who asks */
#define ROUNDS_WAIT_USEC (3 * USEC_PER_SEC) /* who asks waits no longer; hagw-ctl has 5 s */
#define ROUNDS_WAITERS_MAX 8U              /* others hear what is known */
#define ROUNDS_JITTER_PARTS 4U             /* up to a fourth of each time is chance */

typedef struct Manager Manager;
typedef struct RoundsWaiter RoundsWaiter;

typedef struct Rounds {
        Manager *manager;
        sd_event_source *timer; /* NULL: they have not begun, or have ended */
        uint64_t interval_usec; /* 0: never */
        unsigned n_trials;
        RoundsWaiter *waiters;
} Rounds;

int rounds_start(Rounds *r, Manager *m, uint64_t interval_usec);
/* After each reload. */
void rounds_set(Rounds *r, uint64_t interval_usec);
/* A visitor did not get through. */
void rounds_on_failure(Rounds *r, HostStats *stats);
/* How long after the n-th trial in a row that found something the next one comes. */
uint64_t rounds_again_usec(unsigned n, uint64_t interval_usec);
/* Tries now what was neither tried nor visited with success in the last ROUNDS_FRESH_USEC (where it is
 * in trouble, ROUNDS_SOON_USEC), and runs the handler once when that is done, or when it takes too long.
 * false: there is nothing to wait for, and the handler does not run. */
typedef void (*RoundsHandler)(void *userdata);
bool rounds_ask(Rounds *r, RoundsHandler handler, void *userdata);
/* Nobody is tried any more, nor waited for; what is under way ends by itself. */
void rounds_done(Rounds *r);
