/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Who may pass where: what a user may reach, and whom a host lists. Both must agree. Lists end in NULL, or
 * are NULL: none. Pure. */

/* Does a user with this list ("*", names, "*.DOMAIN") reach the host? host: normalized; of one that begins
 * with "*.", any name below it is enough. */
bool admit_reaches(char *const *hosts, const char *host);

/* Is the user on the host's lists? Two empty ones list everybody. */
bool admit_lists(char *const *users, char *const *groups, const char *user, char *const *user_groups);
