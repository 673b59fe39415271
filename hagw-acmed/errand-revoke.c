/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errands: certificates are revoked, each by whoever may: our account, or the certificate's own key. */

#include "hagw-acmed/errand-internal.h"
#include "libhagw/json.h"
#include "libhagw/log.h"
#include "libhagw/vl-io.hagw.Key.h"

#define TRIES_MAX 2U
#define REASON_KEY_COMPROMISE 1

/* The one who most probably may comes first. By its own key the authority learns that this is lost, and
 * takes it for nothing more. */
static bool leaf_tries_account(const Errand *e) {
        const ErrandLeaf *l = &e->leaves[e->leaf];
        const bool account_first = l->ours && l->reason != REASON_KEY_COMPROMISE;

        return account_first == (e->tries == 0);
}

static void errand_next_leaf(Errand *e, ErrandOutcome outcome, const char *reason) {
        e->handlers->on_revoked(e->leaves[e->leaf].leaf, outcome, reason, e->userdata);
        e->refusal = (free(e->refusal), NULL);
        e->tries = 0;
        e->leaf++;
        errand_repeat(e);
}

static void errand_next_try(Errand *e) {
        if (++e->tries < TRIES_MAX)
                errand_repeat(e);
        else
                errand_next_leaf(e, OUTCOME_REFUSED,
                                 e->refusal ?: "neither its account nor its key is here any more");
}

static void on_revoked(AcmeAnswer *answer, void *userdata) {
        ErrandOutcome outcome = errand_judge(answer);
        Errand *e = userdata;

        if (outcome == OUTCOME_DONE || acme_problem_is(&answer->problem, "alreadyRevoked"))
                errand_next_leaf(e, OUTCOME_DONE, NULL);
        else if (outcome == OUTCOME_FAILED)
                errand_next_leaf(e, OUTCOME_FAILED, answer->problem.text);
        else {
                /* What the first one was told is nearer to the truth. */
                if (!e->refusal)
                        e->refusal = strdup(answer->problem.text);
                errand_next_try(e);
        }
}

static int leaf_post(Errand *e, const char *key_id, const char *kid) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const ErrandLeaf *l = &e->leaves[e->leaf];
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(key_id)),
                           SD_JSON_BUILD_PAIR("certificate", SD_JSON_BUILD_STRING(l->leaf)),
                           SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_INTEGER(l->reason)),
                           JSON_PAIR_IF_SET("kid", kid));
        return r < 0 ? r : acme_client_post_composed(e->client, e->directory.revoke,
                                                     "io.hagw.Key.SignRevocation", v, e->directory.new_nonce,
                                                     ACME_NOTHING, on_revoked, e);
}

static void on_key(sd_json_variant *reply, const char *error, void *userdata) {
        Errand *e = userdata;
        int r = 0;

        e->request = NULL;
        if (!error)
                r = leaf_post(e, e->leaves[e->leaf].key_id, /* kid= */ NULL);
        else if (streq(error, KEY_ERROR_NO_SUCH_KEY))
                errand_next_try(e);
        else
                errand_next_leaf(e, OUTCOME_FAILED, "hagw-keyd does not answer");
        if (r < 0)
                errand_fail_errno(e, r, "The certificate authority could not be asked");
}

int errand_step_revoke(Errand *e) {
        if (!e->directory.revoke) {
                errand_fail(e, OUTCOME_REFUSED, "The certificate authority revokes nothing");
                return 0;
        }
        if (e->leaf >= e->n_leaves)
                return 1;
        if (!leaf_tries_account(e))
                return errand_ask_key(e, "Get", e->leaves[e->leaf].key_id, on_key);
        if (e->account->url && e->account->key_id)
                return leaf_post(e, e->account->key_id, e->account->url);
        errand_next_try(e);
        return 0;
}
