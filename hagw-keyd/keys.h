/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "key.h"

/* All keys: in memory, parsed, and each in a file of its own, ID.key in the state directory: three header
 * lines and PKCS#8 PEM, mode 0600, written atomically. */

#define KEYS_MAX 256U

typedef struct Keys Keys;

/* Reads every *.key in dir. What holds no usable key is set aside, logged, and listed by keys_get_broken().
 */
int keys_load(const char *dir, Keys **ret);
Keys *keys_free(Keys *keys);
DEFINE_TRIVIAL_CLEANUP_FUNC(Keys *, keys_free)

size_t keys_count(const Keys *keys);
Key *keys_get(const Keys *keys, size_t i);
Key *keys_find(const Keys *keys, const char *id);
/* NULL-terminated file names, as they were before they were set aside. */
char *const *keys_get_broken(const Keys *keys);

/* Writes the key and takes it over; *ret_key stays owned by the collection. The same key a second time, for
 * the same purpose, is the one there already; for another -EEXIST. -EXFULL: KEYS_MAX. The argument is
 * consumed in any case. */
int keys_add(Keys *keys, Key *k, Key **ret_key);

/* Removes the file, then the key. */
int keys_remove(Keys *keys, Key *k);
