/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-keyd/key.h"

/* All keys: in memory, parsed, and each in a file of its own, ID.key in the state directory: three header
 * lines and PKCS#8 PEM, mode 0600, written atomically. */

#define KEYS_MAX 256U

typedef struct Keys Keys;

/* Reads every *.key in dir. What holds no usable key is set aside, logged, and listed by keys_get_broken().
 */
int keys_load(const char *dir, Keys **ret);
Keys *keys_free(Keys *keys);
DEFINE_TRIVIAL_CLEANUP_FUNC(Keys *, keys_free)

/* Only what is held: what is still being written is no key yet. */
size_t keys_count(const Keys *keys);
Key *keys_get(const Keys *keys, size_t i);
Key *keys_find(const Keys *keys, const char *id);
/* NULL-terminated file names, as they were before they were set aside. */
char *const *keys_get_broken(const Keys *keys);

/* True where no further key has a place, those counted that are being written. */
bool keys_is_full(const Keys *keys);

/* Adding and removing have three steps each, because a disk may take its time: the first and the last are
 * the main thread's, the one between them may be another's.
 *
 * keys_add_begin() keeps a place and a reference. 1: now keys_write() and keys_add_end() with its result. 0:
 * the key is held already, *ret_there. -EEXIST: held for another purpose. -EBUSY: it is being written or
 * removed. -EXFULL: KEYS_MAX. */
int keys_add_begin(Keys *keys, Key *k, Key **ret_there);
int keys_write(const Keys *keys, Key *k);
void keys_add_end(Keys *keys, Key *k, int result);

/* The key stays in use until its file is gone. -EBUSY: as above. */
int keys_remove_begin(Keys *keys, Key *k);
int keys_unlink(const Keys *keys, const Key *k);
void keys_remove_end(Keys *keys, Key *k, int result);
