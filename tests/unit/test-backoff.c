/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/backoff.h"
#include "tests/unit/test.h"

static void test_bounds(void **state) {
        static const uint64_t ceilings[] = { 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
        Backoff low = {}, high = {};

        for (size_t i = 0; i < ELEMENTSOF(ceilings); i++) {
                assert_int_equal(backoff_next(&low, 0, 500, 60000, 0), 0);
                assert_int_equal(backoff_next(&high, 0, 500, 60000, ceilings[i]), ceilings[i]);
        }
        /* For ever. */
        for (unsigned i = 0; i < 1000; i++)
                assert_in_range(backoff_next(&high, 0, 500, 60000, UINT64_MAX - i), 0, 60000);
        high = (Backoff) {};
        assert_int_equal(backoff_next(&high, 0, 500, 60000, 501), 0);
}

static void test_floor(void **state) {
        Backoff b = {};

        for (unsigned i = 0; i < 100; i++)
                assert_in_range(backoff_next(&b, 100, 100, 1000, i * 77), 100, 1000);
        b = (Backoff) {};
        assert_int_equal(backoff_next(&b, 100, 100, 1000, 12345), 100);
}

/* Even numbers in give even waits out: nobody's crowd comes back at once. */
static void test_spread(void **state) {
        unsigned buckets[10] = {};

        for (uint64_t i = 0; i < 10000; i++) {
                Backoff b = { .n_failed = 4 };

                buckets[backoff_next(&b, 0, 500, 60000, i * UINT64_C(0x9e3779b97f4a7c15)) * 10 / 8001]++;
        }
        for (size_t i = 0; i < ELEMENTSOF(buckets); i++)
                assert_in_range(buckets[i], 850, 1150);
}

/* Believed a few times in a row; then it is as any that fails, until things went well. */
static void test_begin_anew(void **state) {
        Backoff b = {};

        for (unsigned i = 0; i < 8; i++) {
                assert_true(backoff_begin_anew(&b, 8));
                assert_int_equal(backoff_next(&b, 0, 500, 60000, 500), 500);
        }
        for (unsigned i = 0; i < 100; i++)
                assert_false(backoff_begin_anew(&b, 8));
        assert_int_equal(backoff_next(&b, 0, 500, 60000, 1000), 1000);
        assert_int_equal(backoff_next(&b, 0, 500, 60000, 2000), 2000);
        b = (Backoff) {};
        assert_true(backoff_begin_anew(&b, 8));
}

#define SEC UINT64_C(1000000)
#define HOUSES 2000U

static int compare_numbers(const void *a, const void *b) {
        const uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return (x > y) - (x < y);
}

/* All houses of a relay lose it in the same moment, and it is there again after so long. When each is back,
 * counted from then, sorted; returns the tries of all. */
static unsigned lose_relay(uint64_t down_usec, uint64_t back[static HOUSES]) {
        uint64_t random = 1;
        unsigned tries = 0;

        for (unsigned i = 0; i < HOUSES; i++) {
                const uint64_t begin = 1000 * SEC;
                uint64_t now = begin;
                Backoff b = {};

                while (now < begin + down_usec) {
                        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                        now += backoff_after(&b, now, SEC / 2, 60 * SEC, random >> 16);
                        tries++;
                }
                back[i] = now - begin - down_usec;
        }
        qsort(back, HOUSES, sizeof(back[0]), compare_numbers);
        return tries;
}

/* The most that come within a second. */
static unsigned crowd(const uint64_t back[static HOUSES]) {
        unsigned most = 0;

        for (unsigned i = 0, k = 0; i < HOUSES; i++) {
                while (back[i] - back[k] > SEC)
                        k++;
                most = MAX(most, i - k + 1);
        }
        return most;
}

/* Soon after a short outage, and over a time as long as its own after a long one. */
static void test_outage(void **state) {
        static const struct {
                uint64_t down_usec, most_usec; /* 95 of 100 are back by then, */
                unsigned percent, tries;       /* no more come in a second, and no one tries more often */
        } cases[] = {
                { 11 * SEC / 2, 2 * SEC, 65, 12 },
                { 60 * SEC, 21 * SEC, 8, 22 },
                { 600 * SEC, 55 * SEC, 4, 40 },
        };
        uint64_t back[HOUSES];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const unsigned tries = lose_relay(cases[i].down_usec, back);

                assert_true(back[HOUSES * 95 / 100] <= cases[i].most_usec);
                assert_true(back[HOUSES - 1] <= MIN(cases[i].down_usec * 2 / 5 + SEC, 60 * SEC));
                assert_true(crowd(back) <= HOUSES * cases[i].percent / 100);
                assert_true(tries <= HOUSES * cases[i].tries);
        }
}

/* A failure long after the first is no more than the longest wait; who is well begins anew. */
static void test_after(void **state) {
        Backoff b = {};

        assert_int_equal(backoff_after(&b, 1000, 500, 60000, 501), 0);
        assert_int_equal(backoff_after(&b, 1001, 500, 60000, 0), 310);
        assert_in_range(backoff_after(&b, 1001, 500, 60000, UINT64_MAX), 310, 500);
        for (unsigned i = 0; i < 1000; i++)
                assert_in_range(backoff_after(&b, UINT64_C(1) << 60, 500, 60000, UINT64_MAX - i * 77), 37500,
                                60000);
        b = (Backoff) {};
        assert_int_equal(backoff_after(&b, 99, 500, 60000, 500), 500);
}

TEST_MAIN(cmocka_unit_test(test_begin_anew), cmocka_unit_test(test_bounds), cmocka_unit_test(test_floor),
          cmocka_unit_test(test_spread), cmocka_unit_test(test_outage), cmocka_unit_test(test_after))
