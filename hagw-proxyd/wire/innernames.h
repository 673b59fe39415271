/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdatomic.h>

#include "hagw-proxyd/wire/outer.h"

/* What the gateway behind a wildcard host has said of each name: one host of it asks for a login, and
 * another does not. Of the names that were asked for last, for there may be any number. Each table has one
 * thread that writes it; anybody reads all of them. Pure. */

#define INNER_NAMES_MAX 16U /* of each table */

typedef struct InnerName {
        _Atomic uint64_t hash;
        _Atomic uint64_t word; /* when and what (in its lowest bits); 0: unused, or about to change */
} InnerName;

typedef struct InnerNames {
        InnerName items[INNER_NAMES_MAX];
} InnerNames;

/* name: normalized. usec: not 0. */
void inner_names_note(InnerNames *t, const char *name, InnerLogin said, uint64_t usec);
/* What was said last of the name in any of n tables; _INNER_LOGIN_INVALID: nothing that is remembered. */
InnerLogin inner_names_find(const InnerNames *tables, unsigned n, const char *name);
/* The newest word that says that somebody asks at one of the names, where it is the last word of that name.
 * ret_usec: when. _INNER_LOGIN_INVALID: there is none, 0. */
InnerLogin inner_names_asking(const InnerNames *tables, unsigned n, uint64_t *ret_usec);
