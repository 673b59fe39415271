/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* The word somebody probably meant. Pure. */

/* The nearest of the candidates to word by edit distance (Damerau, restricted), or NULL where none is near
 * enough: at most a third of the word's length, at least 1. Candidates end with NULL. */
const char *suggest(const char *word, const char *const *candidates);
