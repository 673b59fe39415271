/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small tables without a lock. Whom two names with one hash would mislead is the owner who reads of them. */

#include "hagw-proxyd/wire/innernames.h"
#include "libhagw/pure/nametable.h"

#define SAID_BITS 2U
#define SAID_MASK ((UINT64_C(1) << SAID_BITS) - 1)

static uint64_t hash_of(const char *name) {
        static const uint8_t key[SIPHASH_KEY_SIZE] = { 0 };

        return name_hash(name, key);
}

static uint64_t word_of(const InnerName *i) {
        return atomic_load_explicit(&i->word, memory_order_acquire);
}

/* Its own, or one that is unused, or the one that was said longest ago. */
static InnerName *find_place(InnerNames *t, uint64_t hash) {
        InnerName *oldest = t->items;

        for (size_t i = 0; i < INNER_NAMES_MAX; i++) {
                InnerName *n = &t->items[i];

                if (word_of(n) > 0 && atomic_load_explicit(&n->hash, memory_order_relaxed) == hash)
                        return n;
                if (word_of(n) >> SAID_BITS < word_of(oldest) >> SAID_BITS)
                        oldest = n;
        }
        return oldest;
}

void inner_names_note(InnerNames *t, const char *name, InnerLogin said, uint64_t usec) {
        const uint64_t hash = hash_of(name);
        InnerName *n = find_place(t, hash);

        atomic_store_explicit(&n->word, 0, memory_order_release);
        atomic_store_explicit(&n->hash, hash, memory_order_release);
        atomic_store_explicit(&n->word, usec << SAID_BITS | (uint64_t) said, memory_order_release);
}

/* 0: unused, or it is being written. */
static uint64_t read_item(const InnerName *i, uint64_t *ret_hash) {
        const uint64_t word = word_of(i);

        *ret_hash = atomic_load_explicit(&i->hash, memory_order_acquire);
        return word_of(i) == word ? word : 0;
}

/* The newest word of the name. */
static uint64_t newest_of(const InnerNames *tables, unsigned n, uint64_t hash) {
        uint64_t newest = 0;

        for (unsigned t = 0; t < n; t++)
                for (size_t i = 0; i < INNER_NAMES_MAX; i++) {
                        uint64_t its, word = read_item(&tables[t].items[i], &its);

                        if (its == hash && word >> SAID_BITS > newest >> SAID_BITS)
                                newest = word;
                }
        return newest;
}

static InnerLogin said_by(uint64_t word) {
        return word > 0 ? (InnerLogin) (word & SAID_MASK) : _INNER_LOGIN_INVALID;
}

InnerLogin inner_names_find(const InnerNames *tables, unsigned n, const char *name) {
        return said_by(newest_of(tables, n, hash_of(name)));
}

InnerLogin inner_names_asking(const InnerNames *tables, unsigned n, uint64_t *ret_usec) {
        uint64_t newest = 0;

        for (unsigned t = 0; t < n; t++)
                for (size_t i = 0; i < INNER_NAMES_MAX; i++) {
                        uint64_t hash, word = read_item(&tables[t].items[i], &hash);

                        if (word >> SAID_BITS > newest >> SAID_BITS && said_by(word) > INNER_LOGIN_NONE &&
                            newest_of(tables, n, hash) == word)
                                newest = word;
                }
        *ret_usec = newest >> SAID_BITS;
        return said_by(newest);
}
