/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* What a feed has told, in the order in which it told it last. A round is the whole told anew; what was not
 * told again in it is gone, and stands first. So finding it costs what has gone, whatever there is besides.
 * Entries are part of what they stand for. Pure. */

typedef struct FreshEntry FreshEntry;
struct FreshEntry { /* zero-initialized: in no list */
        FreshEntry *next, *previous;
        uint64_t round;
        bool listed;
};

typedef struct FreshList {
        FreshEntry *first, *last;
        uint64_t round;
        bool complete; /* the round is: what was not told in it is gone */
} FreshList;

/* A round begins: what is gone is not known before its end. */
void fresh_begin(FreshList *l);
void fresh_end(FreshList *l);
/* It was told, for the first time or again. */
void fresh_tell(FreshList *l, FreshEntry *e);
/* It goes. e may be in no list. */
void fresh_remove(FreshList *l, FreshEntry *e);
/* One that is gone and still listed, or NULL. */
FreshEntry *fresh_stale(const FreshList *l);
