/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* The copy of the last good configuration, which root makes and the daemons start with where the files are
 * broken (conf-kept.h). A kill at any instant leaves the old copy or the new one. */

/* Copies hagw.conf and the hosts of dir to kept, if together they are valid and not there already. 1: made;
 * 0: there already. -EBADMSG: not valid; ret_error says why. */
int keep_config(const char *dir, const char *kept, char **ret_error);
