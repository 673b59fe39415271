/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Switching the gateway on. */

#include <stdio.h>
#include <time.h>

#include "client.h"
#include "log.h"
#include "reload.h"
#include "run.h"
#include "start.h"

#define START_TRIES 100U /* a tenth of a second each */

static bool unit_is_active(const char *unit) {
        return run_program((const char *const[]){ "systemctl", "--quiet", "is-active", unit, NULL },
                           /* quiet= */ true) == 0;
}

static int wait_for_daemon(const DaemonRow *d) {
        const struct timespec tenth = { 0, 100 * 1000 * 1000 };
        _cleanup_free_ char *reason = NULL;
        int r = -ENOTCONN;

        for (unsigned i = 0; i < START_TRIES; i++) {
                free(reason);
                r = client_describe(d, NULL, &reason);
                if (r >= 0)
                        return 0;
                if (r == -EACCES)
                        break;
                (void) nanosleep(&tenth, NULL);
        }
        log_error("%s", reason ?: "Out of memory.");
        return r;
}

int start_gateway(const Config *config) {
        static const char *const enable[] = {
                "systemctl", "--quiet", "enable", "--now", "hagw.target", NULL
        };
        bool ran = unit_is_active("hagw.target");
        int r;

        r = run_program(enable, /* quiet= */ false);
        if (r >= 0 && ran) /* what it wants and does not run, after a change of what that is */
                r = run_program((const char *const[]){ "systemctl", "start", "hagw.target", NULL },
                                /* quiet= */ false);
        if (r != 0) {
                log_error("hagw.target could not be started; systemctl status 'hagw-*' and hagw-ctl log "
                          "--errors tell more.");
                return r < 0 ? r : -ENOTCONN;
        }
        if (ran) {
                r = reload_daemons(/* must_run= */ false);
                if (r < 0)
                        return r;
        }
        for (const DaemonRow *d = daemon_rows; d->name; d++) {
                r = daemon_is_needed(d, config) ? wait_for_daemon(d) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}
