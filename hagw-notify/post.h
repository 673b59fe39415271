/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

#define POST_TIMEOUT_USEC (30 * USEC_PER_SEC)
#define POST_ANSWER_MAX (64U * 1024) /* bytes */

/* A POST of the text with the title as the header field Title, which is what ntfy takes. -EIO: it was not
 * taken; ret_error says why. */
int post_text(const char *url, const char *title, const char *text, char **ret_error);
