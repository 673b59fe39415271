/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-proxyd/http/sessionuse.h"
#include "tests/unit/test.h"

static SessionId ids[SESSION_USES_MAX];

static void test_count(void **state) {
        SessionUses t = {};
        SessionUse *a = session_use_begin(&t, "a"), *b = session_use_begin(&t, "b");

        assert_ptr_equal(session_use_begin(&t, "a"), a);
        session_use_end(&t, a);
        assert_int_equal(t.n, 2);
        session_use_end(&t, a);
        assert_int_equal(t.n, 1);
        session_use_end(&t, b);
        assert_int_equal(t.n, 0);
        session_uses_done(&t);
}

static void test_used(void **state) {
        SessionUses t = {};
        SessionUse *a = session_use_begin(&t, "a"), *b = session_use_begin(&t, "b");

        assert_int_equal(session_uses_take(&t, ids), 0);
        a->used = true;
        /* It is told, also where nothing is under way any more by then. */
        session_use_end(&t, a);
        assert_int_equal(session_uses_take(&t, ids), 1);
        assert_string_equal(ids[0], "a");
        assert_int_equal(t.n, 1);
        assert_int_equal(session_uses_take(&t, ids), 0);
        b->used = true;
        assert_int_equal(session_uses_take(&t, ids), 1);
        assert_int_equal(t.n, 1);
        session_use_end(&t, b);
        session_uses_done(&t);
}

static void test_revoke(void **state) {
        SessionUses t = {};
        SessionUse *a = session_use_begin(&t, "a"), *b = session_use_begin(&t, "b"),
                   *c = session_use_begin(&t, "c");

        assert_false(session_uses_revoke(&t, NULL, 0, /* others= */ false));
        assert_false(session_uses_revoke(&t, (SessionId[]) { "x" }, 1, /* others= */ false));
        a->used = b->used = true;
        assert_true(session_uses_revoke(&t, (SessionId[]) { "a", "x" }, 2, /* others= */ false));
        assert_true(a->ended && !a->used && !b->ended);
        assert_true(session_uses_revoke(&t, (SessionId[]) { "a", "b" }, 2, /* others= */ true));
        assert_true(!b->ended && c->ended);
        /* A session that comes back by the same id is another one. */
        assert_ptr_not_equal(session_use_begin(&t, "a"), a);
        assert_int_equal(session_uses_take(&t, ids), 1);
        assert_string_equal(ids[0], "b");
        session_use_end(&t, a);
        /* Of those that have nothing under way there is nothing to cut. */
        b->used = true;
        session_use_end(&t, b);
        session_use_end(&t, c);
        assert_false(session_uses_revoke(&t, (SessionId[]) { "b" }, 1, /* others= */ false));
        session_uses_done(&t);
        assert_int_equal(t.n, 0);
}

static void test_limit(void **state) {
        SessionUses t = {};
        SessionUse *first = NULL, *u;
        char id[16];

        for (unsigned i = 0; i < SESSION_USES_MAX; i++) {
                (void) snprintf(id, sizeof(id), "%u", i);
                u = session_use_begin(&t, id);
                assert_non_null(u);
                first = first ?: u;
        }
        assert_null(session_use_begin(&t, "more"));
        first->used = true;
        session_use_end(&t, first); /* only to be told yet: gives way */
        assert_non_null(session_use_begin(&t, "more"));
        assert_null(session_use_begin(&t, "still more"));
        session_uses_done(&t);
        assert_null(session_use_begin(&t, "0123456789012345678901234567890123456789"));
        session_uses_done(&t);
}

TEST_MAIN(cmocka_unit_test(test_count), cmocka_unit_test(test_used), cmocka_unit_test(test_revoke),
          cmocka_unit_test(test_limit))
