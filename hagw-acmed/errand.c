/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errands: from step to step. */

#include <stdio.h>

#include "hagw-acmed/errand-internal.h"
#include "libhagw/log.h"
#include "libhagw/pure/strv.h"
#include "libhagw/usec.h"

#define STEPS_MAX 6U
#define KEY_TIMEOUT_USEC (60 * USEC_PER_SEC)

static void on_directory(AcmeAnswer *answer, void *userdata) {
        Errand *e = userdata;

        if (answer->problem.type) {
                errand_fail_answer(e, answer);
                return;
        }
        e->directory = answer->directory;
        answer->directory = (AcmeDirectory) {};
        errand_go_on(e);
}

static int step_directory(Errand *e) {
        return acme_client_get(e->client, e->account->directory, ACME_DIRECTORY, on_directory, e);
}

static const ErrandStep steps[_ERRAND_KIND_MAX][STEPS_MAX] = {
        [ERRAND_LOOK] = { step_directory, errand_step_settle, errand_step_look },
        [ERRAND_SETTLE] = { step_directory, errand_step_settle },
        [ERRAND_NEW] = { step_directory, errand_step_new_key, errand_step_jwk, errand_step_register,
                         errand_step_deactivate },
        [ERRAND_CHANGE_KEY] = { step_directory, errand_step_settle, errand_step_next_key,
                                errand_step_change },
        [ERRAND_DEACTIVATE] = { step_directory, errand_step_deactivate },
        [ERRAND_REVOKE] = { step_directory, errand_step_settle, errand_step_revoke },
};

static int on_end(sd_event_source *s, void *userdata) {
        Errand *e = userdata;

        e->end = sd_event_source_disable_unref(e->end);
        e->result.error = e->error;
        e->result.contacts = e->contacts;
        e->result.former = e->former;
        e->handlers->on_end(&e->result, e->userdata);
        return 0;
}

static void errand_end(Errand *e) {
        e->deadline = sd_event_source_disable_unref(e->deadline);
        if (!e->end && sd_event_add_defer(e->event, &e->end, on_end, e) < 0)
                log_error("An errand at the certificate authority cannot end: out of memory.");
}

void errand_fail(Errand *e, ErrandOutcome outcome, const char *format, ...) {
        va_list ap;

        free(e->error);
        va_start(ap, format);
        if (vasprintf(&e->error, format, ap) < 0)
                e->error = NULL;
        va_end(ap);
        e->result.outcome = outcome;
        errand_end(e);
}

void errand_fail_errno(Errand *e, int error, const char *what) {
        errand_fail(e, OUTCOME_FAILED, "%s: %s", what, strerror(abs(error)));
}

ErrandOutcome errand_judge(const AcmeAnswer *a) {
        if (!a->problem.type)
                return OUTCOME_DONE;
        return a->http_status / 100 == 5 || a->retry_after_usec > 0 ||
                               acme_problem_is(&a->problem, "rateLimited") ||
                               acme_problem_is(&a->problem, ACME_PROBLEM_MALFORMED) ||
                               acme_problem_is(&a->problem, ACME_PROBLEM_UNREACHABLE)
                       ? OUTCOME_FAILED
                       : OUTCOME_REFUSED;
}

void errand_fail_answer(Errand *e, const AcmeAnswer *answer) {
        errand_fail(e, errand_judge(answer), "%s", answer->problem.text);
}

int errand_ask_key(Errand *e, const char *method, const char *id, VlReplyHandler handler) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        char name[64];
        int r;

        (void) snprintf(name, sizeof(name), "io.hagw.Key.%s", method);
        r = id ? sd_json_buildo(&v, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(id)))
               : sd_json_buildo(&v, SD_JSON_BUILD_PAIR("purpose", SD_JSON_BUILD_STRING("account")),
                                SD_JSON_BUILD_PAIR("algorithm", SD_JSON_BUILD_STRING("ecdsa-p256")));
        return r < 0 ? r : vl_request(e->event, "io.hagw.Key", name, v, KEY_TIMEOUT_USEC, handler, e,
                                      &e->request);
}

/* Takes steps until one waits for an answer. */
void errand_repeat(Errand *e) {
        int r = 1;

        while (r > 0 && steps[e->kind][e->step]) {
                r = steps[e->kind][e->step](e);
                e->step += r > 0;
        }
        if (r < 0)
                errand_fail_errno(e, r, "The certificate authority could not be asked");
        else if (r > 0)
                errand_end(e);
}

void errand_go_on(Errand *e) {
        e->step++;
        errand_repeat(e);
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata) {
        Errand *e = userdata;

        e->client = acme_client_free(e->client);
        e->request = vl_request_free(e->request);
        errand_fail(e, OUTCOME_FAILED, "The certificate authority did not answer in time");
        return 0;
}

int errand_new(Errand **ret, sd_event *event, ErrandKind kind, const Settings *settings, Account *account,
               bool first_account, const ErrandHandlers *handlers, void *userdata) {
        AuthorityRank rank = settings_find_rank(settings, account->directory);
        _cleanup_(errand_freep) Errand *e = calloc(1, sizeof(*e));
        int r;

        if (!e)
                return -ENOMEM;
        e->event = sd_event_ref(event);
        e->kind = kind;
        if (rank < 0)
                rank = AUTHORITY_FIRST;
        e->authority = &settings->authorities[rank];
        e->settings_group = authority_rank_to_group(rank);
        e->account = account;
        e->first_account = first_account;
        e->handlers = handlers;
        e->userdata = userdata;
        e->result.status = _ACME_STATUS_INVALID;
        r = acme_client_new(&e->client, event, e->authority->ca_file);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e);
        return 0;
}

int errand_start(Errand *e) {
        int r = sd_event_add_time_relative(e->event, &e->deadline, CLOCK_MONOTONIC, ERRAND_DURATION_MAX,
                                           USEC_PER_SEC, on_deadline, e);

        if (r >= 0)
                errand_repeat(e);
        return r;
}

int errand_add_leaf(Errand *e, const ErrandLeaf *leaf) {
        ErrandLeaf *l = &e->leaves[e->n_leaves];

        if (e->n_leaves >= ERRAND_LEAVES_MAX)
                return -ENOSPC;
        *l = (ErrandLeaf) { .ours = leaf->ours, .reason = leaf->reason };
        e->n_leaves++;
        return string_replace(&l->leaf, leaf->leaf) < 0 || string_replace(&l->key_id, leaf->key_id) < 0
                       ? -ENOMEM
                       : 0;
}

Errand *errand_free(Errand *e) {
        if (!e)
                return NULL;
        vl_request_free(e->request);
        acme_client_free(e->client);
        sd_event_source_disable_unref(e->deadline);
        sd_event_source_disable_unref(e->end);
        acme_directory_done(&e->directory);
        strv_free(e->contacts);
        for (size_t i = 0; i < e->n_leaves; i++) {
                free(e->leaves[i].leaf);
                free(e->leaves[i].key_id);
        }
        sd_event_unref(e->event);
        free(e->key_id);
        free(e->jwk);
        free(e->former);
        free(e->refusal);
        free(e->error);
        free(e);
        return NULL;
}
