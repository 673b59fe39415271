/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "conf.h"

/* What hagw.conf says, copied: a configuration goes away with the next one. */
typedef struct Settings {
        char *directory, *contact, *ca_file, *eab_key_id, *key_algorithm, *preferred_chain, *profile;
        char *relay_zone; /* plan_relay_zone()'s name, or NULL */
        bool caa_others;  /* some zone's CAA records list others beside our accounts */
} Settings;

int settings_copy(const Config *c, Settings *s);
bool settings_equal(const Settings *a, const Settings *b);
void settings_done(Settings *s);
