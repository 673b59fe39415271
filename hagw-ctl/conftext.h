/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

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

/* hagw.conf with every setting: the chosen ones in force, the others commented out at their defaults. */
int conf_text_main(const Choices *c, char **ret);

/* A hosts.d file with only what was chosen. */
int conf_text_host(const Choices *c, char **ret);
#define CONF_TEXT_HOST_HEAD "# Written by hagw-ctl; see hagw.conf(5). After an edit: hagw-ctl reload\n"
