/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* What attach writes into a hagw.conf, and detach takes out again: after both the text is what it was, to
 * the byte. With it goes what somebody wrote there in trust of that relay, for the next one is another. As
 * confedit.h has it. */

/* pin, zone: NULL: none, or not yet. */
int confrelay_attach(char **text, const char *address, const char *tenant, const char *pin,
                     const char *zone);
/* Visitors whose TLS it opened are taken, or its word for private addresses. */
bool confrelay_trusts(const Config *c);
/* c: what the text means. */
int confrelay_detach(char **text, const Config *c);
