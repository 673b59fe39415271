/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Changes to the text of a hagw.conf or a hosts.d file that leave everything else as it was, comments
 * included. The text must be one that config_parse_text() took. Each replaces *text (to be freed), or fails
 * with -ENOMEM, or with -EBADMSG where the text ends within a string or a comment, which libconfig takes as
 * well. group is NULL for what stands at the top. No I/O. */

/* group: { name = "value"; }, in the place of a value, of a comment "#name = …;", or added. */
int confedit_set(char **text, const char *group, const char *name, const char *value);

/* The same with a list of strings. */
int confedit_set_list(char **text, const char *group, const char *name, const char *const *values, size_t n);

/* The setting becomes the comment "#name = \"\";", or (cut) goes away. Not there: nothing changes. */
int confedit_unset(char **text, const char *group, const char *name);
int confedit_cut(char **text, const char *group, const char *name);

/* Adds { name = "…"; via = "…"; } to zones; without the latter where via is NULL. */
int confedit_add_zone(char **text, const char *name, const char *via);

/* A setting of the zone at that place of zones, the first being 0: in the place of its value or of a comment
 * "#name = …;", or added behind the zone's name. -ENOENT: there are fewer. */
int confedit_set_in_zone(char **text, size_t zone, const char *name, const char *value);
int confedit_set_list_in_zone(char **text, size_t zone, const char *name, const char *const *values,
                              size_t n);

/* Cuts the zone of that name, written as it stands there. Not there: nothing changes. */
int confedit_remove_zone(char **text, const char *name);
