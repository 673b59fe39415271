/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

/* A crowd's memory goes back to the kernel when the crowd has left: what is freed stays with the C library,
 * which gives back by itself only what lies behind the last thing in use. Main thread only. */

#define GIVEBACK_AFTER_USEC UINT64_C(1000000) /* the rest of the crowd may be leaving just now */

typedef struct GiveBack {
        sd_event_source *timer; /* NULL: nobody has left yet */
} GiveBack;

/* A worker's crowd has left. */
void giveback_soon(GiveBack *g, sd_event *event);
void giveback_done(GiveBack *g);
