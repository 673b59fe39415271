/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

#include "libhagw/pure/macro.h"

/* Who keeps a folder from being written: the file system, or somebody who mounted it so. */

/* Whether the file system itself, whose mount has that number, takes nothing; as /proc/PID/mountinfo says,
 * see proc_pid_mountinfo(5). */
bool mount_is_read_only(FILE *mountinfo, uint64_t id);

/* The same of the one that path is on. false, too: not known. */
bool mount_of_is_read_only(const char *path);
