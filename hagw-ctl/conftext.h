/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

#include "libhagw/conf-schema.h"

/* Configuration as text, written from the table of settings. */

/* What was chosen, setting by setting; the rest stays at its default. */
typedef struct Choice {
        const ConfSetting *setting;
        size_t zone; /* which one, for settings of zones */
        char **values;
        size_t n_values, allocated;
} Choice;

typedef struct Choices {
        Choice *items;
        size_t n_items, allocated;
        size_t n_zones;
} Choices;

/* Adds a value: a list grows, anything else is replaced. group may be NULL. The setting must exist. */
int choices_add(Choices *c, ConfScope scope, size_t zone, const char *group, const char *name,
                const char *value);
void choices_done(Choices *c);

/* NULL: there is none. */
const ConfSetting *conf_find_setting(ConfScope scope, const char *group, const char *name);

/* A setting's values, or its default, as they are written: "text", 3, true, ( "a", "b" ). */
int conf_text_values(const ConfSetting *s, char *const *values, size_t n, char **ret);
int conf_text_fallback(const ConfSetting *s, char **ret);

/* A libconfig string; what is not printable ASCII stays as it is, except control characters. */
void conf_put_string(FILE *f, const char *s);

/* hagw.conf with every setting: the chosen ones in force, the others commented out at their defaults. */
int conf_text_main(const Choices *c, char **ret);

/* A hosts.d file with only what was chosen. */
int conf_text_host(const Choices *c, char **ret);
#define CONF_TEXT_HOST_HEAD "# Written by hagw-ctl; see hagw.conf(5). After an edit: hagw-ctl reload\n"
