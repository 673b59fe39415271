/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-ctl/patience.h"
#include "tests/unit/test.h"

/* All of a relay's daemons together. */
static void test_bound(void **state) {
        Patience p = {};
        uint64_t whole = 0;

        for (unsigned i = 0; i < 7; i++) {
                const uint64_t usec = patience_get(&p);

                whole += usec;
                patience_spend(&p, usec);
        }
        assert_int_equal(whole, 11 * USEC_PER_SEC);
}

/* One that was refused at once costs the others nothing. */
static void test_short(void **state) {
        Patience p = {};

        patience_spend(&p, USEC_PER_SEC);
        assert_int_equal(patience_get(&p), 5 * USEC_PER_SEC);
        patience_spend(&p, 4 * USEC_PER_SEC);
        assert_int_equal(patience_get(&p), USEC_PER_SEC);
}

TEST_MAIN(cmocka_unit_test(test_bound), cmocka_unit_test(test_short))
