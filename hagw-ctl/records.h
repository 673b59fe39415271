/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* The lines that a zone file elsewhere needs, for a name to lead to a relay. name: as typed, target: without
 * final dot. */

/* "NAME.  CNAME  TARGET." and the note, or ALIAS at the top of a domain, where no CNAME may stand (RFC 1034
 * section 3.6.2). True: it was ALIAS. */
bool records_print_name(const char *prefix, const char *name, const char *target, const char *note);
/* "_acme-challenge.NAME.  CNAME  _acme-challenge.TARGET.": of a wildcard the name behind it. */
void records_print_challenge(const char *prefix, const char *name, const char *target);
/* What ALIAS is, below the lines. */
void records_explain_alias(const char *target);
