/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Carries out what order.c says. One request at a time; each step's end leads to the next from the loop.
 * Main thread only. */

#include <stdio.h>

#include "hagw-acmed/acme-api.h"
#include "hagw-acmed/binding.h"
#include "hagw-acmed/chain.h"
#include "hagw-acmed/challenge.h"
#include "hagw-acmed/client.h"
#include "hagw-acmed/issuance-internal.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

#define ORDER_DURATION_MIN_USEC (30 * USEC_PER_SEC)

const char *issuance_get_state(const Issuance *i) {
        return order_state_to_string(i->order->state);
}

void issuance_fail(Issuance *i, OrderFailure failure, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        order_take_failure(i->order, failure, text ?: "out of memory");
        issuance_step(i);
}

void issuance_fail_errno(Issuance *i, int error, const char *what) {
        issuance_fail(i, FAILURE_LOCAL, "%s: %s", what, strerror(abs(error)));
}

/* --- requests ------------------------------------------------------------------------------------------ */

/* What the account has become goes to disk before the next step. */
static int issuance_sync_account(Issuance *i, OrderState before) {
        bool contact = before == ORDER_CONTACT && i->order->state == ORDER_ANNOUNCE;
        bool made = !streq_ptr(i->account->url, i->order->account_url) && i->order->account_url;
        /* Empty: it was asked, and says none. */
        const char *issuer = strempty(i->order->directory.caa_issuer);
        int r;

        if (!contact && streq_ptr(i->account->url, i->order->account_url) &&
            (!i->order->directory.new_order || streq_ptr(i->account->issuer, issuer)))
                return 0;
        if (made)
                i->account->since_usec = i->first_account ? 0 : clock_usec(CLOCK_REALTIME);
        r = string_replace(&i->account->url, i->order->account_url);
        if (r >= 0 && i->order->directory.new_order)
                r = string_replace(&i->account->issuer, issuer);
        if (r >= 0 && (contact || i->order->account_url))
                r = string_replace(&i->account->contact, i->authority->contact);
        return r < 0 ? r : i->handlers->on_account(i->userdata);
}

static void on_answer(AcmeAnswer *answer, void *userdata) {
        Issuance *i = userdata;
        OrderState before = i->order->state;
        int r;

        if (answer->problem.type)
                log_debug("Certificate %s, %s: %s", i->order->names[0], order_state_to_string(before),
                          answer->problem.text);
        r = order_take_answer(i->order, answer, clock_usec(CLOCK_REALTIME));
        if (r >= 0)
                r = issuance_sync_account(i, before);
        if (r < 0)
                issuance_fail_errno(i, r, "The certificate authority's answer could not be used");
        else
                issuance_step(i);
}

static int issuance_payload(Issuance *i, const OrderAction *action, char **ret) {
        _cleanup_free_ char *binding = NULL;
        int r;

        switch (action->body) {
        case BODY_EMPTY:
                return (*ret = strdup("")) ? 0 : -ENOMEM;
        case BODY_OBJECT:
                return (*ret = strdup("{}")) ? 0 : -ENOMEM;
        case BODY_ACCOUNT:
                r = binding_make(i->settings_group, i->authority, action->url, i->jwk, &binding);
                return r < 0 ? r : acme_format_account(i->authority->contact, binding, ret);
        case BODY_CONTACT:
                return acme_format_contact(i->authority->contact, ret);
        case BODY_ORDER:
                return acme_format_order(i->order->names, i->order->profile, i->order->replaces, ret);
        case BODY_FINALIZE:
                return acme_format_finalize(i->csr, ret);
        }
        assert(false);
        return -EINVAL;
}

static int issuance_post(Issuance *i, const OrderAction *action) {
        _cleanup_free_ char *payload = NULL;
        int r;

        r = issuance_payload(i, action, &payload);
        if (r == -ENOENT) {
                issuance_fail(i, FAILURE_AUTHORITY,
                              "%s.eab_key_id is set, but the credential %s.eab_hmac_key is not there",
                              i->settings_group, i->settings_group);
                return 0;
        }
        if (r < 0)
                return r;
        if (action->body == BODY_ACCOUNT && i->order->directory.external_account_required &&
            !i->authority->eab_key_id) {
                issuance_fail(i, FAILURE_AUTHORITY, BINDING_ADVICE, i->settings_group, i->settings_group);
                return 0;
        }
        return acme_client_post(i->client, action->url, payload, i->account->key_id,
                                action->include_key ? NULL : i->order->account_url,
                                i->order->directory.new_nonce, action->expect, on_answer, i);
}

/* --- the loop ------------------------------------------------------------------------------------------ */

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        Issuance *i = userdata;

        i->timer = sd_event_source_disable_unref(i->timer);
        issuance_step(i);
        return 0;
}

static int issuance_wait(Issuance *i, uint64_t until_usec, uint64_t now) {
        return sd_event_add_time_relative(i->event, &i->timer, CLOCK_MONOTONIC,
                                          until_usec > now ? until_usec - now : 0, 50 * USEC_PER_MSEC,
                                          on_timer, i);
}

static int on_end(sd_event_source *s, void *userdata) {
        Issuance *i = userdata;
        /* What the authority has said no to is over; whatever else came in between is not. */
        const bool goes_on = (i->order->finalized || i->order->resume) &&
                             i->order->failure != FAILURE_NONE && i->order->failure != FAILURE_AUTHORITY;
        const IssuanceResult result = {
                .order_url = goes_on ? i->order->url : NULL,
                .failure = i->order->failure,
                .unreached = i->order->unreached,
                .error = i->order->problem.text,
                .retry_after_usec = i->order->retry_after_usec,
                .chain = i->order->chain,
                .key_id = i->key_id,
        };

        i->end = sd_event_source_disable_unref(i->end);
        i->handlers->on_end(&result, i->userdata);
        return 0;
}

/* The chain is what we asked for, or this was a failure after all. */
static void issuance_check_chain(Issuance *i) {
        _cleanup_chain_ Chain chain = {};
        const char *reason = NULL;
        char text[256];

        if (chain_parse(i->order->chain, &chain, &reason) >= 0)
                reason = chain_complaint(&chain, i->order->names, i->spki, i->spki_size,
                                         clock_usec(CLOCK_REALTIME));
        if (!reason)
                return;
        (void) snprintf(text, sizeof(text),
                        "The certificate authority issued something else than was asked for: %s", reason);
        order_take_failure(i->order, FAILURE_AUTHORITY, text);
}

/* The authority looked and did not see the answer: what the name's owner has to do for it stays in the text.
 */
static void issuance_add_advice(Issuance *i) {
        _cleanup_free_ char *advice = proof_way_advice(i->way, i->proofs[0]->identifier,
                                                       i->settings->relay_zone),
                            *text = NULL;

        if (!advice || asprintf(&text, "%s. %s", strempty(i->order->problem.text), advice) < 0) {
                text = NULL;
                return;
        }
        free(i->order->problem.text);
        i->order->problem.text = TAKE_PTR(text);
}

static void issuance_finish(Issuance *i) {
        if (i->order->state == ORDER_DONE)
                issuance_check_chain(i);
        else if (i->order->failure == FAILURE_AUTHORITY && i->n_proofs > 0)
                issuance_add_advice(i);
        issuance_withdraw(i);
        if (!i->end)
                (void) sd_event_add_defer(i->event, &i->end, on_end, i);
}

void issuance_step(Issuance *i) {
        uint64_t now = clock_usec(CLOCK_REALTIME);
        OrderAction action;
        int r = 0;

        order_next(i->order, now, &action);
        switch (action.step) {
        case STEP_GET:
                r = acme_client_get(i->client, action.url, action.expect, on_answer, i);
                break;
        case STEP_POST:
                r = issuance_post(i, &action);
                break;
        case STEP_ACCOUNT_KEY:
                r = issuance_account_key(i);
                break;
        case STEP_ANNOUNCE:
                r = issuance_announce(i);
                break;
        case STEP_PUBLISH:
                r = issuance_publish(i, action.challenge);
                break;
        case STEP_CHECK:
                r = issuance_check(i, action.challenge);
                break;
        case STEP_KEY:
                r = issuance_key(i);
                break;
        case STEP_REQUEST:
                r = issuance_csr(i);
                break;
        case STEP_WAIT:
                r = issuance_wait(i, action.until_usec, now);
                break;
        case STEP_DONE:
        case STEP_FAILED:
                issuance_finish(i);
                break;
        }
        if (r < 0)
                issuance_fail_errno(i, r, order_state_to_string(i->order->state));
}

int issuance_new(Issuance **ret, sd_event *event, const Settings *settings, Account *account,
                 const IssuanceWish *wish, const IssuanceHandlers *handlers, void *userdata) {
        _cleanup_(issuance_freep) Issuance *i = calloc(1, sizeof(*i));
        const uint64_t now_usec = clock_usec(CLOCK_REALTIME);
        int r;

        if (!i)
                return -ENOMEM;
        i->event = sd_event_ref(event);
        i->settings = settings;
        i->authority = &settings->authorities[wish->authority];
        i->settings_group = authority_rank_to_group(wish->authority);
        i->account = account;
        i->handlers = handlers;
        i->userdata = userdata;
        i->way = wish->way;
        i->caa_usec = wish->caa_usec;
        i->caa_since_usec = wish->caa_new ? now_usec : 0;
        i->first_account = wish->first_account;
        r = order_new(&i->order, wish->names, proof_way_type(wish->way), i->authority->directory,
                      account->url, now_usec);
        if (r < 0)
                return r;
        if (wish->life_usec > 0)
                i->order->deadline_usec = MIN(i->order->deadline_usec,
                                              now_usec + MAX(wish->life_usec / 4, ORDER_DURATION_MIN_USEC));
        i->order->unserved = proof_way_unserved(wish->way);
        i->order->settings_group = i->settings_group;
        i->order->update_contact = !streq_ptr(account->contact, i->authority->contact);
        i->order->chain_test = chain_is_preferred;
        i->order->resume = wish->order_url && account->url && wish->pending_key_id;
        if ((r = string_replace(&i->order->url, i->order->resume ? wish->order_url : NULL)) < 0 ||
            (r = string_replace(&i->order->replaces, wish->replaces)) < 0 ||
            (r = string_replace(&i->order->profile, i->authority->profile)) < 0 ||
            (r = string_replace(&i->order->preferred_chain, settings->preferred_chain)) < 0 ||
            (r = string_replace(&i->key_id, wish->pending_key_id)) < 0)
                return r;
        r = acme_client_new(&i->client, event, i->authority->ca_file);
        if (r < 0)
                return r;
        r = issuance_ask_ready(i);
        if (r < 0)
                return r;
        if (r == 0)
                issuance_step(i);
        *ret = TAKE_PTR(i);
        return 0;
}

Issuance *issuance_free(Issuance *i) {
        if (!i)
                return NULL;
        issuance_withdraw(i);
        free(i->proofs);
        vl_request_free(i->request);
        http_request_free(i->look);
        httpc_free(i->door);
        acme_client_free(i->client);
        sd_event_source_disable_unref(i->timer);
        sd_event_source_disable_unref(i->end);
        order_free(i->order);
        sd_event_unref(i->event);
        free(i->jwk);
        free(i->thumbprint);
        free(i->key_id);
        free(i->csr);
        free(i->spki);
        free(i);
        return NULL;
}
