/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/hops.h"
#include "tests/unit/test.h"

/* The last of as many as there can be is one, too. */
static void test_contain(void **state) {
        IpAddress other = { .family = AF_INET, .bytes = { 10, 0, 1 } };
        Hops h = { .known = true };

        assert_false(hops_contain(&h, &other));
        for (; h.n < HOPS_MAX; h.n++)
                h.items[h.n] = (IpAddress) { .family = AF_INET, .bytes = { 10, 0, 0, (uint8_t) h.n } };
        for (size_t i = 0; i < HOPS_MAX; i++)
                assert_true(hops_contain(&h, &h.items[i]));
        assert_false(hops_contain(&h, &other));
}

TEST_MAIN(cmocka_unit_test(test_contain))
