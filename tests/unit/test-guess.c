/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-tenantd/guess.h"
#include "test.h"

#define T0 USEC_PER_DAY

static Guesses *guesses;

static int setup(void **state) {
        guesses = calloc(1, sizeof(*guesses));
        return guesses ? 0 : -1;
}

static int teardown(void **state) {
        free(guesses);
        return 0;
}

static IpAddress at(const char *text) {
        IpAddress a;

        assert_int_equal(ip_parse(text, &a), 0);
        return a;
}

/* Wrong codes until it must wait. */
static unsigned burst(const char *from, uint64_t now) {
        const IpAddress a = at(from);
        unsigned n = 0;

        for (; n < 10000 && guess_wait_usec(guesses, &a, now) == 0; n++)
                guess_charge(guesses, &a, now);
        return n;
}

static void test_a_network(void **state) {
        const IpAddress a = at("192.0.2.1");

        assert_int_equal(burst("192.0.2.1", T0), GUESS_FREE);
        assert_int_equal(guess_wait_usec(guesses, &a, T0), USEC_PER_MINUTE);
        assert_int_equal(guess_wait_usec(guesses, &a, T0 + USEC_PER_MINUTE - 1), 1);
        assert_int_equal(burst("192.0.2.1", T0 + USEC_PER_MINUTE), 1);
        assert_int_equal(burst("192.0.2.1", T0 + 3 * USEC_PER_MINUTE), 2);
        assert_int_equal(burst("192.0.2.1", T0 + USEC_PER_DAY), GUESS_FREE);
        /* Others do not pay. */
        assert_int_equal(burst("192.0.2.2", T0 + USEC_PER_DAY), GUESS_FREE);
        assert_int_equal(burst("2001:db8:0:100::1", T0 + USEC_PER_DAY), GUESS_FREE);
        assert_int_equal(burst("2001:db8:0:1ff:ffff::", T0 + USEC_PER_DAY), 0);
        assert_int_equal(burst("2001:db8:0:200::1", T0 + USEC_PER_DAY), GUESS_FREE);
}

static void test_everybody(void **state) {
        const IpAddress a = at("192.0.2.1");
        unsigned n = 0, extra = 0;
        char text[IP_TEXT_MAX];

        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(text, sizeof(text), "10.1.%u.%u", i / 256, i % 256);
                n += burst(text, T0);
        }
        assert_int_equal(n, GUESS_TOTAL_FREE);
        assert_int_equal(guess_wait_usec(guesses, &a, T0), GUESS_TOTAL_INTERVAL_USEC);
        for (unsigned i = 0; i < 600; i++)
                extra += burst("192.0.2.1", T0 + i * GUESS_TOTAL_INTERVAL_USEC);
        assert_int_equal(extra, GUESS_FREE);
}

/* Two hours of as many networks as get through: those that owe something always have a place. */
static void test_as_many_as_come(void **state) {
        uint64_t now = T0;
        char text[IP_TEXT_MAX];

        for (unsigned i = 0; i < 60000; i++, now += 120 * USEC_PER_MSEC) {
                const unsigned x = i % 7919;
                (void) snprintf(text, sizeof(text), "10.%u.%u.%u", i / 7919, x / 256, x % 256);
                const IpAddress a = at(text);

                while (guess_wait_usec(guesses, &a, now) == 0)
                        guess_charge(guesses, &a, now);
                assert_true(guesses->n <= GUESS_NETWORKS_MAX);
        }
        assert_true(guesses->n < GUESS_NETWORKS_MAX);
}

TEST_MAIN(cmocka_unit_test_setup_teardown(test_a_network, setup, teardown),
          cmocka_unit_test_setup_teardown(test_everybody, setup, teardown),
          cmocka_unit_test_setup_teardown(test_as_many_as_come, setup, teardown))
