/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Machines that refuse parts of the units' sandbox. */

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/run.h"
#include "hagw-ctl/sandbox.h"
#include "libhagw/log.h"
#include "libhagw/state.h"

#define FOLDER "hagw-.service.d"
#define FILE_NAME "90-container.conf"

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

const SandboxRefusal *sandbox_refusal(const char *daemon) {
        _cleanup_free_ char *unit = NULL, *text = NULL;

        if (asprintf(&unit, "%s.service", daemon) < 0) {
                unit = NULL;
                return NULL;
        }
        if (run_capture((const char *const[]){ "systemctl", "show", "--property=ExecMainStatus", "--value",
                                               unit, NULL },
                        &text) != 0)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++)
                /* 217 is also who has no such user. */
                if (refusals[i].status == atoi(text) && (refusals[i].status != 217 || getpwnam(daemon)))
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
