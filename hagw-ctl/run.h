/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Other programs: systemctl and journalctl. */

/* Runs argv[0] (found in PATH) and waits. Returns its exit status, or a negative errno that was logged.
 * quiet: what it writes is dropped. */
int run_program(const char *const *argv, bool quiet);

/* The same, with what it writes to stdout, at most RUN_CAPTURE_MAX of it; what it says is wrong is dropped.
 * Returns its exit status or a negative errno. Quiet. */
#define RUN_CAPTURE_MAX (256U * 1024)
int run_capture(const char *const *argv, char **ret);

/* Becomes argv[0]; returns only on failure, which was logged. */
int run_instead(const char *const *argv);

/* Is systemd the system's init? Without it nothing can be started or reloaded. */
bool system_is_booted(void);
