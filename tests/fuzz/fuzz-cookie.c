/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cookie fields: after the cut the cookie is gone, and cutting again changes nothing. */

#include "hagw-proxyd/wire/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *value = malloc(size ?: 1);
        Slice name = SLICE("h"), rest, pair, found;
        size_t n;

        memcpy(value, data, size);
        n = cookie_cut(value, size, name);
        assert(n <= size);
        assert(cookie_find((Slice) { value, n }, name, &found) == 0);
        for (rest = (Slice) { value, n }; slice_next(&rest, ';', &pair);)
                assert(!cookie_is_called(pair, name));
        assert(cookie_cut(value, n, name) == n);
        return 0;
}
