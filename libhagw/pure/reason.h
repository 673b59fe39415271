/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* The sentence that says why something is not so. */

/* *ret is the text, to be freed, and r is returned; so who finds a reason says it in one line. -ENOMEM: *ret
 * is NULL. */
int reason_give(char **ret, int r, const char *format, ...) _printf_(3, 4);

/* libcurl's texts say for how long it tried, and how much had come by then. Without that the same reason is
 * the same text, and told once. */
void reason_drop_measures(char *reason);
