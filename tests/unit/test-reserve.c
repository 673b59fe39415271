/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/reserve.h"
#include "tests/unit/test.h"

#define LIMIT 131072U /* LimitNOFILE= of hagw-proxyd.service */

static void test_few_and_many(void **state) {
        assert_int_equal(reserve_of_house(LIMIT, 0), RESERVE_MAX);
        assert_int_equal(reserve_of_house(LIMIT, 1), RESERVE_MAX);
        assert_int_equal(reserve_of_house(LIMIT, 2500), RESERVE_MAX);
        assert_int_equal(reserve_of_house(LIMIT, 10000), 3);
        assert_int_equal(reserve_of_house(LIMIT, 60000), 1);
        assert_int_equal(reserve_of_house(1024, 20), RESERVE_MAX);
        assert_int_equal(reserve_of_house(0, 0), 1);
        assert_int_equal(reserve_of_house(UINT64_MAX, 1), RESERVE_MAX); /* RLIM_INFINITY */
}

/* Together they leave the visitors theirs, however many come. */
static void test_share(void **state) {
        for (uint64_t houses = 1; houses < LIMIT / 4; houses += 7)
                assert_true(houses * reserve_of_house(LIMIT, houses) <= LIMIT / 4);
}

TEST_MAIN(cmocka_unit_test(test_few_and_many), cmocka_unit_test(test_share))
