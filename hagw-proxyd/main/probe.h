/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/visit/conn.h"
#include "libhagw/crew/message.h"
#include "libhagw/vl.h"

/* Asks a host's upstream for a page, "/" first, the way a visitor would: a worker serves one end of a socket
 * pair as it serves visitors, the main thread reads the answer at the other. The worker's message says what
 * became of it. Main thread only. */

#define PROBE_TIMEOUT_USEC (20 * USEC_PER_SEC)
#define PROBE_ANSWER_MAX 16384U /* bytes that are looked at */
#define PROBES_MAX 8U

typedef struct Probe Probe;

/* Runs once. result: NULL where the probe was given up. trail: goes on where the answer leads on. */
typedef void (*ProbeHandler)(const ProbeResult *result, const Trail *trail, void *userdata);

/* name: a configured host's, "*." allowed. trail: its last target is what is asked for; that of the result
 * goes on from there. -EBUSY: too many at once. */
int probe_new(Probe **list, sd_event *event, Worker *worker, const char *name, ProbeKind kind,
              const Trail *trail, uint64_t timeout_usec, ProbeHandler handler, void *userdata);
/* The worker is through with one. The message stays the caller's. */
void probe_on_message(Probe **list, const ProbeMessage *m);
/* Calls the handlers without a result. */
void probes_done(Probe **list);
