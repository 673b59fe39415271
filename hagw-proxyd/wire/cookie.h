/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/header.h"

/* Cookie fields (RFC 6265 section 4.2), read and cut where they lie. Names are case-sensitive; but browsers
 * that keep "__Host-" and its like for the host's own (RFC 6265bis) know the prefix in any case, and older
 * ones send a cookie without a name as if its value were one ("Set-Cookie: =__Host-x=y"). So a name that is
 * ours alone is found as it is, and kept from others in every spelling. Pure. */

/* How many cookies of just that name a field's value carries; ret_value is the last one's value, quotes
 * kept. */
size_t cookie_find(Slice value, Slice name, Slice *ret_value);

/* Might somebody take the pair, "name=value" with what may follow behind a ";", for a cookie whose name
 * begins with the prefix? Case, blanks, quotes, and "=" before it do not count. */
bool cookie_is_called(Slice pair, Slice prefix);

/* Cuts every cookie that is called so out of a field's value in place, with its separator; returns the new
 * size. Other cookies keep their bytes and their order. */
size_t cookie_cut(char *value, size_t size, Slice prefix);
