/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

#include "libhagw/pure/macro.h"

/* What systemd says of units. */

#define UNITS_MAX 16U     /* that are asked for at once */
#define UNIT_TEXT_MAX 64U /* of a name, of a value */

/* What systemctl shows of them, as it writes it; to be freed. properties: "Id,LoadState", the Id among them.
 * NULL: not known. */
char *units_show(const char *properties, const char *const *units, size_t n);

/* The value of a property of one of them; false: not shown. */
bool unit_property(const char *shown, const char *unit, const char *property,
                   char out[static UNIT_TEXT_MAX]);
bool unit_has(const char *shown, const char *unit, const char *property, const char *value);
