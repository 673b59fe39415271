/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One order as a machine without I/O. What an answer does is one function per state, in one table with what
 * is asked. */

#include <stdio.h>

#include "hagw-acmed/order-internal.h"
#include "libhagw/pure/strv.h"

#define POLL_MIN_USEC USEC_PER_SEC
#define POLL_MAX_USEC (30 * USEC_PER_SEC)
#define CHECK_USEC (500 * USEC_PER_MSEC)
#define ANNOUNCE_WAIT_MAX_USEC (10 * USEC_PER_MINUTE)

int order_new(Order **ret, char *const *names, const char *challenge_type, const char *directory_url,
              const char *account_url, uint64_t now_usec) {
        _cleanup_(order_freep) Order *o = calloc(1, sizeof(*o));

        if (!o)
                return -ENOMEM;
        o->challenge_type = challenge_type;
        o->deadline_usec = now_usec + ORDER_DURATION_MAX;
        o->names = strv_copy(names);
        o->directory_url = strdup(directory_url);
        if (account_url && !(o->account_url = strdup(account_url)))
                return -ENOMEM;
        if (!o->names || !o->directory_url)
                return -ENOMEM;
        *ret = TAKE_PTR(o);
        return 0;
}

void order_drop_challenges(Order *o) {
        for (size_t i = 0; i < o->n_challenges; i++) {
                free(o->challenges[i].identifier);
                free(o->challenges[i].authorization);
                free(o->challenges[i].url);
                free(o->challenges[i].token);
        }
        free(o->challenges);
        o->challenges = NULL;
        o->n_challenges = 0;
}

Order *order_free(Order *o) {
        if (!o)
                return NULL;
        strv_free(o->names);
        free(o->directory_url);
        free(o->profile);
        free(o->replaces);
        free(o->preferred_chain);
        free(o->account_url);
        acme_directory_done(&o->directory);
        free(o->url);
        acme_order_done(&o->order);
        order_drop_challenges(o);
        free(o->chain);
        for (size_t i = 0; i < ELEMENTSOF(o->alternates); i++)
                free(o->alternates[i]);
        free(o->chosen);
        free(o->problem.type);
        free(o->problem.text);
        free(o->suspected.type);
        free(o->suspected.text);
        free(o);
        return NULL;
}

void order_enter(Order *o, OrderState state) {
        o->state = state;
        o->polls = 0;
        o->wait_usec = 0;
}

int order_fail(Order *o, OrderFailure failure, const char *type, const char *text) {
        order_enter(o, ORDER_FAILED);
        o->failure = failure;
        return acme_problem_set(&o->problem, type, "%s", text);
}

void order_take_failure(Order *o, OrderFailure failure, const char *reason) {
        (void) order_fail(o, failure, ACME_PROBLEM_UNREACHABLE, reason);
}

int order_fail_hostile(Order *o, const char *text) {
        return order_fail(o, FAILURE_AUTHORITY, ACME_PROBLEM_MALFORMED, text);
}

int order_poll_later(Order *o, uint64_t retry_after_usec, uint64_t now_usec) {
        uint64_t wait = MIN(POLL_MIN_USEC * (1 + o->polls), POLL_MAX_USEC);

        if (retry_after_usec > 0)
                wait = MAX(POLL_MIN_USEC, retry_after_usec);
        if (o->finalized && now_usec + wait > o->deadline_usec) {
                int r = order_fail(o, FAILURE_UNFINISHED, ACME_PROBLEM_UNREACHABLE,
                                   "The certificate authority takes its time to make the certificate");

                o->retry_after_usec = wait;
                return r;
        }
        if (++o->polls > ORDER_POLLS_MAX || now_usec + wait > o->deadline_usec)
                return order_fail(o, FAILURE_AUTHORITY, ACME_PROBLEM_UNREACHABLE,
                                  "The certificate authority did not come to a decision in time");
        o->wait_usec = now_usec + wait;
        return 0;
}

void order_enter_challenges(Order *o, OrderState state, OrderState after, size_t from) {
        for (o->index = from; o->index < o->n_challenges; o->index++)
                if (!o->challenges[o->index].served) {
                        order_enter(o, state);
                        return;
                }
        o->index = 0;
        order_enter(o, after);
}

/* --- the table ----------------------------------------------------------------------------------------- */

static const char *url_directory(const Order *o) {
        return o->directory_url;
}
static const char *url_new_account(const Order *o) {
        return o->directory.new_account;
}
static const char *url_account(const Order *o) {
        return o->account_url;
}
static const char *url_new_order(const Order *o) {
        return o->directory.new_order;
}
static const char *url_authorization(const Order *o) {
        return o->order.authorizations[o->index];
}
static const char *url_challenge(const Order *o) {
        return o->challenges[o->index].url;
}
static const char *url_polled(const Order *o) {
        return o->challenges[o->index].authorization;
}
static const char *url_order(const Order *o) {
        return o->url;
}
static const char *url_finalize(const Order *o) {
        return o->order.finalize;
}
static const char *url_chain(const Order *o) {
        return o->chosen ?: o->order.certificate;
}

static const struct {
        const char *name;
        OrderStep step;
        OrderBody body;
        AcmeObject expect;
        const char *(*url)(const Order *o);
        int (*take)(Order *o, AcmeAnswer *a, uint64_t now);
} states[_ORDER_STATE_MAX] = {
        [ORDER_DIRECTORY] = { "directory", STEP_GET, BODY_EMPTY, ACME_DIRECTORY, url_directory,
                              order_take_directory },
        [ORDER_ACCOUNT_KEY] = { "account key", STEP_ACCOUNT_KEY },
        [ORDER_ACCOUNT] = { "account", STEP_POST, BODY_ACCOUNT, ACME_ACCOUNT, url_new_account,
                            order_take_account },
        [ORDER_CONTACT] = { "contact", STEP_POST, BODY_CONTACT, ACME_ACCOUNT, url_account,
                            order_take_contact },
        [ORDER_LOOK] = { "look at the account", STEP_POST, BODY_EMPTY, ACME_ACCOUNT, url_account,
                         order_take_look },
        [ORDER_RESUME] = { "order of before", STEP_POST, BODY_EMPTY, ACME_ORDER, url_order,
                           order_take_resumed },
        [ORDER_ANNOUNCE] = { "CAA records", STEP_ANNOUNCE },
        [ORDER_NEW] = { "new order", STEP_POST, BODY_ORDER, ACME_ORDER, url_new_order, order_take_new },
        [ORDER_AUTHORIZATION] = { "authorization", STEP_POST, BODY_EMPTY, ACME_AUTHORIZATION,
                                  url_authorization, order_take_authorization },
        [ORDER_PUBLISH] = { "publish", STEP_PUBLISH },
        [ORDER_CHECK] = { "check", STEP_CHECK },
        [ORDER_CHALLENGE] = { "challenge", STEP_POST, BODY_OBJECT, ACME_CHALLENGE, url_challenge,
                              order_take_challenge },
        [ORDER_POLL_AUTHORIZATION] = { "validation", STEP_POST, BODY_EMPTY, ACME_AUTHORIZATION, url_polled,
                                       order_take_poll_authorization },
        [ORDER_POLL_READY] = { "ready", STEP_POST, BODY_EMPTY, ACME_ORDER, url_order,
                               order_take_poll_ready },
        [ORDER_KEY] = { "key", STEP_KEY },
        [ORDER_REQUEST] = { "request", STEP_REQUEST },
        [ORDER_FINALIZE] = { "finalize", STEP_POST, BODY_FINALIZE, ACME_ORDER, url_finalize,
                             order_take_finalized },
        [ORDER_POLL_VALID] = { "issuance", STEP_POST, BODY_EMPTY, ACME_ORDER, url_order,
                               order_take_finalized },
        [ORDER_DOWNLOAD] = { "download", STEP_POST, BODY_EMPTY, ACME_CHAIN, url_chain, order_take_chain },
        [ORDER_DONE] = { "done", STEP_DONE },
        [ORDER_FAILED] = { "failed", STEP_FAILED },
};

const char *order_state_to_string(OrderState s) {
        return s >= 0 && s < _ORDER_STATE_MAX ? states[s].name : NULL;
}

void order_next(const Order *o, uint64_t now_usec, OrderAction *ret) {
        *ret = (OrderAction) { .step = states[o->state].step };
        if (o->wait_usec > now_usec) {
                ret->step = STEP_WAIT;
                ret->until_usec = o->wait_usec;
                return;
        }
        switch (ret->step) {
        case STEP_GET:
        case STEP_POST:
                ret->url = states[o->state].url(o);
                ret->body = states[o->state].body;
                ret->expect = states[o->state].expect;
                ret->include_key = o->state == ORDER_ACCOUNT;
                break;
        case STEP_PUBLISH:
        case STEP_CHECK:
                ret->challenge = &o->challenges[o->index];
                break;
        default:
                break;
        }
}

/* An answer that is about the request, and would be the same a moment later. */
static bool answer_is_final(const AcmeAnswer *a) {
        return a->http_status / 100 != 5 && a->retry_after_usec == 0 &&
               !acme_problem_is(&a->problem, "rateLimited") &&
               !acme_problem_is(&a->problem, ACME_PROBLEM_UNREACHABLE);
}

static void order_replace_account(Order *o) {
        o->account_url = (free(o->account_url), NULL);
        o->new_key = true;
        order_enter(o, ORDER_ACCOUNT_KEY);
}

/* An account that was deactivated or revoked, or whose key somebody changed, cannot be told by the refusal
 * alone, whose words differ: the account itself is asked for. */
static bool order_suspect_account(Order *o, AcmeAnswer *a) {
        if (!answer_is_final(a))
                return false;
        switch (o->state) {
        case ORDER_CONTACT:
        case ORDER_NEW:
                if (o->looked || o->new_account ||
                    !(acme_problem_is(&a->problem, "unauthorized") ||
                      acme_problem_is(&a->problem, "malformed")))
                        return false;
                o->looked = true;
                o->suspected = a->problem;
                a->problem = (AcmeProblem) {};
                order_enter(o, ORDER_LOOK);
                return true;
        case ORDER_LOOK:
                order_replace_account(o);
                return true;
        case ORDER_ACCOUNT:
                /* The key there is belongs to an account that is over. */
                if (o->key_is_new || !acme_problem_is(&a->problem, "unauthorized"))
                        return false;
                order_replace_account(o);
                return true;
        default:
                return false;
        }
}

/* What the authority refuses and we can mend, once each. */
static bool order_mend(Order *o, const AcmeProblem *p) {
        if (acme_problem_is(p, "accountDoesNotExist") && o->state != ORDER_ACCOUNT &&
            o->state != ORDER_LOOK && !o->account_lost) {
                o->account_lost = true;
                o->account_url = (free(o->account_url), NULL);
                order_enter(o, ORDER_ACCOUNT);
                return true;
        }
        return false;
}

/* ARI's promise may be refused for any reason (RFC 9773 section 5), by problems of several kinds: the order
 * goes once more without it. What says when to come back, or that the authority is in trouble, would be said
 * without it, too. */
static bool order_drop_replaces(Order *o, const AcmeAnswer *a) {
        if (o->state != ORDER_NEW || !o->replaces || a->http_status / 100 != 4 || a->retry_after_usec > 0 ||
            acme_problem_is(&a->problem, "rateLimited"))
                return false;
        o->replaces = (free(o->replaces), NULL);
        return true;
}

static int order_refused(Order *o, AcmeAnswer *a, uint64_t now_usec) {
        OrderFailure failure = FAILURE_AUTHORITY;
        int r;

        if (o->state == ORDER_RESUME && answer_is_final(a)) {
                order_forget(o);
                return 0;
        }
        if (order_mend(o, &a->problem) || order_drop_replaces(o, a) || order_suspect_account(o, a))
                return 0;
        if (o->state == ORDER_FINALIZE && acme_problem_is(&a->problem, "orderNotReady")) {
                o->state = ORDER_POLL_READY;
                return order_poll_later(o, a->retry_after_usec, now_usec);
        }
        /* The authority is busy for a moment: the same again, when it says. */
        if (a->http_status == 503 && a->retry_after_usec > 0 && a->retry_after_usec <= POLL_MAX_USEC)
                return order_poll_later(o, a->retry_after_usec, now_usec);
        if (acme_problem_is(&a->problem, ACME_PROBLEM_UNREACHABLE))
                failure = FAILURE_LOCAL;
        else if (a->http_status / 100 == 5 || acme_problem_is(&a->problem, ACME_PROBLEM_MALFORMED))
                failure = FAILURE_TROUBLE;
        if (a->retry_after_usec > 0)
                failure = FAILURE_LIMITED;
        r = order_fail(o, failure, a->problem.type, a->problem.text);
        o->retry_after_usec = a->retry_after_usec;
        return r;
}

int order_take_answer(Order *o, AcmeAnswer *a, uint64_t now_usec) {
        assert(states[o->state].take);
        o->wait_usec = 0;
        if (a->problem.type)
                return order_refused(o, a, now_usec);
        if (now_usec > o->deadline_usec)
                return order_fail(o, FAILURE_AUTHORITY, ACME_PROBLEM_UNREACHABLE, "The order took too long");
        return states[o->state].take(o, a, now_usec);
}

/* What we have published is looked for again in a moment. */
static void order_check_later(Order *o, const char *unserved, uint64_t now_usec) {
        char text[1024];

        (void) snprintf(text, sizeof(text), "%s%s%s", unserved, *o->seen ? " " : "", o->seen);
        if (++o->polls > ORDER_POLLS_MAX)
                order_take_failure(o, FAILURE_LOCAL, text);
        else
                o->wait_usec = now_usec + CHECK_USEC;
}

void order_take_announced(Order *o, uint64_t wait_usec, uint64_t now_usec) {
        assert(o->state == ORDER_ANNOUNCE);
        order_enter(o, ORDER_NEW);
        o->wait_usec = wait_usec > 0 ? now_usec + MIN(wait_usec, ANNOUNCE_WAIT_MAX_USEC) : 0;
        o->deadline_usec += MIN(wait_usec, ANNOUNCE_WAIT_MAX_USEC);
}

void order_take_done(Order *o, bool ready, uint64_t now_usec) {
        switch (o->state) {
        case ORDER_ACCOUNT_KEY:
                order_enter(o, !o->account_url     ? ORDER_ACCOUNT
                               : o->resume         ? ORDER_RESUME
                               : o->update_contact ? ORDER_CONTACT
                                                   : ORDER_ANNOUNCE);
                break;
        case ORDER_ANNOUNCE:
                if (ready)
                        order_enter(o, ORDER_NEW);
                else
                        order_check_later(o, "Our own name server did not serve the CAA record that lists "
                                             "our account", now_usec);
                break;
        case ORDER_PUBLISH:
                order_enter_challenges(o, ORDER_PUBLISH, ORDER_CHECK, o->index + 1);
                if (o->state == ORDER_CHECK)
                        order_enter_challenges(o, ORDER_CHECK, ORDER_POLL_READY, 0);
                break;
        case ORDER_CHECK:
                if (ready) {
                        order_enter_challenges(o, ORDER_CHECK, ORDER_CHALLENGE, o->index + 1);
                        if (o->state == ORDER_CHALLENGE)
                                order_enter_challenges(o, ORDER_CHALLENGE, ORDER_POLL_READY, 0);
                } else
                        order_check_later(o, o->unserved ?: "The answer to the challenge was not served",
                                          now_usec);
                break;
        case ORDER_KEY:
                order_enter(o, o->finalized ? ORDER_POLL_VALID : ORDER_REQUEST);
                break;
        case ORDER_REQUEST:
                order_enter(o, ORDER_FINALIZE);
                break;
        default:
                assert(false);
        }
}
