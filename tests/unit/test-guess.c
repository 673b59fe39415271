/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-tenantd/guess.h"
#include "tests/unit/test.h"

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

static const char *network(unsigned i, char *out) {
        (void) snprintf(out, IP_TEXT_MAX, "10.%u.%u.1", i / 256, i % 256);
        return out;
}

/* As many networks as can be: who has guessed nothing never waits, whatever the others did. */
static void test_nobody_pays_for_others(void **state) {
        const IpAddress stranger = at("192.0.2.1");
        char text[IP_TEXT_MAX];

        for (unsigned i = 0; i < 2 * GUESS_NETWORKS_MAX; i++) {
                assert_int_equal(burst(network(i, text), T0), GUESS_FREE);
                assert_int_equal(guess_wait_usec(guesses, &stranger, T0), 0);
        }
        assert_int_equal(guesses->n, GUESS_NETWORKS_MAX);
        assert_int_equal(burst("192.0.2.1", T0), GUESS_FREE);
}

/* Full, those that owe the most are the last to be forgotten. */
static void test_full(void **state) {
        const IpAddress busy = at("192.0.2.1");
        char text[IP_TEXT_MAX];

        assert_int_equal(burst("192.0.2.1", T0), GUESS_FREE);
        for (unsigned i = 0; i < 2 * GUESS_NETWORKS_MAX; i++) {
                const IpAddress a = at(network(i, text));
                guess_charge(guesses, &a, T0);
        }
        assert_int_equal(guesses->n, GUESS_NETWORKS_MAX);
        assert_int_equal(guess_wait_usec(guesses, &busy, T0), GUESS_INTERVAL_USEC);
}

TEST_MAIN(cmocka_unit_test_setup_teardown(test_a_network, setup, teardown),
          cmocka_unit_test_setup_teardown(test_nobody_pays_for_others, setup, teardown),
          cmocka_unit_test_setup_teardown(test_full, setup, teardown))
