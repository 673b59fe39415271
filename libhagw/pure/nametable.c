/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chained, as entries come and go one by one and their addresses must stay. */

#include "libhagw/pure/nametable.h"

#define SLOTS_MIN 16U

uint64_t name_hash(const char *name, const uint8_t key[static SIPHASH_KEY_SIZE]) {
        return siphash24(name, strlen(name), key);
}

static NameEntry **slot_of(NameEntry **slots, size_t n_slots, uint64_t hash) {
        return &slots[hash & (n_slots - 1)];
}

NameEntry *name_table_find(const NameTable *t, const char *name, uint64_t hash) {
        if (t->n_slots == 0)
                return NULL;
        for (NameEntry *e = *slot_of(t->slots, t->n_slots, hash); e; e = e->next)
                if (e->hash == hash && streq(e->name, name))
                        return e;
        return NULL;
}

static int grow(NameTable *t) {
        size_t n = MAX(t->n_slots * 2, (size_t) SLOTS_MIN);
        NameEntry **slots = calloc(n, sizeof(*slots));

        if (!slots)
                return -ENOMEM;
        for (size_t i = 0; i < t->n_slots; i++)
                while (t->slots[i]) {
                        NameEntry *e = t->slots[i], **slot = slot_of(slots, n, e->hash);

                        t->slots[i] = e->next;
                        e->next = *slot;
                        *slot = e;
                }
        free(t->slots);
        t->slots = slots;
        t->n_slots = n;
        return 0;
}

int name_table_add(NameTable *t, NameEntry *e) {
        NameEntry **slot;

        if (t->n >= t->n_slots && grow(t) < 0)
                return -ENOMEM;
        slot = slot_of(t->slots, t->n_slots, e->hash);
        e->next = *slot;
        *slot = e;
        t->n++;
        return 0;
}

void name_table_remove(NameTable *t, NameEntry *e) {
        NameEntry **p = slot_of(t->slots, t->n_slots, e->hash);

        while (*p != e)
                p = &(*p)->next;
        *p = e->next;
        t->n--;
}

void name_table_foreach(NameTable *t, void (*f)(NameEntry *e, void *userdata), void *userdata) {
        for (size_t i = 0; i < t->n_slots; i++)
                for (NameEntry *e = t->slots[i], *next; e; e = next) {
                        next = e->next;
                        f(e, userdata);
                }
}

void name_table_done(NameTable *t) {
        free(t->slots);
        *t = (NameTable) {};
}
