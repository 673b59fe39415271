/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cookie fields: after the cut the cookie is gone, and cutting again changes nothing. */

#include "cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *value = malloc(size ?: 1);
        Header h = { .name = "cookie", .name_size = 6, .value = value, .id = HEADER_COOKIE };
        HeaderList l = { .items = &h, .n = 1, .max = 1 };
        Slice name = SLICE("h"), found;
        size_t n;

        memcpy(value, data, size);
        n = cookie_cut(value, size, name);
        assert(n <= size);
        h.value_size = (uint32_t) n;
        assert(cookie_find(&l, name, &found) == 0);
        assert(cookie_cut(value, n, name) == n);
        (void) cookie_set_name((Slice) { value, n });
        return 0;
}
