/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/confspan.h"
#include "libhagw/conf-schema.h"

/* Changes to the text of a hagw.conf or a hosts.d file that leave everything else as it was, comments
 * included. The text must be one that config_parse_text() took. Each replaces *text (to be freed), or fails
 * with -ENOMEM, or with -EBADMSG where the text ends within a string or a comment, which libconfig takes as
 * well. group is NULL for what stands at the top. No I/O. */

/* group: { name = "value"; }, in the place of a value, of hagw-ctl's comment "#name = …;", or added. */
int confedit_set(char **text, const char *group, const char *name, const char *value);

/* The same with a value as it is written in the file: what conf_text_values() makes. */
int confedit_set_text(char **text, const char *group, const char *name, const char *value);

/* The same with a list of strings. */
int confedit_set_list(char **text, const char *group, const char *name, const char *const *values, size_t n);

/* The setting becomes the comment "#name = …;" with its default, where hagw-ctl has such lines, and goes
 * away elsewhere, or (cut) in any case. Not there: nothing changes. What one of the above has added is gone
 * then to the byte. */
int confedit_unset(char **text, const char *group, const char *name);
int confedit_cut(char **text, const char *group, const char *name);

/* For its neighbours, which change text as well: a libconfig string, or a list of them, to be freed; and a
 * setting of the group in the span that stands there already, or as a comment. 0: it stands nowhere. */
char *confedit_quote(const char *const *values, size_t n, bool list);
int confedit_in_place(char **text, Span in, ConfScope scope, const char *group, const char *name,
                      const char *value);
