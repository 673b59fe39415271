/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-webd/token.h"
#include "tests/unit/test.h"

static const uint8_t key[TOKEN_KEY_SIZE] = { 1, 2, 3 }, other_key[TOKEN_KEY_SIZE] = { 1, 2, 4 };

static void test_new(void **state) {
        char a[TOKEN_LENGTH + 1], b[TOKEN_LENGTH + 1];

        assert_int_equal(token_new(a), 0);
        assert_int_equal(token_new(b), 0);
        assert_true(token_is_well_formed(a));
        assert_string_not_equal(a, b);
        assert_false(token_is_well_formed(""));
        assert_false(token_is_well_formed("AAAAAAAAAAAAAAAAAAAAA"));
        assert_false(token_is_well_formed("AAAAAAAAAAAAAAAAAAAAAAA"));
        assert_false(token_is_well_formed("AAAAAAAAAAAAAAAAAAAA=="));
}

static void test_hash(void **state) {
        /* sha256sum of "abc" (FIPS 180-2, appendix B.1). */
        static const uint8_t expected[4] = { 0xba, 0x78, 0x16, 0xbf };
        uint8_t hash[TOKEN_HASH_SIZE];

        assert_int_equal(token_hash("abc", hash), 0);
        assert_memory_equal(hash, expected, sizeof(expected));
}

static void test_seal(void **state) {
        char seal[TOKEN_LENGTH + 1], half[TOKEN_LENGTH];

        assert_int_equal(token_seal(key, "login", "ha.example.com", "cookie", seal), 0);
        assert_true(token_seal_fits(key, "login", "ha.example.com", "cookie", seal));
        assert_false(token_seal_fits(other_key, "login", "ha.example.com", "cookie", seal));
        assert_false(token_seal_fits(key, "logout", "ha.example.com", "cookie", seal));
        assert_false(token_seal_fits(key, "login", "cam.example.com", "cookie", seal));
        assert_false(token_seal_fits(key, "login", "ha.example.com", "cookie2", seal));
        assert_false(token_seal_fits(key, "login", "ha.example.comc", "ookie", seal));
        assert_false(token_seal_fits(key, "login", "ha.example.com", NULL, seal));
        assert_false(token_seal_fits(key, "login", "ha.example.com", "cookie", NULL));
        memcpy(half, seal, sizeof(half));
        half[TOKEN_LENGTH - 1] = '\0';
        assert_false(token_seal_fits(key, "login", "ha.example.com", "cookie", half));
        seal[0] ^= 1;
        assert_false(token_seal_fits(key, "login", "ha.example.com", "cookie", seal));
}

TEST_MAIN(cmocka_unit_test(test_new), cmocka_unit_test(test_hash), cmocka_unit_test(test_seal))
