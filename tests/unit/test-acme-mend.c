/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the authority refuses and an order can mend, and what has to be there before it begins. */

#include "tests/unit/acme-order-fixture.h"

static void test_announced(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
        OrderAction action;

        advance(o, ORDER_ANNOUNCE);
        order_next(o, NOW, &action);
        assert_int_equal(action.step, STEP_ANNOUNCE);
        order_take_done(o, /* ready= */ false, NOW);
        order_next(o, NOW, &action);
        assert_int_equal(action.step, STEP_WAIT);
        order_next(o, action.until_usec, &action);
        assert_int_equal(action.step, STEP_ANNOUNCE);
        order_take_announced(o, 60 * USEC_PER_SEC, NOW);
        order_next(o, NOW, &action);
        assert_int_equal(action.step, STEP_WAIT);
        assert_int_equal(action.until_usec, NOW + 60 * USEC_PER_SEC);
        order_next(o, NOW + 60 * USEC_PER_SEC, &action);
        assert_int_equal(action.body, BODY_ORDER);
}

static void test_announced_long(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
        _cleanup_(order_freep) Order *never = new_order("https://ca/account/9");
        OrderAction action;

        /* Whatever a relay says, there is an end to it; and the order's own time begins after it. */
        advance(o, ORDER_ANNOUNCE);
        order_take_announced(o, UINT64_MAX, NOW);
        order_next(o, NOW, &action);
        assert_int_equal(action.until_usec, NOW + 10 * USEC_PER_MINUTE);
        assert_int_equal(o->deadline_usec, NOW + ORDER_DURATION_MAX + 10 * USEC_PER_MINUTE);
        advance(never, ORDER_ANNOUNCE);
        for (unsigned i = 0; i <= ORDER_POLLS_MAX; i++) {
                assert_int_equal(never->state, ORDER_ANNOUNCE);
                order_take_done(never, /* ready= */ false, NOW);
        }
        assert_int_equal(never->state, ORDER_FAILED);
        assert_int_equal(never->failure, FAILURE_LOCAL);
}

static void test_replaces_is_dropped(void **state) {
        static const struct {
                unsigned status;
                const char *type;
        } refusals[] = { { 409, "alreadyReplaced" }, { 400, "malformed" },    { 404, "malformed" },
                         { 403, "unauthorized" },    { 409, "conflict" }, { 400, "whatever comes" } };

        for (size_t i = 0; i < ELEMENTSOF(refusals); i++) {
                _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");

                o->replaces = strdup("a.b");
                advance(o, ORDER_NEW);
                refuse(o, refusals[i].status, refusals[i].type, 0);
                assert_int_equal(o->state, ORDER_NEW);
                assert_null(o->replaces);
                /* Not a third time; some words are the account's as well, which is looked at. */
                refuse(o, refusals[i].status, refusals[i].type, 0);
                if (o->state == ORDER_LOOK)
                        answer_well(o);
                assert_int_equal(o->state, ORDER_FAILED);
                assert_string_equal(o->problem.type, refusals[i].type);
        }
}

static void test_account_is_looked_at(void **state) {
        for (unsigned way = 0; way < 3; way++) {
                _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");

                advance(o, ORDER_NEW);
                refuse(o, 401, "unauthorized", 0);
                assert_int_equal(o->state, ORDER_LOOK);
                switch (way) {
                case 0: /* it stands, so the order was refused for something else */
                        answer_well(o);
                        assert_int_equal(o->state, ORDER_FAILED);
                        assert_string_equal(o->problem.type, "unauthorized");
                        continue;
                case 1: /* nothing is learned */
                        refuse(o, 503, "serverInternal", 0);
                        assert_int_equal(o->state, ORDER_FAILED);
                        assert_int_equal(o->failure, FAILURE_TROUBLE);
                        continue;
                default:
                        refuse(o, 400, "accountDoesNotExist", 0);
                }
                assert_int_equal(o->state, ORDER_ACCOUNT_KEY);
                assert_true(o->new_key);
                assert_null(o->account_url);
                advance(o, ORDER_NEW);
                assert_string_equal(o->account_url, "https://ca/account/1");
                /* That one is new: it is no reason any more. */
                refuse(o, 401, "unauthorized", 0);
                assert_int_equal(o->state, ORDER_FAILED);
        }
}

static void test_key_of_an_account_that_is_over(void **state) {
        _cleanup_(order_freep) Order *o = new_order(NULL);

        advance(o, ORDER_ACCOUNT);
        refuse(o, 401, "unauthorized", 0);
        assert_int_equal(o->state, ORDER_ACCOUNT_KEY);
        assert_true(o->new_key);
        o->key_is_new = true;
        advance(o, ORDER_ACCOUNT);
        refuse(o, 401, "unauthorized", 0);
        assert_int_equal(o->state, ORDER_FAILED);
}

static void test_trouble(void **state) {
        static const struct {
                unsigned status;
                const char *type;
        } troubles[] = { { 500, "serverInternal" }, { 502, ACME_PROBLEM_MALFORMED },
                         { 200, ACME_PROBLEM_MALFORMED }, { 503, "serverInternal" } };

        for (size_t i = 0; i < ELEMENTSOF(troubles); i++) {
                _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");

                advance(o, ORDER_NEW);
                refuse(o, troubles[i].status, troubles[i].type, 0);
                assert_int_equal(o->failure, FAILURE_TROUBLE);
        }
}

static void test_replaces_is_kept(void **state) {
        static const struct {
                unsigned status;
                const char *type;
                uint64_t retry_after;
        } refusals[] = { { 429, "rateLimited", 0 }, { 403, "unauthorized", USEC_PER_HOUR },
                         { 500, "serverInternal", 0 } };

        for (size_t i = 0; i < ELEMENTSOF(refusals); i++) {
                _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");

                o->replaces = strdup("a.b");
                advance(o, ORDER_NEW);
                refuse(o, refusals[i].status, refusals[i].type, refusals[i].retry_after);
                assert_int_equal(o->state, ORDER_FAILED);
        }
}

static void test_replaces_with_a_new_account(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");

        o->replaces = strdup("a.b");
        advance(o, ORDER_NEW);
        refuse(o, 400, "accountDoesNotExist", 0);
        advance(o, ORDER_NEW);
        assert_null(o->replaces);
}

/* An order that the authority works on for hours ends here and goes on another time. */
static void test_unfinished(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
        _cleanup_(order_freep) Order *again = new_order("https://ca/account/9");
        _cleanup_(order_freep) Order *lost = new_order("https://ca/account/9");
        AcmeAnswer a = { .http_status = 200, .retry_after_usec = 2 * USEC_PER_HOUR };
        AcmeAnswer b = { .http_status = 200 };

        advance(o, ORDER_FINALIZE);
        fill_order(&a, ACME_STATUS_PROCESSING);
        answer(o, &a);
        assert_int_equal(o->failure, FAILURE_UNFINISHED);
        assert_int_equal(o->retry_after_usec, 2 * USEC_PER_HOUR);
        assert_string_equal(o->url, "https://ca/order/1");

        again->url = strdup("https://ca/order/1");
        again->resume = true;
        advance(again, ORDER_RESUME);
        fill_order(&b, ACME_STATUS_VALID);
        answer(again, &b);
        assert_int_equal(again->state, ORDER_KEY);
        order_take_done(again, true, NOW);
        assert_int_equal(again->state, ORDER_POLL_VALID);
        advance(again, ORDER_DONE);

        lost->url = strdup("https://ca/order/1");
        lost->resume = true;
        advance(lost, ORDER_RESUME);
        refuse(lost, 404, "malformed", 0);
        assert_int_equal(lost->state, ORDER_ANNOUNCE);
        assert_null(lost->url);
        advance(lost, ORDER_DONE);
}

TEST_MAIN(cmocka_unit_test(test_unfinished), cmocka_unit_test(test_announced),
          cmocka_unit_test(test_announced_long),
          cmocka_unit_test(test_replaces_is_dropped), cmocka_unit_test(test_account_is_looked_at),
          cmocka_unit_test(test_key_of_an_account_that_is_over), cmocka_unit_test(test_trouble),
          cmocka_unit_test(test_replaces_is_kept), cmocka_unit_test(test_replaces_with_a_new_account))
