/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/main/probe.h"

/* One look at whether a host's visitors get through to its service: as many probes as the finding needs.
 * What is found stands in the host's figures, with its sentence. Main thread only. */

#define TRIAL_USEC (25 * USEC_PER_SEC) /* for all of its probes; callers of Probe wait for 30 s */

typedef struct Manager Manager;
typedef struct Trial Trial;

/* Runs once, when all goes at the latest. visitor: what a visitor's request met with; NULL: the trial was
 * given up, and nothing is known. */
typedef void (*TrialHandler)(const char *name, const ProbeResult *visitor, void *userdata);

/* -ENOENT: no such host. -EBUSY: too much is going on. */
int trial_new(Manager *m, const char *name, TrialHandler handler, void *userdata);
