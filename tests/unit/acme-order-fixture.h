/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

#include "hagw-acmed/order.h"
#include "tests/unit/test.h"

/* For test-acme-order.c and test-acme-mend.c: an authority made of answers, what it says in each state,
 * changed here and there by the tests. */

#define NOW (1000 * USEC_PER_SEC)

static char *const names[] = { (char *) "home.example.com", (char *) "*.home.example.com", NULL };

static inline Order *new_order(const char *account) {
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

static inline void fill_directory(AcmeAnswer *a) {
        a->directory = (AcmeDirectory) { strdup("https://ca/nonce"), strdup("https://ca/account"),
                                         strdup("https://ca/order") };
}

static inline void fill_order(AcmeAnswer *a, AcmeStatus status) {
        a->location = strdup("https://ca/order/1");
        a->order.status = status;
        a->order.identifiers = list(names[1], names[0]);
        a->order.authorizations = list("https://ca/authz/1", "https://ca/authz/2");
        a->order.finalize = strdup("https://ca/finalize");
        if (status == ACME_STATUS_VALID)
                a->order.certificate = strdup("https://ca/cert");
}

static inline void fill_authorization(AcmeAnswer *a, bool wildcard, AcmeStatus status) {
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

static inline void answer(Order *o, AcmeAnswer *a) {
        assert_int_equal(order_take_answer(o, a, NOW), 0);
        acme_answer_done(a);
}

static inline void refuse(Order *o, unsigned status, const char *type, uint64_t retry_after) {
        AcmeAnswer a = { .http_status = status, .retry_after_usec = retry_after };

        assert_int_equal(acme_problem_set(&a.problem, type, "no"), 0);
        answer(o, &a);
}

/* The authority's usual answer in the order's state. */
static inline void answer_well(Order *o) {
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
static inline void advance(Order *o, OrderState state) {
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
