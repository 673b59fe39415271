/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Machines that refuse parts of the units' sandbox. */

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/run.h"
#include "hagw-ctl/sandbox.h"
#include "hagw-ctl/units.h"
#include "libhagw/log.h"
#include "libhagw/state.h"
#include "libhagw/usec.h"

#define FOLDER "hagw-.service.d"
#define FILE_NAME "90-container.conf"
/* A unit that is refused something ends within this time; one that has begun is not refused anything. */
#define SANDBOX_LOOK_USEC (2 * USEC_PER_SEC)
#define SANDBOX_PAUSE_USEC (50 * USEC_PER_MSEC)

static const SandboxRefusal refusals[] = {
        { 217, "a user namespace of its own (PrivateUsers=)", NULL,
          "# This machine, a container, gives its services no user namespace of their own. hagw's daemons\n"
          "# keep their own users and all the rest of their sandbox.\n"
          "[Service]\n"
          "PrivateUsers=no\n" },
        { 225, "a network namespace of its own (PrivateNetwork=)",
          "In LXC switch nesting on, in Docker the container needs CAP_SYS_ADMIN.", NULL },
        { 226, "a mount namespace of its own (ProtectSystem= and others)",
          "In LXC switch nesting on, in Docker the container needs CAP_SYS_ADMIN.", NULL },
};

static const char *unit_folder(void) {
        return secure_getenv("HAGW_UNIT_DIR") ?: "/etc/systemd/system";
}

/* 1: status is how it ended last; 0: systemd is just about to start it once more, and has forgotten that. */
static int look_at(const char *unit, int *ret_status) {
        char state[UNIT_TEXT_MAX], status[UNIT_TEXT_MAX];
        _cleanup_free_ char *shown = NULL;

        if (run_capture((const char *const[]){ "systemctl", "show", "--property=Id,SubState,ExecMainStatus",
                                               unit, NULL },
                        &shown) != 0 ||
            !unit_property(shown, unit, "SubState", state) ||
            !unit_property(shown, unit, "ExecMainStatus", status))
                return -ENODATA;
        *ret_status = atoi(status);
        return !startswith(state, "start");
}

const SandboxRefusal *sandbox_refusal(const char *daemon) {
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + SANDBOX_LOOK_USEC;
        _cleanup_free_ char *unit = NULL;
        int r, status = 0;

        if (asprintf(&unit, "%s.service", daemon) < 0) {
                unit = NULL;
                return NULL;
        }
        while ((r = look_at(unit, &status)) == 0 && clock_usec(CLOCK_MONOTONIC) < end)
                (void) usleep(SANDBOX_PAUSE_USEC);
        if (r <= 0)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++)
                /* 217 is also who has no such user. */
                if (refusals[i].status == status && (refusals[i].status != 217 || getpwnam(daemon)))
                        return &refusals[i];
        return NULL;
}

static int write_drop_in(const char *folder, const char *path, const char *content) {
        int r;

        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
                return log_error_errno(errno, "%s could not be made: %m", folder);
        r = state_write(AT_FDCWD, path, content, strlen(content), 0644);
        if (r < 0)
                return log_error_errno(r, "%s could not be written: %m", path);
        r = run_program((const char *const[]){ "systemctl", "daemon-reload", NULL }, /* quiet= */ false);
        return r == 0 ? 1 : r < 0 ? r : -ENOTCONN;
}

int sandbox_mend(const SandboxRefusal *f, const char *daemon, bool ask) {
        _cleanup_free_ char *folder = NULL, *path = NULL;
        int r;

        if (asprintf(&folder, "%s/" FOLDER, unit_folder()) < 0 ||
            asprintf(&path, "%s/" FOLDER "/" FILE_NAME, unit_folder()) < 0)
                return log_oom();
        log_error("%s cannot start: this machine, probably a container, refuses it %s.", daemon, f->what);
        if (!f->content) {
                log_error("%s", f->advice);
                return 0;
        }
        if (!ask) {
                log_error("A file %s with \"[Service]\" and \"PrivateUsers=no\" does without it; then "
                          "\"systemctl daemon-reload\" and \"hagw-ctl setup\".",
                          path);
                return 0;
        }
        output_paragraph("", "A drop-in does without it, %s:", path);
        output_lines(f->content);
        r = prompt_yes("Write it?", true);
        return r <= 0 ? r : write_drop_in(folder, path, f->content);
}
