/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-webd/throttle.h"
#include "tests/unit/test.h"

#define T0 USEC_PER_DAY
#define ATTEMPTS 5

static ThrottleTry try_of(const char *account, const char *address) {
        ThrottleTry t = { .account = account };

        assert_int_equal(ip_parse(address, &t.address), 0);
        return t;
}

/* Tries until it must wait; returns how many went through at that moment. */
static unsigned burst(Throttle *t, const ThrottleTry *try, uint64_t now) {
        unsigned n = 0;

        for (; n < 1000 && throttle_wait_usec(t, try, now) == 0; n++)
                assert_int_equal(throttle_charge(t, try, now), 0);
        return n;
}

static void test_growing_delay(void **state) {
        Throttle t = { .attempts = ATTEMPTS };
        ThrottleTry a = try_of("anna", "192.0.2.1");
        uint64_t now = T0, last = 0, wait = 0;

        assert_int_equal(burst(&t, &a, now), ATTEMPTS);
        assert_int_equal(throttle_wait_usec(&t, &a, now), USEC_PER_SEC);
        for (unsigned i = 0; i < 12; i++) {
                wait = throttle_wait_usec(&t, &a, now);
                assert_true(wait >= last);
                last = wait;
                now += wait;
                assert_int_equal(throttle_wait_usec(&t, &a, now), 0);
                assert_int_equal(throttle_charge(&t, &a, now), 0);
        }
        assert_int_equal(throttle_wait_usec(&t, &a, now), 15 * USEC_PER_MINUTE);
        throttle_done(&t);
}

static void test_account(void **state) {
        Throttle t = { .attempts = ATTEMPTS };
        ThrottleTry other = try_of("ben", "203.0.113.9"), owner = try_of("anna", "203.0.113.9");
        unsigned n = 0;

        /* Many addresses at one account. */
        for (unsigned i = 1; i <= 100; i++) {
                char address[IP_TEXT_MAX];
                (void) snprintf(address, sizeof(address), "198.51.%u.1", i);
                ThrottleTry a = try_of("anna", address);
                n += burst(&t, &a, T0);
        }
        assert_int_equal(n, ATTEMPTS);
        assert_int_equal(throttle_wait_usec(&t, &other, T0), 0);
        assert_int_equal(throttle_wait_usec(&t, &owner, T0), USEC_PER_SEC);
        throttle_done(&t);
}

/* From near, strangers' tries do not count; but the account has a delay there, too, shorter. */
static void test_near(void **state) {
        Throttle t = { .attempts = ATTEMPTS };
        ThrottleTry far = try_of("anna", "203.0.113.9"), near = try_of("anna", "192.168.1.9");
        uint64_t now = T0, wait = 0;
        unsigned n = 0;

        near.near = true;
        assert_int_equal(burst(&t, &far, T0), ATTEMPTS);
        assert_int_equal(throttle_wait_usec(&t, &near, T0), 0);
        for (unsigned i = 1; i <= 100; i++) {
                char address[IP_TEXT_MAX];
                (void) snprintf(address, sizeof(address), "192.168.%u.9", i);
                ThrottleTry a = try_of("anna", address);
                a.near = true;
                n += burst(&t, &a, T0);
        }
        assert_int_equal(n, ATTEMPTS);
        /* As long as it gets, by somebody who has many addresses and never pauses. */
        for (unsigned i = 1; i <= 200; i++) {
                char address[IP_TEXT_MAX];
                (void) snprintf(address, sizeof(address), "10.%u.1.1", i);
                ThrottleTry a = try_of("anna", address);
                a.near = true;
                wait = throttle_wait_usec(&t, &a, now);
                now += wait;
                assert_int_equal(throttle_charge(&t, &a, now), 0);
        }
        assert_int_equal(wait, 10 * USEC_PER_SEC);
        /* And what happened near is not felt far away. */
        assert_int_equal(throttle_wait_usec(&t, &far, now), 0);
        throttle_done(&t);
}

/* A browser that was logged in has its own budget: others' guesses do not touch it, and its own touch nobody
 * else. */
static void test_device(void **state) {
        Throttle t = { .attempts = ATTEMPTS };
        ThrottleTry stranger = try_of("anna", "192.0.2.1"), known = stranger, other = stranger;

        known.device = "phone";
        other.device = "laptop";
        assert_int_equal(burst(&t, &stranger, T0), ATTEMPTS);
        assert_int_equal(burst(&t, &known, T0), ATTEMPTS);
        assert_int_equal(burst(&t, &other, T0), ATTEMPTS);
        throttle_forgive(&t, &known);
        assert_int_equal(burst(&t, &known, T0), ATTEMPTS);
        assert_true(throttle_wait_usec(&t, &other, T0) > 0);
        assert_true(throttle_wait_usec(&t, &stranger, T0) > 0);
        throttle_done(&t);

        t.attempts = ATTEMPTS;
        assert_int_equal(burst(&t, &known, T0), ATTEMPTS);
        assert_int_equal(throttle_wait_usec(&t, &stranger, T0), 0);
        throttle_done(&t);
}

/* Tries at ever new accounts from ever new addresses of one network: how many go through. */
static unsigned from_network(const char *before, bool hex, const char *after, unsigned addresses) {
        Throttle t = { .attempts = ATTEMPTS };
        unsigned n = 0;

        for (unsigned i = 0; i < addresses; i++)
                for (unsigned k = 0; k < 2; k++) {
                        char address[IP_TEXT_MAX], account[32];
                        (void) snprintf(address, sizeof(address), hex ? "%s%x%s" : "%s%u%s", before, i,
                                        after);
                        (void) snprintf(account, sizeof(account), "user%u-%u", i, k);
                        ThrottleTry a = try_of(account, address);
                        if (throttle_wait_usec(&t, &a, T0) > 0)
                                continue;
                        assert_int_equal(throttle_charge(&t, &a, T0), 0);
                        n++;
                }
        throttle_done(&t);
        return n;
}

static void test_networks(void **state) {
        assert_int_equal(from_network("192.0.2.", false, "", 200), 4 * ATTEMPTS);
        assert_int_equal(from_network("192.0.", false, ".1", 200), 400);
        assert_int_equal(from_network("2001:db8::", true, "", 200), ATTEMPTS);
        assert_int_equal(from_network("2001:db8:0:", true, "::1", 200), 4 * ATTEMPTS);
        assert_int_equal(from_network("2001:db8:", true, "::1", 200), 400);
        /* Whoever is on this machine, or on the link, has as many of these as it likes. */
        assert_int_equal(from_network("127.0.0.", false, "", 200), ATTEMPTS);
        assert_int_equal(from_network("127.", false, ".0.1", 200), ATTEMPTS);
        assert_int_equal(from_network("::ffff:127.", false, ".0.1", 200), ATTEMPTS);
        assert_int_equal(from_network("169.254.", false, ".1", 200), ATTEMPTS);
        assert_int_equal(from_network("fe80:", true, "::1", 200), ATTEMPTS);
        assert_int_equal(from_network("::ffff:192.0.2.", false, "", 200), 4 * ATTEMPTS);
}

static void test_loopback(void **state) {
        Throttle t = { .attempts = ATTEMPTS };
        ThrottleTry a = try_of("anna", "127.0.0.1"), b = try_of("ben", "::1");
        Cidr network;
        char text[IP_TEXT_MAX];

        assert_int_equal(burst(&t, &a, T0), ATTEMPTS);
        assert_true(throttle_wait_usec(&t, &b, T0) > 0);
        throttle_done(&t);
        network = throttle_network(&b.address, /* narrow= */ true);
        assert_int_equal(network.prefix, 8);
        assert_string_equal(ip_format(&network.address, text), "127.0.0.0");
        a = try_of("anna", "febf:1:2:3::4");
        network = throttle_network(&a.address, /* narrow= */ false);
        assert_int_equal(network.prefix, 10);
        assert_string_equal(ip_format(&network.address, text), "fe80::");
        a = try_of("anna", "2001:db8:1:2ff:3::4");
        network = throttle_network(&a.address, /* narrow= */ false);
        assert_int_equal(network.prefix, 56);
        assert_string_equal(ip_format(&network.address, text), "2001:db8:1:200::");
}

static void test_forgive(void **state) {
        Throttle t = { .attempts = ATTEMPTS };
        ThrottleTry a = try_of("anna", "192.0.2.1");

        for (unsigned i = 0; i < 3; i++) {
                for (unsigned k = 0; k < ATTEMPTS - 1; k++)
                        assert_int_equal(throttle_charge(&t, &a, T0), 0);
                throttle_forgive(&t, &a);
        }
        /* The network keeps what were wrong tries: it has one of its twenty back for each success. */
        assert_int_equal(throttle_wait_usec(&t, &a, T0), 0);
        /* An hour without tries, and everything is as new. */
        (void) burst(&t, &a, T0);
        assert_int_equal(burst(&t, &a, T0 + 2 * THROTTLE_FORGET_USEC), ATTEMPTS);
        throttle_done(&t);
}

static void flood(Throttle *t, unsigned from, unsigned tries) {
        for (unsigned i = from; i < from + tries; i++) {
                char address[IP_TEXT_MAX], account[32];
                (void) snprintf(address, sizeof(address), "2001:%x:%x::1", i >> 16, i & 0xffff);
                (void) snprintf(account, sizeof(account), "user%u", i);
                ThrottleTry b = try_of(account, address);
                assert_int_equal(throttle_charge(t, &b, T0), 0);
        }
}

/* A flood of new names and addresses does not wash out the account under attack; and where it goes on until
 * it does, that buys one guess. */
static void test_flood(void **state) {
        const unsigned rounds = 20, size = THROTTLE_ENTRIES_MAX / 3;
        Throttle t = { .attempts = ATTEMPTS };
        ThrottleTry a = try_of("anna", "192.0.2.1");
        unsigned n = 0;

        assert_int_equal(burst(&t, &a, T0), ATTEMPTS);
        flood(&t, 0, THROTTLE_ENTRIES_MAX);
        assert_int_equal(t.n, THROTTLE_ENTRIES_MAX);
        assert_int_equal(throttle_wait_usec(&t, &a, T0), USEC_PER_SEC);
        for (unsigned i = 0; i < rounds; i++) {
                flood(&t, THROTTLE_ENTRIES_MAX + i * size, size);
                n += burst(&t, &a, T0);
        }
        assert_true(n <= rounds);
        throttle_done(&t);
}

/* Fills the table with entries that have `each` tries; from now on each new key puts out another one. */
static void fill(Throttle *t, unsigned each, uint64_t now) {
        for (unsigned i = 0; i < THROTTLE_ENTRIES_MAX; i++) {
                char address[IP_TEXT_MAX], account[32];
                (void) snprintf(address, sizeof(address), "2001:db8:%x::1", i);
                (void) snprintf(account, sizeof(account), "user%u", i);
                ThrottleTry b = try_of(account, address);
                for (unsigned k = 0; k < each; k++)
                        assert_int_equal(throttle_charge(t, &b, now), 0);
        }
        assert_int_equal(t->n, THROTTLE_ENTRIES_MAX);
}

/* In a table full of others' tries a new account is put out by the next key at once. Its tries count all
 * the same: nobody buys free guesses with a flood. */
static void test_flood_before(void **state) {
        Throttle t = { .attempts = ATTEMPTS };
        ThrottleTry guess = try_of("anna", "192.0.2.1"), own = try_of("mallory", "198.51.100.1");
        unsigned n = 0;

        fill(&t, 2, T0);
        assert_true(burst(&t, &guess, T0) <= ATTEMPTS);
        throttle_done(&t);

        /* Nor with logins to an account of one's own between them, which leave an entry nobody misses. */
        t.attempts = ATTEMPTS;
        fill(&t, 2, T0);
        for (unsigned i = 0; i < 100; i++) {
                n += throttle_wait_usec(&t, &guess, T0) == 0;
                if (throttle_wait_usec(&t, &guess, T0) == 0)
                        assert_int_equal(throttle_charge(&t, &guess, T0), 0);
                assert_int_equal(throttle_charge(&t, &own, T0), 0);
                throttle_forgive(&t, &own);
        }
        assert_true(n <= ATTEMPTS);
        throttle_done(&t);
}

/* What a flood costs the owner: no right password has to wait; a mistyped one does from afar and, for a
 * moment, from near; a known browser does not feel it at all, and an hour later nobody does. */
static void test_flood_owner(void **state) {
        Throttle t = { .attempts = ATTEMPTS };
        ThrottleTry owner = try_of("anna", "203.0.113.9"), known = owner,
                    near = try_of("anna", "192.168.1.9");

        known.device = "phone";
        near.near = true;
        fill(&t, 20, T0);
        assert_int_equal(throttle_wait_usec(&t, &owner, T0), 0);
        assert_int_equal(throttle_charge(&t, &owner, T0), 0);
        assert_true(throttle_wait_usec(&t, &owner, T0) <= 30 * USEC_PER_SEC);
        assert_int_equal(throttle_wait_usec(&t, &near, T0), 0);
        assert_int_equal(throttle_charge(&t, &near, T0), 0);
        assert_true(throttle_wait_usec(&t, &near, T0) <= 2 * USEC_PER_SEC);
        assert_int_equal(burst(&t, &known, T0), ATTEMPTS);
        throttle_forgive(&t, &owner);
        assert_true(throttle_wait_usec(&t, &owner, T0) <= 2 * USEC_PER_SEC); /* the network's */
        assert_int_equal(burst(&t, &owner, T0 + THROTTLE_FORGET_USEC + USEC_PER_MINUTE), ATTEMPTS);
        throttle_done(&t);
}

TEST_MAIN(cmocka_unit_test(test_growing_delay), cmocka_unit_test(test_account),
          cmocka_unit_test(test_near), cmocka_unit_test(test_device), cmocka_unit_test(test_networks),
          cmocka_unit_test(test_loopback), cmocka_unit_test(test_forgive), cmocka_unit_test(test_flood),
          cmocka_unit_test(test_flood_before), cmocka_unit_test(test_flood_owner))
