/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A doubly linked list: who is told again goes to the end. */

#include "libhagw/pure/freshlist.h"

void fresh_begin(FreshList *l) {
        l->round++;
        l->complete = false;
}

void fresh_end(FreshList *l) {
        l->complete = true;
}

void fresh_remove(FreshList *l, FreshEntry *e) {
        if (!e->listed)
                return;
        *(e->previous ? &e->previous->next : &l->first) = e->next;
        *(e->next ? &e->next->previous : &l->last) = e->previous;
        *e = (FreshEntry) {};
}

void fresh_tell(FreshList *l, FreshEntry *e) {
        fresh_remove(l, e);
        *e = (FreshEntry) { .previous = l->last, .round = l->round, .listed = true };
        *(l->last ? &l->last->next : &l->first) = e;
        l->last = e;
}

FreshEntry *fresh_stale(const FreshList *l) {
        return l->complete && l->first && l->first->round != l->round ? l->first : NULL;
}
