/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* A program that gets a text on its standard input. */

#define CHILD_TIMEOUT_USEC (60 * USEC_PER_SEC)
#define CHILD_REST_USEC USEC_PER_SEC /* for its last words, where what it left behind holds its output */
#define CHILD_WORDS_MAX 512U /* bytes of what it says that are kept */

/* Waits for it, and not for what it leaves to run in the background. ret_error says how it failed, with the
 * end of what it said. -EIO: it failed; -ETIMEDOUT: it was ended; -ENOMEM. environment: "NAME=value", one
 * more. */
int child_run(const char *const *argv, const char *environment, const char *text, uint64_t timeout_usec,
              char **ret_error);
