/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/strv.h"
#include "tests/unit/acme-order-fixture.h"

static void test_whole_order(void **state) {
        _cleanup_(order_freep) Order *o = new_order(NULL);
        OrderAction action;

        advance(o, ORDER_ACCOUNT);
        order_next(o, NOW, &action);
        assert_true(action.include_key);
        assert_string_equal(action.url, "https://ca/account");
        advance(o, ORDER_PUBLISH);
        assert_int_equal(o->n_challenges, 2);
        assert_string_equal(o->account_url, "https://ca/account/1");
        order_next(o, NOW, &action);
        assert_string_equal(action.challenge->token, "token1");
        order_take_done(o, true, NOW);
        order_next(o, NOW, &action);
        assert_int_equal(action.step, STEP_PUBLISH);
        assert_string_equal(action.challenge->token, "token2");
        /* Both are served before the authority is told of the first. */
        advance(o, ORDER_CHALLENGE);
        order_next(o, NOW, &action);
        assert_string_equal(action.url, "https://ca/challenge/1");
        assert_int_equal(action.body, BODY_OBJECT);
        answer_well(o);
        order_next(o, NOW, &action);
        assert_string_equal(action.url, "https://ca/challenge/2");
        advance(o, ORDER_DONE);
        assert_string_equal(o->chain, "PEM");
        assert_int_equal(o->failure, FAILURE_NONE);
}

static void test_known_account(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");

        advance(o, ORDER_NEW);
        /* The authority lost it: once a new one, then give up. */
        refuse(o, 400, "accountDoesNotExist", 0);
        assert_int_equal(o->state, ORDER_ACCOUNT);
        advance(o, ORDER_NEW);
        assert_string_equal(o->account_url, "https://ca/account/1");
        refuse(o, 400, "accountDoesNotExist", 0);
        assert_int_equal(o->state, ORDER_FAILED);
        assert_int_equal(o->failure, FAILURE_AUTHORITY);
}

/* What is not offered is not asked for; what is made with another profile is not taken. */
static void test_profile(void **state) {
        static const char *const kinds[] = { "shortlived", "nothing", "shortlived" };
        static const OrderState ends[] = { ORDER_AUTHORIZATION, ORDER_FAILED, ORDER_FAILED };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
                AcmeAnswer a = { .http_status = 200 };

                o->settings_group = "acme";
                o->profile = strdup(kinds[i]);
                fill_directory(&a);
                a.directory.profiles[0] = strdup("classic");
                a.directory.profiles[1] = strdup("shortlived");
                answer(o, &a);
                if (i != 1) {
                        advance(o, ORDER_NEW);
                        a = (AcmeAnswer) { .http_status = 201 };
                        fill_order(&a, ACME_STATUS_PENDING);
                        a.order.profile = strdup(i == 0 ? "shortlived" : "classic");
                        answer(o, &a);
                }
                assert_int_equal(o->state, ends[i]);
                assert_true(i == 0 || o->failure == FAILURE_AUTHORITY);
                if (i == 1)
                        assert_non_null(strstr(o->problem.text, "it offers: classic, shortlived. Co"));
        }
}

static void test_contact(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");

        o->update_contact = true;
        advance(o, ORDER_CONTACT);
        answer_well(o);
        assert_int_equal(o->state, ORDER_ANNOUNCE);
}

/* The account stands in CAA records, and nobody remembers them without it, before an order begins. */
/* An account that is over is found out by asking for it, and another one is made with another key. */
/* What would be said without it, too. */
/* What another account obtained is nothing that a new one replaces. */
static void test_other_names(void **state) {
        const struct {
                const char *a, *b;
        } hostile[] = { { "evil.example", names[1] }, { names[0], NULL }, { names[0], names[0] } };

        for (size_t i = 0; i < ELEMENTSOF(hostile); i++) {
                _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
                AcmeAnswer a = { .http_status = 201 };

                advance(o, ORDER_NEW);
                fill_order(&a, ACME_STATUS_PENDING);
                strv_free(a.order.identifiers);
                a.order.identifiers = list(hostile[i].a, hostile[i].b);
                answer(o, &a);
                assert_int_equal(o->state, ORDER_FAILED);
        }
}

static void test_other_authorization(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
        AcmeAnswer a = { .http_status = 200 };

        advance(o, ORDER_AUTHORIZATION);
        fill_authorization(&a, false, ACME_STATUS_PENDING);
        free(a.authorization.identifier);
        a.authorization.identifier = strdup("bank.example");
        answer(o, &a);
        assert_int_equal(o->state, ORDER_FAILED);
        assert_non_null(strstr(o->problem.text, "not asked for"));
}

static void test_no_fitting_challenge(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
        AcmeAnswer a = { .http_status = 200 };

        advance(o, ORDER_AUTHORIZATION);
        fill_authorization(&a, false, ACME_STATUS_PENDING);
        a.authorization.challenges[0].token = (free(a.authorization.challenges[0].token), NULL);
        answer(o, &a);
        assert_int_equal(o->state, ORDER_FAILED);
}

static void test_invalid_authorization(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
        AcmeAnswer a = { .http_status = 200 };

        advance(o, ORDER_POLL_AUTHORIZATION);
        fill_authorization(&a, false, ACME_STATUS_INVALID);
        assert_int_equal(acme_problem_set(&a.authorization.challenges[0].problem, "dns", "no TXT record"),
                         0);
        answer(o, &a);
        assert_int_equal(o->state, ORDER_FAILED);
        assert_non_null(strstr(o->problem.text, "no TXT record"));
        assert_string_equal(o->problem.type, "dns");
        assert_true(o->unreached);
}

/* Only a question without any answer says that the way here is shut. */
static void test_unreached(void **state) {
        static const struct {
                const char *type;
                const char *problem;
                bool unreached;
        } rows[] = {
                { "dns-01", "dns", true },       { "dns-01", "connection", false },
                { "dns-01", "unauthorized", false }, { "http-01", "connection", true },
                { "http-01", "dns", false },     { "http-01", "unauthorized", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
                AcmeAnswer a = { .http_status = 200 };

                advance(o, ORDER_POLL_AUTHORIZATION);
                o->challenge_type = rows[i].type;
                fill_authorization(&a, false, ACME_STATUS_INVALID);
                assert_int_equal(acme_problem_set(&a.authorization.challenges[0].problem, rows[i].problem,
                                                  "whatever"), 0);
                answer(o, &a);
                assert_int_equal(o->failure, FAILURE_AUTHORITY);
                assert_int_equal(o->unreached, rows[i].unreached);
        }
}

/* Authorizations that are still valid from an earlier order need no challenge. */
static void test_reused_authorizations(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");

        advance(o, ORDER_AUTHORIZATION);
        for (int i = 0; i < 2; i++) {
                AcmeAnswer a = { .http_status = 200 };

                fill_authorization(&a, i == 1, ACME_STATUS_VALID);
                answer(o, &a);
        }
        assert_int_equal(o->state, ORDER_POLL_READY);
        advance(o, ORDER_DONE);
}

static void test_polling_ends(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
        uint64_t now = NOW;
        OrderAction action;

        advance(o, ORDER_POLL_AUTHORIZATION);
        for (size_t i = 0; i < 1000 && o->state == ORDER_POLL_AUTHORIZATION; i++) {
                AcmeAnswer a = { .http_status = 200, .retry_after_usec = i % 2 ? 2 * USEC_PER_SEC : 0 };

                fill_authorization(&a, false, ACME_STATUS_PENDING);
                assert_int_equal(order_take_answer(o, &a, now), 0);
                acme_answer_done(&a);
                order_next(o, now, &action);
                if (action.step == STEP_WAIT) {
                        assert_true(action.until_usec >= now + USEC_PER_SEC);
                        now = action.until_usec;
                }
        }
        assert_int_equal(o->state, ORDER_FAILED);
        assert_true(now <= NOW + ORDER_DURATION_MAX);
}

static void test_check_ends(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");

        o->unserved = "no answer of ours";
        (void) stpcpy(o->seen, "Somebody else answers.");
        advance(o, ORDER_CHECK);
        for (size_t i = 0; i <= ORDER_POLLS_MAX; i++) {
                assert_int_equal(o->state, ORDER_CHECK);
                order_take_done(o, false, NOW);
        }
        assert_int_equal(o->state, ORDER_FAILED);
        assert_int_equal(o->failure, FAILURE_LOCAL);
        assert_string_equal(o->problem.text, "no answer of ours Somebody else answers.");
}

static void test_rate_limit(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");

        advance(o, ORDER_NEW);
        refuse(o, 429, "rateLimited", USEC_PER_DAY);
        assert_int_equal(o->failure, FAILURE_LIMITED);
        assert_int_equal(o->retry_after_usec, USEC_PER_DAY);
}

static void test_busy_for_a_moment(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
        OrderAction action;

        advance(o, ORDER_NEW);
        refuse(o, 503, ACME_PROBLEM_MALFORMED, 5 * USEC_PER_SEC);
        assert_int_equal(o->state, ORDER_NEW);
        order_next(o, NOW, &action);
        assert_int_equal(action.step, STEP_WAIT);
        assert_int_equal(action.until_usec, NOW + 5 * USEC_PER_SEC);
        order_next(o, NOW + 5 * USEC_PER_SEC, &action);
        assert_int_equal(action.step, STEP_POST);
}

static void test_valid_without_us(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
        AcmeAnswer a = { .http_status = 200 };

        advance(o, ORDER_POLL_READY);
        fill_order(&a, ACME_STATUS_VALID);
        answer(o, &a);
        assert_int_equal(o->state, ORDER_FAILED);
}

static bool is_preferred(const char *chain, const char *preferred) {
        return streq(chain, preferred);
}

static void download(Order *o, const char *chain, const char *alternate) {
        AcmeAnswer a = { .http_status = 200,
                         .chain = strdup(chain),
                         .alternates = { alternate ? strdup(alternate) : NULL } };

        answer(o, &a);
}

static void test_preferred_chain(void **state) {
        for (int found = 0; found < 2; found++) {
                _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
                OrderAction action;

                o->preferred_chain = strdup("B");
                o->chain_test = is_preferred;
                advance(o, ORDER_DOWNLOAD);
                download(o, "A", "https://ca/alt");
                order_next(o, NOW, &action);
                assert_string_equal(action.url, "https://ca/alt");
                download(o, found ? "B" : "C", NULL);
                assert_int_equal(o->state, ORDER_DONE);
                assert_string_equal(o->chain, found ? "B" : "A");
        }
}

TEST_MAIN(cmocka_unit_test(test_whole_order), cmocka_unit_test(test_known_account),
          cmocka_unit_test(test_profile),
          cmocka_unit_test(test_contact), cmocka_unit_test(test_other_names),
          cmocka_unit_test(test_other_authorization), cmocka_unit_test(test_no_fitting_challenge),
          cmocka_unit_test(test_invalid_authorization), cmocka_unit_test(test_unreached),
          cmocka_unit_test(test_reused_authorizations),
          cmocka_unit_test(test_polling_ends), cmocka_unit_test(test_check_ends),
          cmocka_unit_test(test_rate_limit), cmocka_unit_test(test_busy_for_a_moment),
          cmocka_unit_test(test_valid_without_us), cmocka_unit_test(test_preferred_chain))
