/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-webd/device.h"
#include "tests/unit/test.h"

#define HOST "ha.home.test"
static const uint8_t key[TOKEN_KEY_SIZE] = { 1 }, other_key[TOKEN_KEY_SIZE] = { 2 };
static char which[TOKEN_LENGTH + 1];

static bool knows(const char *host, const char *user, const char *hash, const char *value) {
        return device_is_known(key, host, user, hash, value, which);
}

static void test_one(void **state) {
        char value[DEVICE_SIZE], second[DEVICE_SIZE], id[TOKEN_LENGTH + 1], again[DEVICE_SIZE];

        assert_int_equal(device_remember(key, HOST, "anna", "$y$1", NULL, value), 0);
        assert_true(knows(HOST, "anna", "$y$1", value));
        strcpy(id, which);
        assert_false(knows(HOST, "ann", "$y$1", value));
        assert_false(knows("cam.home.test", "anna", "$y$1", value));
        assert_false(knows(HOST, "anna", "$y$2", value)); /* another password */
        assert_false(knows(HOST, "anna", NULL, value));
        assert_false(device_is_known(other_key, HOST, "anna", "$y$1", value, which));
        /* The next login there: the same browser. */
        assert_int_equal(device_remember(key, HOST, "anna", "$y$1", value, again), 0);
        assert_string_equal(again, value);
        /* Another one of the user's is told apart. */
        assert_int_equal(device_remember(key, HOST, "anna", "$y$1", NULL, second), 0);
        assert_true(knows(HOST, "anna", "$y$1", second));
        assert_string_not_equal(which, id);
}

static void test_users(void **state) {
        char value[2][DEVICE_SIZE], user[16];

        assert_int_equal(device_remember(key, HOST, "user0", "h", NULL, value[0]), 0);
        for (unsigned i = 1; i <= 2 * DEVICE_USERS_MAX; i++) {
                (void) snprintf(user, sizeof(user), "user%u", i);
                assert_int_equal(device_remember(key, HOST, user, "h", value[(i + 1) % 2], value[i % 2]), 0);
                for (unsigned k = 0; k <= i; k++) {
                        (void) snprintf(user, sizeof(user), "user%u", k);
                        assert_int_equal(knows(HOST, user, "h", value[i % 2]), k + DEVICE_USERS_MAX > i);
                }
        }
}

static void test_garbage(void **state) {
        char value[DEVICE_SIZE], bad[4 * DEVICE_SIZE + 4], out[DEVICE_SIZE];

        assert_int_equal(device_remember(key, HOST, "anna", "h", NULL, value), 0);
        for (size_t i = 0; value[i]; i++) {
                strcpy(bad, value);
                bad[i] = bad[i] == '.' ? 'x' : '.';
                assert_false(knows(HOST, "anna", "h", bad));
                strcpy(bad, value);
                bad[i] = '\0';
                assert_false(knows(HOST, "anna", "h", bad));
                assert_int_equal(device_remember(key, HOST, "anna", "h", bad, out), 0);
                assert_true(knows(HOST, "anna", "h", out));
        }
        (void) snprintf(bad, sizeof(bad), "%s.%s.%s.%s", value, value, value, value);
        assert_false(knows(HOST, "anna", "h", bad));
        assert_false(knows(HOST, "anna", "h", ""));
        assert_false(knows(HOST, "anna", "h", NULL));
}

TEST_MAIN(cmocka_unit_test(test_one), cmocka_unit_test(test_users), cmocka_unit_test(test_garbage))
