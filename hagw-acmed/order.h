/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-acmed/acme.h"

/* One order, from the directory to the chain (RFC 8555 section 7.4), as a machine without I/O: order_next()
 * says what is to be done now, and what came of it is told back. Pure: parsed answers and the clock in, the
 * next step out. */

typedef enum OrderState {
        ORDER_DIRECTORY,
        ORDER_ACCOUNT_KEY,
        ORDER_ACCOUNT,
        ORDER_CONTACT,
        ORDER_LOOK,
        ORDER_RESUME,
        ORDER_ANNOUNCE,
        ORDER_NEW,
        ORDER_AUTHORIZATION,
        ORDER_PUBLISH,
        ORDER_CHECK,
        ORDER_CHALLENGE,
        ORDER_POLL_AUTHORIZATION,
        ORDER_POLL_READY,
        ORDER_KEY,
        ORDER_REQUEST,
        ORDER_FINALIZE,
        ORDER_POLL_VALID,
        ORDER_DOWNLOAD,
        ORDER_DONE,
        ORDER_FAILED,
        _ORDER_STATE_MAX,
        _ORDER_STATE_INVALID = -EINVAL,
} OrderState;

/* Whose fault a failure is, which says how soon another try makes sense. */
typedef enum OrderFailure {
        FAILURE_NONE,
        FAILURE_LOCAL,     /* one of our daemons, or the network: soon */
        FAILURE_UNREADY,   /* it was not begun, for the way to the world is not there: when it is */
        FAILURE_TROUBLE,   /* the authority cannot say anything sensible now: in a while */
        FAILURE_AUTHORITY, /* it said no */
        FAILURE_LIMITED,   /* it said when to come back */
        FAILURE_UNFINISHED, /* none: it works on the order for longer than one waits, and said until when */
} OrderFailure;

typedef enum OrderStep {
        STEP_GET,         /* url, plain GET */
        STEP_POST,        /* url; body says of what */
        STEP_ACCOUNT_KEY, /* find or make the account's key, and its thumbprint */
        STEP_ANNOUNCE,    /* have CAA records list the account */
        STEP_PUBLISH,     /* challenge */
        STEP_CHECK,       /* challenge: is it served? */
        STEP_KEY,         /* make the certificate's key */
        STEP_REQUEST,     /* make the certificate request */
        STEP_WAIT,        /* until the given time */
        STEP_DONE,
        STEP_FAILED,
} OrderStep;

typedef enum OrderBody {
        BODY_EMPTY,  /* POST-as-GET */
        BODY_OBJECT, /* {} */
        BODY_ACCOUNT,
        BODY_CONTACT,
        BODY_ORDER,
        BODY_FINALIZE,
} OrderBody;

typedef struct OrderChallenge {
        char *identifier; /* without "*." */
        char *authorization, *url, *token;
        bool served; /* already valid, or told to the authority */
} OrderChallenge;

typedef struct OrderAction {
        OrderStep step;
        const char *url;
        OrderBody body;
        bool include_key; /* jwk instead of kid */
        AcmeObject expect;
        const OrderChallenge *challenge;
        uint64_t until_usec;
} OrderAction;

/* True where a PEM chain is the preferred one: the caller knows X.509, this file does not. */
typedef bool (*OrderChainTest)(const char *chain, const char *preferred);

#define ORDER_SEEN_MAX 256U

typedef struct Order {
        OrderState state;
        /* What is asked. */
        char **names;
        const char *challenge_type; /* "dns-01" or "http-01", static */
        const char *unserved;       /* what to say where it is not served, static */
        char seen[ORDER_SEEN_MAX];  /* what our own look at it saw last, a sentence; "": nothing to tell */
        const char *settings_group; /* of hagw.conf, where the authority's settings stand, static */
        char *directory_url, *profile, *replaces, *preferred_chain;
        char *account_url; /* NULL: an account is to be made */
        bool update_contact;
        OrderChainTest chain_test; /* goes with preferred_chain */
        /* What was learned. */
        AcmeDirectory directory;
        char *url;
        bool resume;    /* url is of an earlier try: to be looked at before another order is made */
        bool finalized; /* what is missing is the certificate alone */
        AcmeOrder order;
        OrderChallenge *challenges;
        size_t n_challenges, index;
        char *chain;
        char *alternates[ACME_ALTERNATES_MAX + 1];
        char *chosen; /* the alternate that is being looked at, or NULL */
        bool new_account, account_lost;
        bool new_key;     /* for STEP_ACCOUNT_KEY: the account that goes with the one there is, is gone */
        bool key_is_new;  /* made in this order: set by who made it */
        bool looked;      /* at the account, once */
        AcmeProblem suspected; /* the refusal that made us look */
        uint64_t deadline_usec, wait_usec;
        unsigned polls;
        OrderFailure failure;
        AcmeProblem problem;
        bool unreached; /* with FAILURE_AUTHORITY: what it asked from the internet had no answer */
        uint64_t retry_after_usec; /* relative, with FAILURE_LIMITED or otherwise; 0: not said */
} Order;

#define ORDER_DURATION_MAX (15 * USEC_PER_MINUTE)
#define ORDER_POLLS_MAX 120U

/* names: normalized, NULL-terminated, copied. account_url may be NULL, like profile, replaces and
 * preferred_chain, which are set afterwards. */
int order_new(Order **ret, char *const *names, const char *challenge_type, const char *directory_url,
              const char *account_url, uint64_t now_usec);
Order *order_free(Order *o);
DEFINE_TRIVIAL_CLEANUP_FUNC(Order *, order_free)

void order_next(const Order *o, uint64_t now_usec, OrderAction *ret);

/* The answer to a STEP_GET or STEP_POST. Takes parts out of it; the caller still calls acme_answer_done().
 */
int order_take_answer(Order *o, AcmeAnswer *a, uint64_t now_usec);
/* Any other step is done; for STEP_CHECK and STEP_ANNOUNCE ready says whether the challenge or the record is
 * served, and STEP_WAIT follows where it is not. */
void order_take_done(Order *o, bool ready, uint64_t now_usec);
/* STEP_ANNOUNCE is done, but somebody may remember records without the account for so long. */
void order_take_announced(Order *o, uint64_t wait_usec, uint64_t now_usec);
/* Any step failed, for a reason of our own. */
void order_take_failure(Order *o, OrderFailure failure, const char *reason);

const char *order_state_to_string(OrderState s);
