/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Switching the gateway on. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/reload.h"
#include "hagw-ctl/run.h"
#include "hagw-ctl/sandbox.h"
#include "hagw-ctl/setup.h"
#include "hagw-ctl/start.h"
#include "hagw-ctl/waiting.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

#define START_WAIT_USEC (10 * USEC_PER_SEC)
#define START_PAUSE_USEC (100 * USEC_PER_MSEC)
#define REFUSAL_USEC USEC_PER_SEC /* so often it is asked why a daemon does not come */

static bool unit_is_active(const char *unit) {
        return run_program((const char *const[]){ "systemctl", "--quiet", "is-active", unit, NULL },
                           /* quiet= */ true) == 0;
}

/* limit_usec 0: it is asked once. *ret_reason says why it does not answer; NULL: no memory. */
static int wait_for_daemon(const DaemonRow *d, uint64_t limit_usec, bool quiet, char **ret_reason) {
        const uint64_t start = clock_usec(CLOCK_MONOTONIC);
        _cleanup_free_ char *reason = NULL, *what = NULL;
        uint64_t now = start, asked = start;
        int r = -ENOTCONN;

        if (asprintf(&what, "%s to answer", d->name) < 0) {
                what = NULL;
                return log_oom();
        }
        waiting_begin(what, limit_usec, quiet);
        do {
                free(reason);
                r = client_describe(d, NULL, &reason);
                if (r >= 0 || r == -EACCES || limit_usec == 0)
                        break;
                /* That alone may have taken seconds: systemd's socket takes the call, and nobody answers.
                 * A unit that ends before its program begins will do so again. */
                now = clock_usec(CLOCK_MONOTONIC);
                if (now >= asked + REFUSAL_USEC) {
                        asked = now;
                        if (sandbox_refusal(d->name))
                                break;
                }
                waiting_tick();
                setup_pause(START_PAUSE_USEC);
        } while (now < start + limit_usec);
        waiting_end();
        if (r < 0)
                *ret_reason = TAKE_PTR(reason);
        return MIN(r, 0);
}

static int add_name(char **names, const DaemonRow *d) {
        char *more;

        if (asprintf(&more, "%s%s%s", strempty(*names), *names ? ", " : "", d->name) < 0)
                return log_oom();
        free(*names);
        *names = more;
        return 0;
}

/* What the target wants and does not run is started, too, after a change of what that is. */
static int start_target(bool ran) {
        static const char *const enable[] = {
                "systemctl", "--quiet", "enable", "--now", "hagw.target", NULL
        };
        int r;

        r = run_program(enable, /* quiet= */ false);
        if (r == 0 && ran)
                r = run_program((const char *const[]){ "systemctl", "start", "hagw.target", NULL },
                                /* quiet= */ false);
        if (r == 0)
                return 0;
        log_error("hagw.target could not be started; systemctl status 'hagw-*' and hagw-ctl log --errors "
                  "tell more.");
        return r < 0 ? r : -ENOTCONN;
}

bool gateway_runs(void) { return unit_is_active("hagw.target"); }

int start_gateway(const Config *config, bool quiet, const DaemonRow **ret_off) {
        _cleanup_free_ char *names = NULL, *only = NULL;
        bool ran = gateway_runs();
        size_t n = 0;
        int r, first;

        *ret_off = NULL;
        first = start_target(ran);
        if (first >= 0 && ran)
                first = reload_daemons(/* must_run= */ false);
        for (const DaemonRow *d = daemon_rows; d->name; d++) {
                _cleanup_free_ char *reason = NULL;

                /* All were started at once: who is not there when one was waited for in vain will not
                 * come. */
                r = daemon_is_needed(d, config) ?
                            wait_for_daemon(d, *ret_off ? 0 : START_WAIT_USEC, quiet, &reason) :
                            0;
                if (r >= 0)
                        continue;
                first = first < 0 ? first : r;
                *ret_off = *ret_off ?: d;
                if (r == -ENOTCONN && n++ == 0)
                        only = TAKE_PTR(reason);
                if (r == -ENOTCONN && add_name(&names, d) < 0)
                        return -ENOMEM;
                if (r != -ENOTCONN)
                        log_error("%s", reason ?: "Out of memory.");
                if (sandbox_refusal(d->name))
                        break; /* the others meet the same */
        }
        /* Those that do not run are one sentence. */
        if (n == 1)
                log_error("%s", only ?: "Out of memory.");
        else if (n > 1)
                log_error("%s are not running; \"systemctl status\" with a name tells why.", names);
        return first;
}
