/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Request heads (first byte odd) and answers' heads: cut anywhere they mean the same; what is written after
 * the header rules is taken again and written as the same bytes, also where an answer's lines end in LF. */

#include "tests/fuzz/fuzz-h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *once = NULL, *twice = NULL, *odd = NULL;
        size_t n, m;

        if (size < 2)
                return 0;
        once = head_round_trip(data[0], 0, data[1], (const char *) data + 2, size - 2, &n);
        if (!once)
                return 0;
        twice = head_round_trip(data[0] & 3, 1, 0, once, n, &m);
        assert(twice && n == m && memcmp(once, twice, n) == 0);
        if (data[0] & 1)
                return 0;
        free(twice);
        m = without_cr(once, n, &odd);
        twice = head_round_trip(data[0] & 3, 1, 0, odd, m, &m);
        assert(twice && n == m && memcmp(once, twice, n) == 0);
        return 0;
}
