/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "libhagw/crew/worker.h"

/* The watchdog's look at the workers: sd-event tells systemd that the main thread is well, and may do so
 * only while each worker is. Main thread only. */

typedef struct Pulse Pulse;

/* workers: stays the caller's, and outlives it. *ret is NULL where nobody wants signs of life. */
int pulse_new(sd_event *event, Worker *const *workers, unsigned n_workers, Pulse **ret);
Pulse *pulse_free(Pulse *p);
