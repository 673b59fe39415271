/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-webd/session.h"
#include "tests/unit/test.h"

#define T0 (1000 * USEC_PER_DAY)

static char ended[16][SESSION_ID_LENGTH + 1];
static size_t n_ended;

static void on_end(const Session *s, void *userdata) {
        (void) strcpy(ended[n_ended++ % ELEMENTSOF(ended)], s->id);
}

static SessionTable table(void) {
        n_ended = 0;
        return (SessionTable) { .idle_usec = 10 * USEC_PER_DAY,
                                .absolute_usec = 30 * USEC_PER_DAY,
                                .on_end = on_end };
}

static Session *add(SessionTable *t, unsigned number, const char *user, uint64_t now) {
        uint8_t hash[SESSION_HASH_SIZE] = { (uint8_t) (number >> 8), (uint8_t) number };
        Session *s = NULL;

        assert_int_equal(
                session_add(t, hash, user, "ha.example.com", "192.0.2.1", "Browser", now, now, false, &s),
                0);
        return s;
}

static Session *find(SessionTable *t, unsigned number, uint64_t now) {
        uint8_t hash[SESSION_HASH_SIZE] = { (uint8_t) (number >> 8), (uint8_t) number };

        return session_find(t, hash, now);
}

static void test_lifetimes(void **state) {
        SessionTable t = table();
        Session *s = add(&t, 0x1234, "anna", T0);

        assert_string_equal(s->id, "12340000");
        assert_ptr_equal(find(&t, 0x1234, T0), s);
        assert_null(find(&t, 0x1235, T0));
        assert_int_equal(session_valid_usec(&t, s, T0), SESSION_VALID_USEC);
        /* Rolling: each use gives another ten days … */
        assert_ptr_equal(find(&t, 0x1234, T0 + 10 * USEC_PER_DAY - 1), s);
        assert_int_equal(session_valid_usec(&t, s, T0 + 10 * USEC_PER_DAY - 1), 1);
        session_touch(s, T0 + 9 * USEC_PER_DAY);
        assert_int_equal(session_expires_usec(&t, s), T0 + 19 * USEC_PER_DAY);
        session_touch(s, T0 + 18 * USEC_PER_DAY);
        session_touch(s, T0 + 27 * USEC_PER_DAY);
        /* … but thirty are the end. */
        assert_int_equal(session_expires_usec(&t, s), T0 + 30 * USEC_PER_DAY);
        assert_non_null(find(&t, 0x1234, T0 + 30 * USEC_PER_DAY - 1));
        assert_null(find(&t, 0x1234, T0 + 30 * USEC_PER_DAY));
        assert_int_equal(n_ended, 1);
        assert_string_equal(ended[0], "12340000");
        session_table_done(&t);
}

static void test_clock(void **state) {
        SessionTable t = table();
        Session *s = add(&t, 1, "anna", T0);

        /* A clock that was set back ends nothing and makes nothing older; none at its end overflows. */
        assert_ptr_equal(find(&t, 1, 0), s);
        session_touch(s, 5);
        assert_int_equal(s->used_usec, T0);
        s->used_usec = s->created_usec = USEC_INFINITY - 1;
        assert_int_equal(session_expires_usec(&t, s), USEC_INFINITY);
        /* One that was ahead makes nothing live longer. */
        session_clamp(&t, T0);
        assert_int_equal(session_expires_usec(&t, s), T0 + 10 * USEC_PER_DAY);
        /* A clock that is behind at the start, and set right later, ends nothing and lengthens nothing. */
        session_clamp(&t, 5 * USEC_PER_DAY);
        session_shift(&t, T0 - 5 * USEC_PER_DAY);
        assert_ptr_equal(find(&t, 1, T0 + 10 * USEC_PER_DAY - 1), s);
        session_shift(&t, -(int64_t) T0 / 2);
        assert_int_equal(session_expires_usec(&t, s), T0 / 2 + 10 * USEC_PER_DAY);
        session_table_done(&t);
}

static void test_prune(void **state) {
        SessionTable t = table();

        for (unsigned i = 0; i < 10; i++)
                (void) add(&t, i + 1, "anna", T0 + i * USEC_PER_DAY);
        assert_int_equal(session_next_end_usec(&t), T0 + 10 * USEC_PER_DAY);
        assert_int_equal(session_prune(&t, T0 + 14 * USEC_PER_DAY), 5);
        assert_int_equal(session_next_end_usec(&t), T0 + 15 * USEC_PER_DAY);
        assert_string_equal(session_find_id(&t, "00060000")->id, "00060000");
        assert_null(session_find_id(&t, "00010000"));
        assert_int_equal(t.n, 5);
        assert_int_equal(n_ended, 5);
        assert_int_equal(session_prune(&t, T0 + 14 * USEC_PER_DAY), 0);
        session_table_done(&t);
}

static void test_revoke(void **state) {
        SessionTable t = table();

        (void) add(&t, 1, "anna", T0);
        (void) add(&t, 2, "anna", T0);
        (void) add(&t, 3, "ben", T0);
        assert_int_equal(session_end_matching(&t, "00020000", "ben"), 0);
        assert_int_equal(session_end_matching(&t, "00020000", NULL), 1);
        assert_null(find(&t, 2, T0));
        assert_int_equal(session_end_matching(&t, NULL, "anna"), 1);
        assert_int_equal(t.n, 1);
        session_end(&t, find(&t, 3, T0));
        assert_int_equal(t.n, 0);
        assert_int_equal(n_ended, 3);
        session_table_done(&t);
}

static void test_limits(void **state) {
        SessionTable t = table();
        uint8_t twin[SESSION_HASH_SIZE] = { 0, 1, 0, 0, 9 };

        for (unsigned i = 0; i < SESSIONS_PER_USER_MAX; i++)
                (void) add(&t, i + 1, "anna", T0 + i);
        assert_int_equal(session_add(&t, twin, "ben", "h", "", "", T0, T0, false, NULL), -EEXIST);
        /* The least recently used gives way, and only the same user's. */
        session_touch(find(&t, 1, T0), T0 + USEC_PER_DAY);
        (void) add(&t, 500, "ben", T0 - 1);
        (void) add(&t, 501, "anna", T0 + 100);
        assert_int_equal(t.n, SESSIONS_PER_USER_MAX + 1);
        assert_null(find(&t, 2, T0));
        assert_non_null(find(&t, 1, T0));
        for (unsigned i = 1000; t.n < SESSIONS_MAX; i++) {
                char user[16];
                (void) snprintf(user, sizeof(user), "u%u", i / 20);
                (void) add(&t, i, user, T0 + i);
        }
        (void) add(&t, 5000, "eve", T0 + 9999);
        assert_int_equal(t.n, SESSIONS_MAX);
        assert_null(find(&t, 500, T0));
        session_table_done(&t);
}

static void test_lasting(void **state) {
        SessionTable t = table();
        Session *s;

        assert_int_equal(session_next_end_usec(&t), USEC_INFINITY);
        for (unsigned i = 0; i < SESSIONS_LASTING_MAX; i++) {
                uint8_t hash[SESSION_HASH_SIZE] = { 0xff, (uint8_t) i };
                assert_int_equal(session_add(&t, hash, "anna", "h", "", "phone", T0, T0, true, &s), 0);
        }
        uint8_t more[SESSION_HASH_SIZE] = { 0xee };
        assert_int_equal(session_add(&t, more, "anna", "h", "", "phone", T0, T0, true, &s), -E2BIG);
        /* Time does not end them, nor do logins push them out. */
        assert_int_equal(session_prune(&t, T0 + 3660 * USEC_PER_DAY), 0);
        for (unsigned i = 0; i < 2 * SESSIONS_PER_USER_MAX; i++)
                (void) add(&t, i + 1, "anna", T0 + i);
        assert_int_equal(t.n, SESSIONS_LASTING_MAX + SESSIONS_PER_USER_MAX);
        s = find(&t, 0xff00, T0 + 3660 * USEC_PER_DAY);
        assert_non_null(s);
        assert_int_equal(session_valid_usec(&t, s, T0 + 3660 * USEC_PER_DAY), SESSION_VALID_USEC);
        assert_int_equal(session_end_matching(&t, s->id, NULL), 1);
        assert_null(find(&t, 0xff00, T0));
        session_table_done(&t);
}

TEST_MAIN(cmocka_unit_test(test_lifetimes), cmocka_unit_test(test_clock), cmocka_unit_test(test_prune),
          cmocka_unit_test(test_revoke), cmocka_unit_test(test_limits),
          cmocka_unit_test(test_lasting))
