/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* malloc_trim(), in the main thread: a worker waits for it only where it wants memory in that moment. */

#include <malloc.h>

#include "libhagw/crew/giveback.h"
#include "libhagw/log.h"

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        (void) malloc_trim(/* pad= */ 0);
        log_debug("Many have left; their memory is given back.");
        return 0;
}

void giveback_soon(GiveBack *g, sd_event *event) {
        int r;

        if (!g->timer)
                r = sd_event_add_time_relative(event, &g->timer, CLOCK_MONOTONIC, GIVEBACK_AFTER_USEC,
                                               GIVEBACK_AFTER_USEC, on_timer, g);
        else {
                r = sd_event_source_set_time_relative(g->timer, GIVEBACK_AFTER_USEC);
                if (r >= 0)
                        r = sd_event_source_set_enabled(g->timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                (void) log_warning_errno(r, "The memory of those who have left is not given back: %m");
}

void giveback_done(GiveBack *g) {
        g->timer = sd_event_source_disable_unref(g->timer);
}
