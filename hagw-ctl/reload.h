/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Lets the running daemons take the configuration over, and asks each whether it did. Returns 0; -EREMOTEIO
 * where one refused it (told); -ENOTCONN where one that is needed does not run (told only where `must_run`).
 */
int reload_daemons(bool must_run);
