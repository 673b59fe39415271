/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "conf.h"

/* What root can read the daemons may not be able to, and would find out at their next start. Looks at every
 * file of the configuration in dir and at every CA file it names, as a member of the group hagw sees them.
 * Logs what is in the way and what to do, and returns -EACCES or what stat(2) says. */
int readable_check(const char *dir, const Config *config);
