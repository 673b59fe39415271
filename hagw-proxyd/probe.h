/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "message.h"
#include "vl.h"

/* Asks a host's upstream for GET / the way a visitor would: a worker serves one end of a socket pair as it
 * serves visitors, the main thread reads the answer at the other. Main thread only. */

#define PROBE_TIMEOUT_USEC (20 * USEC_PER_SEC)
#define PROBE_ANSWER_MAX 16384U /* bytes that are looked at */
#define PROBES_MAX 8U

typedef struct Probe Probe;

/* Runs once. status: 0: there was no answer. answer: its first bytes, NUL-terminated. */
typedef void (*ProbeHandler)(unsigned status, const char *answer, void *userdata);

/* name: a configured host's, "*." allowed. -EBUSY: too many at once. */
int probe_new(Probe **list, sd_event *event, Worker *worker, const char *name, ProbeHandler handler,
              void *userdata);
/* Calls the handlers with status 0. */
void probes_done(Probe **list);
