/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "order.h"
#include "test.h"

/* An authority made of answers: what it says in each state, changed here and there by the tests. */

#define NOW (1000 * USEC_PER_SEC)

static char *const names[] = { (char *) "home.example.com", (char *) "*.home.example.com", NULL };

static Order *new_order(const char *account) {
        Order *o;

        assert_int_equal(order_new(&o, names, "dns-01", "https://ca/dir", account, NOW), 0);
        return o;
}

static char **list(const char *a, const char *b) {
        char **l = calloc(3, sizeof(*l));

        l[0] = strdup(a);
        l[1] = b ? strdup(b) : NULL;
        return l;
}

static void fill_directory(AcmeAnswer *a) {
        a->directory = (AcmeDirectory) { strdup("https://ca/nonce"), strdup("https://ca/account"),
                                         strdup("https://ca/order"), NULL, NULL, false };
}

static void fill_order(AcmeAnswer *a, AcmeStatus status) {
        a->location = strdup("https://ca/order/1");
        a->order.status = status;
        a->order.identifiers = list(names[1], names[0]);
        a->order.authorizations = list("https://ca/authz/1", "https://ca/authz/2");
        a->order.finalize = strdup("https://ca/finalize");
        if (status == ACME_STATUS_VALID)
                a->order.certificate = strdup("https://ca/cert");
}

static void fill_authorization(AcmeAnswer *a, bool wildcard, AcmeStatus status) {
        a->authorization.status = status;
        a->authorization.identifier = strdup(names[0]);
        a->authorization.wildcard = wildcard;
        a->authorization.n_challenges = 1;
        a->authorization.challenges[0] = (AcmeChallenge) {
                .type = strdup("dns-01"),
                .url = strdup(wildcard ? "https://ca/challenge/2" : "https://ca/challenge/1"),
                .token = strdup(wildcard ? "token2" : "token1"),
        };
}

static void answer(Order *o, AcmeAnswer *a) {
        assert_int_equal(order_take_answer(o, a, NOW), 0);
        acme_answer_done(a);
}

static void refuse(Order *o, unsigned status, const char *type, uint64_t retry_after) {
        AcmeAnswer a = { .http_status = status, .retry_after_usec = retry_after };

        assert_int_equal(acme_problem_set(&a.problem, type, "no"), 0);
        answer(o, &a);
}

/* The authority's usual answer in the order's state. */
static void answer_well(Order *o) {
        AcmeAnswer a = { .http_status = 200 };

        switch (o->state) {
        case ORDER_DIRECTORY:
                fill_directory(&a);
                break;
        case ORDER_ACCOUNT:
                a.location = strdup("https://ca/account/1");
                break;
        case ORDER_NEW:
                fill_order(&a, ACME_STATUS_PENDING);
                break;
        case ORDER_AUTHORIZATION:
                fill_authorization(&a, o->index == 1, ACME_STATUS_PENDING);
                break;
        case ORDER_POLL_AUTHORIZATION:
                fill_authorization(&a, o->index == 1, ACME_STATUS_VALID);
                break;
        case ORDER_POLL_READY:
                fill_order(&a, ACME_STATUS_READY);
                break;
        case ORDER_FINALIZE:
                fill_order(&a, ACME_STATUS_PROCESSING);
                break;
        case ORDER_POLL_VALID:
                fill_order(&a, ACME_STATUS_VALID);
                break;
        case ORDER_DOWNLOAD:
                a.chain = strdup("PEM");
                break;
        default:
                break;
        }
        answer(o, &a);
}

/* Goes on with good answers until the state, or the end. */
static void advance(Order *o, OrderState state) {
        OrderAction action;

        for (size_t i = 0; i < 100 && o->state != state; i++) {
                order_next(o, NOW, &action);
                switch (action.step) {
                case STEP_GET:
                case STEP_POST:
                        answer_well(o);
                        break;
                case STEP_WAIT:
                        assert_true(action.until_usec > NOW);
                        o->wait_usec = 0;
                        break;
                case STEP_DONE:
                case STEP_FAILED:
                        return;
                default:
                        order_take_done(o, true, NOW);
                }
        }
        assert_int_equal(o->state, state);
}

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

static void test_contact(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");

        o->update_contact = true;
        advance(o, ORDER_CONTACT);
        answer_well(o);
        assert_int_equal(o->state, ORDER_NEW);
}

static void test_replaces_is_dropped(void **state) {
        _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");

        o->replaces = strdup("a.b");
        advance(o, ORDER_NEW);
        refuse(o, 409, "alreadyReplaced", 0);
        assert_int_equal(o->state, ORDER_NEW);
        assert_null(o->replaces);
        refuse(o, 409, "alreadyReplaced", 0);
        assert_int_equal(o->state, ORDER_FAILED);
}

static void test_other_names(void **state) {
        const struct {
                const char *a, *b;
        } hostile[] = { { "evil.example", names[1] }, { names[0], NULL }, { names[0], names[0] } };

        for (size_t i = 0; i < ELEMENTSOF(hostile); i++) {
                _cleanup_(order_freep) Order *o = new_order("https://ca/account/9");
                AcmeAnswer a = { .http_status = 201 };

                advance(o, ORDER_NEW);
                fill_order(&a, ACME_STATUS_PENDING);
                acme_strv_free(a.order.identifiers);
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
        advance(o, ORDER_CHECK);
        for (size_t i = 0; i <= ORDER_POLLS_MAX; i++) {
                assert_int_equal(o->state, ORDER_CHECK);
                order_take_done(o, false, NOW);
        }
        assert_int_equal(o->state, ORDER_FAILED);
        assert_int_equal(o->failure, FAILURE_LOCAL);
        assert_string_equal(o->problem.text, "no answer of ours");
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
          cmocka_unit_test(test_contact), cmocka_unit_test(test_replaces_is_dropped),
          cmocka_unit_test(test_other_names), cmocka_unit_test(test_other_authorization),
          cmocka_unit_test(test_no_fitting_challenge), cmocka_unit_test(test_invalid_authorization),
          cmocka_unit_test(test_reused_authorizations), cmocka_unit_test(test_polling_ends),
          cmocka_unit_test(test_check_ends), cmocka_unit_test(test_rate_limit),
          cmocka_unit_test(test_busy_for_a_moment), cmocka_unit_test(test_valid_without_us),
          cmocka_unit_test(test_preferred_chain))
