/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Enrolment codes: 80 random bits as people read and type them, "7K3M-Q9XT-2VBN-HD4W", in an alphabet
 * without look-alikes (Crockford's base32). Pure. */

#define RELAY_CODE_BYTES 10U
#define RELAY_CODE_LENGTH 16U                    /* characters that count */
#define RELAY_CODE_TEXT_SIZE (RELAY_CODE_LENGTH + 3 + 1) /* with hyphens and NUL */
#define RELAY_CODE_TYPED_MAX 64U                 /* characters that are looked at */

/* out has room for RELAY_CODE_TEXT_SIZE. */
void relay_code_format(const uint8_t bytes[static RELAY_CODE_BYTES], char *out);

/* Any case, blanks and hyphens anywhere, O for 0, I and L for 1. -EINVAL. */
int relay_code_parse(const char *typed, uint8_t ret[static RELAY_CODE_BYTES]);
