/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* What hagw.conf says, copied: a configuration goes away with the next one. */

typedef enum AuthorityRank {
        AUTHORITY_FIRST,
        AUTHORITY_FALLBACK, /* asked when the first has failed for long */
        _AUTHORITY_RANK_MAX,
        _AUTHORITY_RANK_INVALID = -EINVAL,
} AuthorityRank;

typedef struct Authority {
        char *directory; /* NULL: there is none of this rank */
        char *contact, *ca_file, *eab_key_id, *profile;
} Authority;

typedef struct Settings {
        Authority authorities[_AUTHORITY_RANK_MAX];
        char *key_algorithm, *preferred_chain;
        char *relay_zone; /* plan_relay_zone()'s name, or NULL */
        bool caa_others;  /* some zone's CAA records list others beside our accounts */
} Settings;

int settings_copy(const Config *c, Settings *s);
bool settings_equal(const Settings *a, const Settings *b);
void settings_done(Settings *s);

/* Whose directory it is; _AUTHORITY_RANK_INVALID: nobody's that is configured. */
AuthorityRank settings_find_rank(const Settings *s, const char *directory);

/* The group of hagw.conf where an authority's settings stand; its credentials begin with the same words. */
const char *authority_rank_to_group(AuthorityRank rank);
