/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "libhagw/pure/macro.h"

/* Looks every few seconds whether the relay is attached, while an order waits for that: the question goes to
 * hagw-proxyd alone, and an outage of days must not cost minutes more at its end. */

typedef struct RelayWatch RelayWatch;

/* Once, when it is attached; nobody looks any more then. */
typedef void (*RelayWatchHandler)(void *userdata);

int relay_watch_new(RelayWatch **ret, sd_event *event, RelayWatchHandler handler, void *userdata);
RelayWatch *relay_watch_free(RelayWatch *w);
DEFINE_TRIVIAL_CLEANUP_FUNC(RelayWatch *, relay_watch_free)

void relay_watch_set(RelayWatch *w, bool wanted);
