/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-webd/challenge.h"
#include "tests/unit/test.h"

#define T0 USEC_PER_DAY

static void test_publish(void **state) {
        ChallengeTable t = {};

        assert_int_equal(challenge_publish(&t, "abc-_9", "abc-_9.thumb", T0), 0);
        assert_string_equal(challenge_find(&t, "abc-_9", T0), "abc-_9.thumb");
        assert_int_equal(challenge_publish(&t, "abc-_9", "abc-_9.other", T0), 0);
        assert_string_equal(challenge_find(&t, "abc-_9", T0), "abc-_9.other");
        assert_int_equal(t.n, 1);
        assert_null(challenge_find(&t, "abc", T0));
        assert_null(challenge_find(&t, "abc-_9", T0 + CHALLENGE_LIFETIME_USEC));
        assert_int_equal(t.n, 0);
        assert_int_equal(challenge_publish(&t, "x", "x.y", T0), 0);
        challenge_withdraw(&t, "x");
        challenge_withdraw(&t, "x");
        assert_null(challenge_find(&t, "x", T0));
        challenge_table_done(&t);
}

static void test_refused(void **state) {
        static const char *const rows[][2] = {
                { "", ".t" },          { "a", "a" },     { "a", "a." },
                { "a", "b.t" },        { "a", "a.t\n" }, { "a/../b", "a/../b.t" },
                { "a", "a.<script>" }, { "a", "" },      { "a b", "a b.t" },
        };
        ChallengeTable t = {};
        char token[CHALLENGE_TOKEN_MAX + 2], answer[CHALLENGE_TOKEN_MAX + 8];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(challenge_publish(&t, rows[i][0], rows[i][1], T0), -EINVAL);
        memset(token, 'a', sizeof(token));
        token[CHALLENGE_TOKEN_MAX + 1] = '\0';
        (void) snprintf(answer, sizeof(answer), "%s.t", token);
        assert_int_equal(challenge_publish(&t, token, answer, T0), -EINVAL);
        assert_int_equal(t.n, 0);
}

static void test_full(void **state) {
        ChallengeTable t = {};

        for (unsigned i = 0; i <= CHALLENGES_MAX; i++) {
                char token[16], answer[24];
                (void) snprintf(token, sizeof(token), "t%u", i);
                (void) snprintf(answer, sizeof(answer), "t%u.x", i);
                assert_int_equal(challenge_publish(&t, token, answer, T0), i < CHALLENGES_MAX ? 0 : -E2BIG);
        }
        assert_int_equal(challenge_publish(&t, "late", "late.x", T0 + CHALLENGE_LIFETIME_USEC), 0);
        challenge_table_done(&t);
}

TEST_MAIN(cmocka_unit_test(test_publish), cmocka_unit_test(test_refused), cmocka_unit_test(test_full))
