/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What each answer does to an order: one function per state that asks something. */

#include <stdio.h>

#include "hagw-acmed/order-internal.h"
#include "libhagw/pure/strv.h"

static void order_enter_publish(Order *o) {
        order_enter_challenges(o, ORDER_PUBLISH, ORDER_POLL_READY, 0);
}

/* "a, b" */
static void strv_join(char *const *l, char *out, size_t size) {
        size_t n = 0;

        *out = '\0';
        for (; *l && n < size; l++)
                n += (size_t) snprintf(out + n, size - n, "%s%s", n > 0 ? ", " : "", *l);
}

/* Asked for all the same, it would be refused by some authorities and ignored by others, and always after
 * the names were proven. */
static int order_refuse_profile(Order *o) {
        char text[ACME_PROFILES_MAX * (ACME_PROFILE_NAME_MAX + 2) + 512],
                offered[ACME_PROFILES_MAX * (ACME_PROFILE_NAME_MAX + 2) + 1];

        strv_join(o->directory.profiles, offered, sizeof(offered));
        (void) snprintf(text, sizeof(text),
                        "The certificate authority has no profile \"%.100s\"; %s%s. Correct %s.profile, or "
                        "take it out",
                        o->profile, *offered ? "it offers: " : "it offers none", offered,
                        o->settings_group);
        return order_fail(o, FAILURE_AUTHORITY, "invalidProfile", text);
}

int order_take_directory(Order *o, AcmeAnswer *a, uint64_t now) {
        acme_directory_done(&o->directory);
        o->directory = a->directory;
        a->directory = (AcmeDirectory) {};
        if (o->profile && !strv_contains(o->directory.profiles, o->profile))
                return order_refuse_profile(o);
        order_enter(o, ORDER_ACCOUNT_KEY);
        return 0;
}

int order_take_account(Order *o, AcmeAnswer *a, uint64_t now) {
        if (!a->location)
                return order_fail_hostile(o,
                                          "The certificate authority made an account and did not say where");
        /* What it would replace is another account's. */
        if (!streq_ptr(o->account_url, a->location))
                o->replaces = (free(o->replaces), NULL);
        free(o->account_url);
        o->account_url = TAKE_PTR(a->location);
        o->new_account = true;
        order_enter(o, ORDER_ANNOUNCE);
        return 0;
}

int order_take_contact(Order *o, AcmeAnswer *a, uint64_t now) {
        order_enter(o, ORDER_ANNOUNCE);
        return 0;
}

/* The account is as it was: what was refused was refused for another reason. */
int order_take_look(Order *o, AcmeAnswer *a, uint64_t now) {
        return order_fail(o, FAILURE_AUTHORITY, o->suspected.type, o->suspected.text);
}

/* Neither more nor less than what was asked for. */
static bool order_is_as_asked(const Order *o) {
        if (o->profile && o->order.profile && !streq(o->profile, o->order.profile))
                return false;
        if (strv_length(o->order.identifiers) != strv_length(o->names))
                return false;
        return strv_contains_all(o->order.identifiers, o->names);
}

static void order_replace(Order *o, AcmeAnswer *a) {
        acme_order_done(&o->order);
        o->order = a->order;
        a->order = (AcmeOrder) {};
}

int order_take_new(Order *o, AcmeAnswer *a, uint64_t now) {
        if (!a->location)
                return order_fail_hostile(
                        o, "The certificate authority took the order and did not say where it is");
        free(o->url);
        o->url = TAKE_PTR(a->location);
        order_replace(o, a);
        if (!order_is_as_asked(o) || strv_length(o->order.authorizations) > strv_length(o->names))
                return order_fail_hostile(
                        o, "The certificate authority made an order for other names, or with another "
                           "profile, than were asked for");
        order_drop_challenges(o);
        o->challenges = calloc(strv_length(o->order.authorizations), sizeof(*o->challenges));
        if (!o->challenges)
                return -ENOMEM;
        o->index = 0;
        order_enter(o, ORDER_AUTHORIZATION);
        return 0;
}

void order_forget(Order *o) {
        o->url = (free(o->url), NULL);
        o->resume = o->finalized = false;
        order_enter(o, ORDER_ANNOUNCE);
}

int order_take_resumed(Order *o, AcmeAnswer *a, uint64_t now) {
        order_replace(o, a);
        o->resume = false;
        if (!order_is_as_asked(o) ||
            (o->order.status != ACME_STATUS_PROCESSING && o->order.status != ACME_STATUS_VALID)) {
                order_forget(o);
                return 0;
        }
        o->finalized = true;
        order_enter(o, ORDER_KEY);
        return 0;
}

/* It asked a name server, or a web server, and heard nothing that it could look at. */
static bool is_unreached(const Order *o, const AcmeProblem *p) {
        return p && acme_problem_is(p, streq(o->challenge_type, "dns-01") ? "dns" : "connection");
}

static int authorization_failed(Order *o, const AcmeAuthorization *z) {
        const AcmeProblem *p = NULL;
        char text[1024 + ORDER_SEEN_MAX];

        for (size_t i = 0; i < z->n_challenges; i++)
                if (z->challenges[i].problem.text)
                        p = &z->challenges[i].problem;
        (void) snprintf(text, sizeof(text),
                        "The certificate authority could not see that %s is ours: %.800s%s%s", z->identifier,
                        p ? p->text : acme_status_to_string(z->status), *o->seen ? ". " : "", o->seen);
        o->unreached = is_unreached(o, p);
        return order_fail(o, FAILURE_AUTHORITY, p ? p->type : "unauthorized", text);
}

/* An authorization for a name of the order, not seen before in it. */
static bool authorization_is_asked(const Order *o, const AcmeAuthorization *z) {
        char name[256];

        (void) snprintf(name, sizeof(name), "%s%s", z->wildcard ? "*." : "", z->identifier);
        return strv_contains(o->names, name);
}

static const AcmeChallenge *authorization_find_challenge(const AcmeAuthorization *z, const char *type) {
        for (size_t i = 0; i < z->n_challenges; i++)
                if (streq(z->challenges[i].type, type) && z->challenges[i].token)
                        return &z->challenges[i];
        return NULL;
}

/* The order owns both, as one of a number of challenges. */
ANALYZER_WRONG("-Wanalyzer-malloc-leak")
static int challenge_take(OrderChallenge *c, const AcmeChallenge *found) {
        c->url = strdup(found->url);
        c->token = strdup(found->token);
        return c->url && c->token ? 0 : -ENOMEM;
}
ANALYZER_RIGHT

int order_take_authorization(Order *o, AcmeAnswer *a, uint64_t now) {
        OrderChallenge *c = &o->challenges[o->n_challenges];
        const AcmeAuthorization *z = &a->authorization;
        const AcmeChallenge *found;

        if (!authorization_is_asked(o, z))
                return order_fail_hostile(
                        o, "The certificate authority asks about a name that was not asked for");
        if (z->status != ACME_STATUS_PENDING && z->status != ACME_STATUS_VALID)
                return authorization_failed(o, z);
        found = authorization_find_challenge(z, o->challenge_type);
        if (z->status == ACME_STATUS_PENDING && !found)
                return order_fail(o, FAILURE_AUTHORITY, "unsupported",
                                  "The certificate authority offers no challenge that fits");
        c->identifier = strdup(z->identifier);
        c->authorization = strdup(o->order.authorizations[o->index]);
        c->served = z->status == ACME_STATUS_VALID;
        o->n_challenges++;
        if (!c->identifier || !c->authorization)
                return -ENOMEM;
        if (!c->served && found && challenge_take(c, found) < 0)
                return -ENOMEM;
        if (o->order.authorizations[++o->index])
                order_enter(o, ORDER_AUTHORIZATION);
        else
                order_enter_publish(o);
        return 0;
}

int order_take_challenge(Order *o, AcmeAnswer *a, uint64_t now) {
        size_t i = o->index;

        for (i++; i < o->n_challenges && o->challenges[i].served; i++)
                ;
        if (i < o->n_challenges)
                o->index = i;
        else
                order_enter_challenges(o, ORDER_POLL_AUTHORIZATION, ORDER_POLL_READY, 0);
        return 0;
}

int order_take_poll_authorization(Order *o, AcmeAnswer *a, uint64_t now) {
        switch (a->authorization.status) {
        case ACME_STATUS_PENDING:
        case ACME_STATUS_PROCESSING:
                return order_poll_later(o, a->retry_after_usec, now);
        case ACME_STATUS_VALID:
                order_enter_challenges(o, ORDER_POLL_AUTHORIZATION, ORDER_POLL_READY, o->index + 1);
                return 0;
        default:
                return authorization_failed(o, &a->authorization);
        }
}

static int order_invalid(Order *o) {
        char text[1024];

        (void) snprintf(text, sizeof(text), "The certificate authority refused the order: %.900s",
                        o->order.problem.text ?: "no reason was given");
        return order_fail(o, FAILURE_AUTHORITY, o->order.problem.type ?: "unknown", text);
}

int order_take_poll_ready(Order *o, AcmeAnswer *a, uint64_t now) {
        order_replace(o, a);
        switch (o->order.status) {
        case ACME_STATUS_PENDING:
                return order_poll_later(o, a->retry_after_usec, now);
        case ACME_STATUS_READY:
                order_enter(o, ORDER_KEY);
                return 0;
        case ACME_STATUS_INVALID:
                return order_invalid(o);
        default:
                return order_fail_hostile(
                        o, "The certificate authority finished an order that nobody finalized");
        }
}

int order_take_finalized(Order *o, AcmeAnswer *a, uint64_t now) {
        order_replace(o, a);
        o->finalized = o->order.status == ACME_STATUS_PROCESSING || o->order.status == ACME_STATUS_VALID;
        switch (o->order.status) {
        case ACME_STATUS_READY:
        case ACME_STATUS_PROCESSING:
                o->state = ORDER_POLL_VALID;
                return order_poll_later(o, a->retry_after_usec, now);
        case ACME_STATUS_VALID:
                if (!o->order.certificate)
                        return order_fail_hostile(o, "The certificate authority issued a certificate and "
                                                     "did not say where it is");
                order_enter(o, ORDER_DOWNLOAD);
                return 0;
        default:
                return order_invalid(o);
        }
}

/* The first chain is kept until an alternate fits the preference better. */
int order_take_chain(Order *o, AcmeAnswer *a, uint64_t now) {
        bool first = !o->chain;

        if (first)
                for (size_t i = 0; i < ACME_ALTERNATES_MAX; i++)
                        o->alternates[i] = TAKE_PTR(a->alternates[i]);
        if (first || o->chain_test(a->chain, o->preferred_chain)) {
                free(o->chain);
                o->chain = TAKE_PTR(a->chain);
        }
        free(o->chosen);
        o->chosen = NULL;
        if (!o->preferred_chain || !o->chain_test || o->chain_test(o->chain, o->preferred_chain)) {
                order_enter(o, ORDER_DONE);
                return 0;
        }
        for (size_t i = 0; i < ACME_ALTERNATES_MAX; i++)
                if (o->alternates[i]) {
                        o->chosen = TAKE_PTR(o->alternates[i]);
                        order_enter(o, ORDER_DOWNLOAD);
                        return 0;
                }
        order_enter(o, ORDER_DONE);
        return 0;
}
