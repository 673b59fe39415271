/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-proxyd/http/session.h"
#include "tests/unit/steps.h"

static SessionMessage answer(const char *cookie, const char *host, const char *id) {
        SessionMessage m = { .session = POLICY_SESSION_ALLOWED, .valid_usec = USEC_PER_MINUTE };

        (void) snprintf(m.secret, sizeof(m.secret), "%s", cookie);
        (void) snprintf(m.host, sizeof(m.host), "%s", host);
        (void) snprintf(m.session_id, sizeof(m.session_id), "%s", id);
        (void) snprintf(m.user, sizeof(m.user), "anna");
        return m;
}

static const SessionEntry *find(SessionCache *c, const char *secret, const char *host, uint64_t now_usec) {
        return session_cache_find(c, &(PolicyFinding) { .secret = slice_from(secret) }, host, now_usec);
}

static void test_find(void **state) {
        SessionCache *c = calloc(1, sizeof(*c));
        SessionMessage m = answer("cookie", "a.example", "1");

        session_cache_add(c, &m, 1000);
        assert_non_null(find(c, "cookie", "a.example", 1000));
        assert_string_equal(find(c, "cookie", "a.example", 1000)->user, "anna");
        assert_null(find(c, "cookie", "b.example", 1000));
        assert_null(find(c, "cooki", "a.example", 1000));
        assert_null(find(c, "cookie1", "a.example", 1000));
        /* Old, and gone with that. */
        assert_null(find(c, "cookie", "a.example", 1000 + USEC_PER_MINUTE));
        assert_int_equal(c->n, 0);
        free(c);
}

/* The same bytes as another kind of secret are another secret. */
static void test_token(void **state) {
        SessionCache *c = calloc(1, sizeof(*c));
        const PolicyFinding token = { .secret = SLICE("same"), .token = true };
        SessionMessage m = answer("same", "a.example", "1");

        session_cache_add(c, &m, 1000);
        assert_null(session_cache_find(c, &token, "a.example", 1000));
        m.token = true;
        m.session = POLICY_SESSION_DENIED;
        session_cache_add(c, &m, 1000);
        assert_int_equal(session_cache_find(c, &token, "a.example", 1000)->session, POLICY_SESSION_DENIED);
        assert_int_equal(find(c, "same", "a.example", 1000)->session, POLICY_SESSION_ALLOWED);
        session_cache_clear(c);
        free(c);
}

static void test_not_kept(void **state) {
        SessionCache *c = calloc(1, sizeof(*c));
        SessionMessage m = answer("cookie", "a.example", "1");

        m.valid_usec = 0;
        session_cache_add(c, &m, 1000);
        m.valid_usec = USEC_PER_MINUTE;
        m.error = -ECONNRESET;
        session_cache_add(c, &m, 1000);
        assert_int_equal(c->n, 0);
        free(c);
}

static void test_forget(void **state) {
        SessionCache *c = calloc(1, sizeof(*c));
        SessionMessage a = answer("one", "a.example", "1"), b = answer("one", "b.example", "1");
        SessionMessage d = answer("two", "a.example", "2");

        session_cache_add(c, &a, 1000);
        session_cache_add(c, &b, 1000);
        session_cache_add(c, &d, 1000);
        session_cache_forget(c, (SessionId[]) { "0", "1", "9" }, 3);
        assert_null(find(c, "one", "a.example", 1000));
        assert_null(find(c, "one", "b.example", 1000));
        assert_non_null(find(c, "two", "a.example", 1000));
        session_cache_clear(c);
        assert_int_equal(c->n, 0);
        free(c);
}

static void test_limit(void **state) {
        SessionCache *c = calloc(1, sizeof(*c));

        for (unsigned i = 0; i < SESSION_CACHE_MAX * 2 + 10; i++) {
                char cookie[16];

                (void) snprintf(cookie, sizeof(cookie), "c%u", i);
                SessionMessage m = answer(cookie, "a.example", "1");
                session_cache_add(c, &m, 1000);
                assert_true(c->n <= SESSION_CACHE_MAX);
        }
        session_cache_clear(c);
        free(c);
}

/* Each session has two hosts; half of them are forgotten, in any order, and no other. */
static void test_forget_many(void **state) {
        SessionCache *c = calloc(1, sizeof(*c));
        char secret[16], id[16];

        for (unsigned i = 0; i < 2000; i++) {
                (void) snprintf(secret, sizeof(secret), "c%u", i / 2);
                (void) snprintf(id, sizeof(id), "i%u", i / 2);
                SessionMessage m = answer(secret, i % 2 ? "a.example" : "b.example", id);
                session_cache_add(c, &m, 1000);
        }
        for (unsigned i = 0; i < 1000; i += 2) {
                SessionId ids[1] = {};

                (void) snprintf(ids[0], sizeof(ids[0]), "i%u", i * 7 % 1000);
                session_cache_forget(c, ids, 1);
        }
        assert_int_equal(c->n, 1000);
        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(secret, sizeof(secret), "c%u", i);
                assert_int_equal(!!find(c, secret, "a.example", 1000), i % 2);
                assert_int_equal(!!find(c, secret, "b.example", 1000), i % 2);
        }
        session_cache_clear(c);
        assert_int_equal(c->n, 0);
        for (size_t i = 0; i < SESSION_CACHE_BUCKETS; i++)
                assert_null(c->ids[i]);
        free(c);
}

static void forget_one_session(void *argument) {
        session_cache_forget(argument, (SessionId[]) { "i5" }, 1);
}

static uint64_t steps_to_forget(unsigned n) {
        SessionCache *c = calloc(1, sizeof(*c));
        uint64_t steps;

        for (unsigned i = 0; i < n; i++) {
                char text[16];

                (void) snprintf(text, sizeof(text), "i%u", i);
                SessionMessage m = answer(text, "a.example", text);
                session_cache_add(c, &m, 1000);
        }
        steps = steps_count(forget_one_session, c);
        session_cache_clear(c);
        free(c);
        return steps;
}

/* The end of one session costs what it has, however many others there are. */
static void test_growth(void **state) {
        const uint64_t few = steps_to_forget(100), many = steps_to_forget(1000);

        if (few == 0)
                skip();
        if (many > 2 * few)
                fail_msg("%llu steps, then %llu", (unsigned long long) few, (unsigned long long) many);
}

TEST_MAIN(cmocka_unit_test(test_find), cmocka_unit_test(test_token),
          cmocka_unit_test(test_not_kept), cmocka_unit_test(test_forget),
          cmocka_unit_test(test_limit), cmocka_unit_test(test_forget_many),
          cmocka_unit_test(test_growth))
