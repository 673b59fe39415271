/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/siphash.h"

/* A hash table by name, whose entries are part of what they stand for. Grows by itself. Keyed, so that who
 * chooses the names does not choose where they collide. Pure. */

typedef struct NameEntry NameEntry;
struct NameEntry {
        NameEntry *next;
        uint64_t hash;
        const char *name; /* the owner's */
};

typedef struct NameTable {
        NameEntry **slots; /* a power of two */
        size_t n_slots, n;
} NameTable;

uint64_t name_hash(const char *name, const uint8_t key[static SIPHASH_KEY_SIZE]);

NameEntry *name_table_find(const NameTable *t, const char *name, uint64_t hash);
/* e->name and e->hash are set, and no entry has that name. -ENOMEM: it was not added. */
int name_table_add(NameTable *t, NameEntry *e);
/* e is in it. */
void name_table_remove(NameTable *t, NameEntry *e);
/* Calls f for each entry, which may remove (only) that entry. */
void name_table_foreach(NameTable *t, void (*f)(NameEntry *e, void *userdata), void *userdata);
/* Frees the table, which is empty or whose entries are the caller's to free. */
void name_table_done(NameTable *t);
