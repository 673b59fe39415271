/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl attach that came to nothing. The configuration is not locked while the relay is asked, so what is
 * there may be somebody else's by now. */

#include <fcntl.h>
#include <unistd.h>

#include "hagw-ctl/attach.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/reload.h"
#include "hagw-ctl/run.h"
#include "libhagw/log.h"
#include "libhagw/state.h"

/* False: the file is not as it was. Told. */
static bool restore_config(const Attach *a) {
        _cleanup_close_ _unused_ int lock = lock_hosts();
        _cleanup_free_ char *now = NULL;
        int r;

        r = state_read(AT_FDCWD, a->path, &now, NULL);
        if (r < 0 || !streq(now, a->wrote)) {
                log_error("%s has been changed meanwhile, and is left as it is. %s", a->path,
                          a->before ? "What the options of this attach have put into it is still there." :
                                      "This attach had made it.");
                return false;
        }
        if (a->before)
                return write_config_file(a->path, a->before) >= 0;
        if (unlink(a->path) == 0)
                return true;
        (void) log_error_errno(errno, "%s could not be removed: %m", a->path);
        return false;
}

void attach_undo(const Attach *a) {
        static const char *const disable[] = {
                "systemctl", "--quiet", "disable", "--now", "hagw.target", NULL
        };
        bool restored;

        if (a->started)
                (void) run_program(disable, /* quiet= */ true);
        restored = !a->wrote || restore_config(a);
        if (a->wrote && restored && !a->started)
                (void) reload_daemons(/* must_run= */ false);
        log_error(restored ? "Nothing is changed on this machine." :
                             "Nothing else is changed on this machine.");
}
