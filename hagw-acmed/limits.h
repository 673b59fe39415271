/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/pure/macro.h"

/* Until when authorities want no order (Retry-After). A limit belongs to names, an account and a directory,
 * and to nothing else: a certificate that is no longer asked for leaves it behind, and one for the same
 * names finds it again. Pure, but for JSON. */

/* More names than an authority holds up at once; where there are more, the one goes that ends first. All of
 * them fit into one state file. */
#define LIMITS_MAX 512U

typedef struct Limit {
        char *directory;
        char *account; /* NULL: there was none */
        char **names;  /* in any order */
        uint64_t until_usec;
} Limit;

typedef struct Limits {
        Limit *items;
        size_t n;
} Limits;

void limits_done(Limits *l);

/* 0: none was asked for. directory NULL: nobody's. */
uint64_t limits_get(const Limits *l, const char *directory, const char *account, char *const *names);
/* until_usec 0: it no longer counts. What is over goes. Returns 1 where something has changed. */
int limits_set(Limits *l, const char *directory, const char *account, char *const *names,
               uint64_t until_usec, uint64_t now_usec);

/* Brings back times that lie further ahead than any is noted: the clock was wrong when they were. */
void limits_clamp(Limits *l, uint64_t now_usec);

int limits_to_json(const Limits *l, sd_json_variant **ret);
/* -EBADMSG. */
int limits_from_json(sd_json_variant *v, Limits *ret);
