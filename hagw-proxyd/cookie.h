/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "header.h"

/* Cookie fields (RFC 6265 section 4.2), read and cut where they lie. Names are case-sensitive. Pure. */

/* How many cookies of that name the fields carry; ret_value is the first one's value, quotes kept. */
size_t cookie_find(const HeaderList *l, Slice name, Slice *ret_value);

/* Cuts every cookie of that name out of a field's value in place, with its separator; returns the new size.
 * Other cookies keep their bytes and their order. */
size_t cookie_cut(char *value, size_t size, Slice name);

/* The name that a Set-Cookie value sets. */
Slice cookie_set_name(Slice value);
