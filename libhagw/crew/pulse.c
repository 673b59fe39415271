/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each worker is woken four times in the watchdog's time, and has until the next time to have noticed. One
 * that has not stops the signs to systemd, which ends us when its time is over; one that comes back in time
 * costs nothing. */

#include <systemd/sd-daemon.h>

#include "libhagw/crew/pulse.h"
#include "libhagw/log.h"

struct Pulse {
        sd_event *event;
        sd_event_source *timer;
        uint64_t interval_usec;
        Worker *const *workers;
        unsigned n_workers;
        bool silent; /* systemd hears nothing */
        uint64_t *seen; /* by worker: its wake-ups when it was woken last */
};

static void set_silent(Pulse *p, bool silent) {
        if (p->silent == silent)
                return;
        p->silent = silent;
        (void) sd_event_set_watchdog(p->event, !silent);
        if (!silent)
                log_notice("All workers give signs of life again.");
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        Pulse *p = userdata;
        bool silent = false;

        for (unsigned i = 0; i < p->n_workers; i++) {
                uint64_t n = atomic_load_explicit(&p->workers[i]->counters.wakes, memory_order_relaxed);

                if (n == p->seen[i]) {
                        silent = true;
                        if (!p->silent)
                                log_error("Worker %u gives no sign of life. If it stays so, systemd starts "
                                          "this daemon anew.",
                                          i);
                        continue;
                }
                p->seen[i] = n;
                queue_wake(&p->workers[i]->queue);
        }
        set_silent(p, silent);
        (void) sd_event_source_set_time_relative(s, p->interval_usec);
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

int pulse_new(sd_event *event, Worker *const *workers, unsigned n_workers, Pulse **ret) {
        uint64_t watchdog_usec;
        Pulse *p;
        int r;

        r = sd_watchdog_enabled(/* unset_environment= */ 0, &watchdog_usec);
        if (r <= 0) {
                *ret = NULL;
                return r;
        }
        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->event = sd_event_ref(event);
        p->workers = workers;
        p->n_workers = n_workers;
        p->interval_usec = watchdog_usec / 4;
        p->seen = calloc(n_workers, sizeof(*p->seen));
        r = p->seen ? sd_event_add_time_relative(event, &p->timer, CLOCK_MONOTONIC, p->interval_usec,
                                                 /* accuracy= */ 0, on_timer, p) :
                      -ENOMEM;
        if (r < 0) {
                pulse_free(p);
                return r;
        }
        for (unsigned i = 0; i < n_workers; i++)
                queue_wake(&workers[i]->queue);
        *ret = p;
        return 0;
}

Pulse *pulse_free(Pulse *p) {
        if (!p)
                return NULL;
        sd_event_source_disable_unref(p->timer);
        sd_event_unref(p->event);
        free(p->seen);
        free(p);
        return NULL;
}
