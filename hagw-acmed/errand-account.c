/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errands: the steps for accounts. What the authority has taken over is on disk before the next step. */

#include "hagw-acmed/acme-api.h"
#include "hagw-acmed/binding.h"
#include "hagw-acmed/errand-internal.h"
#include "libhagw/json.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Key.h"

/* False where that failed, which was told. */
static bool errand_save(Errand *e) {
        int r = e->handlers->on_account(e->userdata);

        if (r < 0)
                errand_fail_errno(e, r, "The account could not be stored");
        return r >= 0;
}

static int errand_post(Errand *e, const char *url, const char *payload, const char *key_id, const char *kid,
                       AcmeObject expect, AcmeHandler handler) {
        return acme_client_post(e->client, url, payload, key_id, kid, e->directory.new_nonce, expect,
                                handler, e);
}

/* --- a key that was being changed ---------------------------------------------------------------------- */

/* The key of before goes. */
static bool errand_take_next_key(Errand *e) {
        _cleanup_free_ char *old = TAKE_PTR(e->account->key_id);

        e->account->key_id = TAKE_PTR(e->account->next_key_id);
        if (!errand_save(e))
                return false;
        if (old)
                e->handlers->on_spare_key(old, e->userdata);
        return true;
}

static bool errand_drop_next_key(Errand *e) {
        _cleanup_free_ char *spare = TAKE_PTR(e->account->next_key_id);

        if (!errand_save(e))
                return false;
        e->handlers->on_spare_key(spare, e->userdata);
        return true;
}

static void on_settled(AcmeAnswer *answer, void *userdata) {
        Errand *e = userdata;
        ErrandOutcome outcome = errand_judge(answer);

        if (outcome == OUTCOME_FAILED) {
                errand_fail_answer(e, answer);
                return;
        }
        if (outcome == OUTCOME_DONE ? errand_take_next_key(e) : errand_drop_next_key(e))
                errand_go_on(e);
}

int errand_step_settle(Errand *e) {
        if (!e->account->next_key_id)
                return 1;
        if (!e->account->url)
                return errand_drop_next_key(e);
        return errand_post(e, e->account->url, "", e->account->next_key_id, e->account->url, ACME_ACCOUNT,
                           on_settled);
}

/* --- looking ------------------------------------------------------------------------------------------- */

static void on_looked(AcmeAnswer *answer, void *userdata) {
        Errand *e = userdata;

        e->contacts = TAKE_PTR(answer->account.contacts);
        if (answer->http_status / 100 == 2 && acme_status_to_string(answer->account.status) &&
            !acme_problem_is(&answer->problem, ACME_PROBLEM_MALFORMED))
                e->result.status = answer->account.status;
        e->result.unknown = acme_problem_is(&answer->problem, "accountDoesNotExist");
        if (!answer->problem.type)
                errand_go_on(e);
        else
                errand_fail_answer(e, answer);
}

int errand_step_look(Errand *e) {
        return errand_post(e, e->account->url, "", e->account->key_id, e->account->url, ACME_ACCOUNT,
                           on_looked);
}

/* --- another account ----------------------------------------------------------------------------------- */

static void on_new_key(sd_json_variant *reply, const char *error, void *userdata) {
        const char *id = json_string(reply && !error ? sd_json_variant_by_key(reply, "key") : NULL, "id");
        Errand *e = userdata;

        e->request = NULL;
        if (!id)
                errand_fail(e, OUTCOME_FAILED, "hagw-keyd made no account key: %s", error ?: "no reply");
        else if (string_replace(&e->key_id, id) < 0)
                errand_fail_errno(e, ENOMEM, "The new key could not be used");
        else
                errand_go_on(e);
}

/* Nobody notes it before the authority has: one that a kill leaves behind is found by listing keys. */
int errand_step_new_key(Errand *e) {
        return errand_ask_key(e, "Generate", NULL, on_new_key);
}

static void on_jwk(sd_json_variant *reply, const char *error, void *userdata) {
        const char *jwk = json_string(error ? NULL : reply, "jwk");
        Errand *e = userdata;

        e->request = NULL;
        if (!jwk)
                errand_fail(e, OUTCOME_FAILED, "hagw-keyd did not give the account key: %s",
                            error ?: "no reply");
        else if (string_replace(&e->jwk, jwk) < 0)
                errand_fail_errno(e, ENOMEM, "The new key could not be used");
        else
                errand_go_on(e);
}

int errand_step_jwk(Errand *e) {
        return errand_ask_key(e, "GetPublicJwk", e->key_id, on_jwk);
}

static int errand_replace_account(Errand *e, const char *url) {
        Account *a = e->account;
        _cleanup_free_ char *spare = TAKE_PTR(a->next_key_id);
        int r;

        if (string_replace(&e->former, a->url) < 0)
                return -ENOMEM;
        r = account_leave(a);
        if (r < 0)
                return r;
        a->since_usec = e->first_account ? 0 : clock_usec(CLOCK_REALTIME);
        if ((r = string_replace(&a->url, url)) < 0 || (r = string_replace(&a->key_id, e->key_id)) < 0 ||
            (r = string_replace(&a->contact, e->authority->contact)) < 0 ||
            (r = string_replace(&a->issuer, strempty(e->directory.caa_issuer))) < 0)
                return r;
        r = e->handlers->on_account(e->userdata);
        if (r >= 0 && spare)
                e->handlers->on_spare_key(spare, e->userdata);
        return r;
}

static void on_registered(AcmeAnswer *answer, void *userdata) {
        Errand *e = userdata;
        int r;

        if (answer->problem.type) {
                e->handlers->on_spare_key(e->key_id, e->userdata);
                errand_fail_answer(e, answer);
                return;
        }
        if (!answer->location) {
                errand_fail(e, OUTCOME_REFUSED,
                            "The certificate authority made an account and did not say where");
                return;
        }
        r = errand_replace_account(e, answer->location);
        if (r < 0)
                errand_fail_errno(e, r, "The new account could not be stored");
        else
                errand_go_on(e);
}

int errand_step_register(Errand *e) {
        _cleanup_free_ char *binding = NULL, *payload = NULL;
        int r;

        /* The oldest of too many will never be deactivated. */
        if (e->account->n_former >= ACCOUNT_FORMER_MAX) {
                log_warning("The account %s could not be deactivated for too long; it is forgotten.",
                            e->account->former[0].url);
                account_forget_former(e->account, 0);
        }
        /* The external account is one at the authority that is configured. */
        r = streq_ptr(e->account->directory, e->authority->directory)
                    ? binding_make(e->settings_group, e->authority, e->directory.new_account, e->jwk,
                                   &binding)
                    : 0;
        if (r == -ENOENT || (!binding && e->directory.external_account_required)) {
                errand_fail(e, OUTCOME_REFUSED, BINDING_ADVICE, e->settings_group, e->settings_group);
                return 0;
        }
        if (r >= 0)
                r = acme_format_account(e->authority->contact, binding, &payload);
        return r < 0 ? r : errand_post(e, e->directory.new_account, payload, e->key_id, /* kid= */ NULL,
                                       ACME_ACCOUNT, on_registered);
}

/* --- former accounts ----------------------------------------------------------------------------------- */

/* The account that is there now is good; that the one of before could not be ended is not the end of it. */
static void errand_leave_former(Errand *e, const char *reason) {
        if (e->kind != ERRAND_NEW) {
                errand_fail(e, OUTCOME_FAILED, "%s", reason);
                return;
        }
        (void) string_replace(&e->error, reason);
        e->step++; /* the last one */
        errand_repeat(e);
}

static void errand_forget_former(Errand *e, bool deactivated) {
        _cleanup_free_ char *key_id = strdup(e->account->former[0].key_id);

        if (deactivated)
                log_info("The account %s is deactivated.", e->account->former[0].url);
        e->result.deactivated |= deactivated && streq_ptr(e->account->former[0].url, e->former);
        account_forget_former(e->account, 0);
        if (!errand_save(e))
                return;
        if (key_id)
                e->handlers->on_spare_key(key_id, e->userdata);
        errand_repeat(e);
}

static void on_deactivated(AcmeAnswer *answer, void *userdata) {
        Errand *e = userdata;

        switch (errand_judge(answer)) {
        case OUTCOME_DONE:
                errand_forget_former(e, true);
                break;
        case OUTCOME_REFUSED:
                log_warning("The account %s could not be deactivated, for it is not ours any more: %s",
                            e->account->former[0].url, answer->problem.text);
                (void) string_replace(&e->error, answer->problem.text);
                errand_forget_former(e, false);
                break;
        case OUTCOME_FAILED:
                errand_leave_former(e, answer->problem.text);
                break;
        }
}

static void on_former_key(sd_json_variant *reply, const char *error, void *userdata) {
        Errand *e = userdata;
        const FormerAccount *f = &e->account->former[0];
        int r;

        e->request = NULL;
        if (error && streq(error, KEY_ERROR_NO_SUCH_KEY)) {
                log_warning("The account %s cannot be deactivated: its key is gone.", f->url);
                (void) string_replace(&e->error, "Its key is gone");
                errand_forget_former(e, false);
                return;
        }
        r = error ? -EIO : errand_post(e, f->url, "{\"status\":\"deactivated\"}", f->key_id, f->url,
                                       ACME_NOTHING, on_deactivated);
        if (r < 0)
                errand_leave_former(e, error ? "hagw-keyd does not answer" : strerror(-r));
}

int errand_step_deactivate(Errand *e) {
        if (e->account->n_former == 0)
                return 1;
        return errand_ask_key(e, "Get", e->account->former[0].key_id, on_former_key);
}

/* --- another key --------------------------------------------------------------------------------------- */

static void on_next_key(sd_json_variant *reply, const char *error, void *userdata) {
        const char *id = json_string(reply && !error ? sd_json_variant_by_key(reply, "key") : NULL, "id");
        Errand *e = userdata;

        e->request = NULL;
        if (!id)
                errand_fail(e, OUTCOME_FAILED, "hagw-keyd made no account key: %s", error ?: "no reply");
        else if (string_replace(&e->account->next_key_id, id) < 0)
                errand_fail_errno(e, ENOMEM, "The new key could not be used");
        else if (errand_save(e))
                errand_go_on(e);
}

/* Noted beforehand: a kill, or an answer that does not arrive, leaves it open which of the two counts. */
int errand_step_next_key(Errand *e) {
        if (!e->directory.key_change) {
                errand_fail(e, OUTCOME_REFUSED, "The certificate authority changes no keys of accounts");
                return 0;
        }
        return errand_ask_key(e, "Generate", NULL, on_next_key);
}

static void on_changed(AcmeAnswer *answer, void *userdata) {
        Errand *e = userdata;
        ErrandOutcome outcome = errand_judge(answer);

        if (outcome == OUTCOME_DONE) {
                if (errand_take_next_key(e))
                        errand_go_on(e);
                return;
        }
        if (outcome == OUTCOME_FAILED || errand_drop_next_key(e))
                errand_fail_answer(e, answer);
}

int errand_step_change(Errand *e) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(e->account->key_id)),
                           SD_JSON_BUILD_PAIR("newId", SD_JSON_BUILD_STRING(e->account->next_key_id)),
                           SD_JSON_BUILD_PAIR("account", SD_JSON_BUILD_STRING(e->account->url)));
        return r < 0 ? r : acme_client_post_composed(e->client, e->directory.key_change,
                                                     "io.hagw.Key.SignKeyChange", v, e->directory.new_nonce,
                                                     ACME_NOTHING, on_changed, e);
}
