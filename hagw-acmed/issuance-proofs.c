/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an order shows to the authority: published by another daemon, looked at before the authority is told.
 * Main thread only. */

#include "hagw-acmed/explain.h"
#include "hagw-acmed/issuance-internal.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

/* While the relay is being attached: a house that starts has its order begun in the same second. */
#define READY_ASK_USEC (250 * USEC_PER_MSEC)
#define READY_ASKS_MAX 80U

/* --- publishing ---------------------------------------------------------------------------------------- */

static void on_published(sd_json_variant *reply, const char *error, void *userdata) {
        Issuance *i = userdata;
        const Proof *p = i->proofs[i->n_proofs - 1];
        char words[EXPLAIN_MAX + 1];
        OrderFailure failure;

        i->request = NULL;
        if (error) {
                failure = explain_error(error, reply, words);
                issuance_fail(i, failure, "%s did not take the answer to the challenge: %s",
                              proof_get_daemon(p), words);
                return;
        }
        order_take_done(i->order, true, clock_usec(CLOCK_REALTIME));
        issuance_step(i);
}

static void on_cleared(sd_json_variant *reply, const char *error, void *userdata) {
        Issuance *i = userdata;
        int r;

        i->request = NULL;
        r = proof_publish(i->proofs[i->n_proofs - 1], i->event, on_published, i, &i->request);
        if (r < 0)
                issuance_fail_errno(i, r, "The answer to the challenge could not be published");
}

/* The values of this order may share a name (apex and wildcard); what stands there from before goes first.
 */
static bool issuance_is_first_at_name(const Issuance *i, const Proof *p) {
        for (size_t k = 0; i->proofs[k] != p; k++)
                if (streq(i->proofs[k]->name, p->name))
                        return false;
        return true;
}

int issuance_publish(Issuance *i, const OrderChallenge *c) {
        Proof **longer, *p;
        int r;

        longer = reallocarray(i->proofs, i->n_proofs + 1, sizeof(*i->proofs));
        if (!longer)
                return -ENOMEM;
        i->proofs = longer;
        r = proof_new(i->way, c->identifier, i->settings->relay_zone, c->token, i->thumbprint, &p);
        if (r < 0)
                return r;
        i->proofs[i->n_proofs++] = p;
        if (issuance_is_first_at_name(i, p)) {
                r = proof_clear(p, i->event, on_cleared, i, &i->request);
                if (r != 0)
                        return r;
        }
        return proof_publish(p, i->event, on_published, i, &i->request);
}

void issuance_withdraw(Issuance *i) {
        for (size_t k = 0; k < i->n_proofs; k++) {
                proof_withdraw(i->proofs[k], i->event);
                proof_free(i->proofs[k]);
        }
        i->n_proofs = 0;
}

/* --- looking ------------------------------------------------------------------------------------------- */

static Proof *issuance_find_proof(Issuance *i, const OrderChallenge *c) {
        for (size_t k = 0; k < i->n_proofs; k++)
                if (streq(i->proofs[k]->token, c->token))
                        return i->proofs[k];
        return NULL;
}

static void on_checked(sd_json_variant *reply, const char *error, void *userdata) {
        Issuance *i = userdata;
        const Proof *p = issuance_find_proof(i, &i->order->challenges[i->order->index]);

        i->request = NULL;
        order_take_done(i->order, !error && proof_is_served(p, reply), clock_usec(CLOCK_REALTIME));
        issuance_step(i);
}

/* Where nothing answers at all, the door may be on other addresses than the one we can ask: the authority
 * sees more than we do. */
static void on_looked(const HttpResponse *response, void *userdata) {
        Issuance *i = userdata;
        const Proof *p = issuance_find_proof(i, &i->order->challenges[i->order->index]);
        const char *name = i->order->challenges[i->order->index].identifier;
        bool served;
        size_t n;

        assert(p); /* the look ends with the issuance, to which the proof belongs */
        n = strlen(p->key_authorization);
        i->look = NULL;
        served = response->status == 0 ||
                 (response->status == 200 && strncmp(response->body, p->key_authorization, n) == 0 &&
                  strspn(response->body + n, " \t\r\n") == response->size - n);
        i->order->seen[0] = '\0';
        if (response->status == 0)
                (void) snprintf(i->order->seen, sizeof(i->order->seen),
                                "From here port 80 of %s cannot be asked either: %.120s",
                                name, strempty(response->error));
        else if (!served)
                (void) snprintf(i->order->seen, sizeof(i->order->seen),
                                "From here port 80 of %s is answered with status %u, by somebody else: "
                                "another web server, or another address than this house's.",
                                name, response->status);
        order_take_done(i->order, served, clock_usec(CLOCK_REALTIME));
        issuance_step(i);
}

int issuance_check(Issuance *i, const OrderChallenge *c) {
        const Proof *p = issuance_find_proof(i, c);
        _cleanup_free_ char *url = NULL;
        int r;

        r = proof_check(p, i->event, on_checked, i, &i->request);
        if (r != 0)
                return r;
        url = proof_get_url(p);
        if (url) {
                r = i->door ? 0 : httpc_new(&i->door, i->event, /* ca_file= */ NULL);
                return r < 0 ? r : httpc_look(i->door, url, on_looked, i, &i->look);
        }
        order_take_done(i->order, true, clock_usec(CLOCK_REALTIME));
        issuance_step(i);
        return 0;
}

/* --- before the order ---------------------------------------------------------------------------------- */

static int on_ask_again(sd_event_source *s, uint64_t usec, void *userdata) {
        Issuance *i = userdata;
        int r;

        i->timer = sd_event_source_disable_unref(i->timer);
        r = issuance_ask_ready(i);
        if (r < 0)
                issuance_fail_errno(i, r, "hagw-proxyd cannot be asked for the relay");
        return 0;
}

static void on_ready(sd_json_variant *reply, const char *error, void *userdata) {
        Issuance *i = userdata;
        bool soon = false;
        const char *complaint = error ? NULL : proof_way_complaint(i->way, reply, &soon);
        char words[EXPLAIN_MAX + 1];

        i->request = NULL;
        if (soon && ++i->asked < READY_ASKS_MAX &&
            sd_event_add_time_relative(i->event, &i->timer, CLOCK_MONOTONIC, READY_ASK_USEC,
                                       50 * USEC_PER_MSEC, on_ask_again, i) >= 0)
                return;
        if (error) {
                (void) explain_error(error, reply, words);
                issuance_fail(i, FAILURE_UNREADY, "hagw-proxyd cannot be asked for the relay: %s", words);
        } else if (complaint)
                issuance_fail(i, FAILURE_UNREADY, "The relay is not attached: %s", complaint);
        else
                issuance_step(i);
}

int issuance_ask_ready(Issuance *i) {
        return proof_way_ask_ready(i->way, i->event, on_ready, i, &i->request);
}
