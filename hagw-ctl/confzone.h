/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Changes to the list of zones, as confedit.h has it. */

/* Adds { name = "…"; via = "…"; } to zones; without the latter where via is NULL. */
int confzone_add(char **text, const char *name, const char *via);

/* A setting of the zone at that place of zones, the first being 0: in the place of its value or of a comment
 * "#name = …;", or added behind the zone's name. -ENOENT: there are fewer. */
int confzone_set(char **text, size_t zone, const char *name, const char *value);
int confzone_set_list(char **text, size_t zone, const char *name, const char *const *values,
                              size_t n);

/* Cuts the zone of that name, written as it stands there. Not there: nothing changes. */
int confzone_remove(char **text, const char *name);
