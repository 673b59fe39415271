/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* What attach writes into a hagw.conf, and detach takes out again: after both the text is what it was, to
 * the byte. As confedit.h has it. */

/* pin, zone: NULL: none, or not yet. */
int confrelay_attach(char **text, const char *address, const char *tenant, const char *pin,
                     const char *zone);
/* c: what the text means. */
int confrelay_detach(char **text, const Config *c);
