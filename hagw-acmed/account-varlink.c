/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Acme: accounts, and what is revoked. Each call is answered when the certificate authority has
 * answered. Main thread only. */

#include "hagw-acmed/acmed-varlink.h"
#include "hagw-acmed/manager.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Acme.h"

typedef struct Parameters {
        const char *name, *directory;
        int64_t reason;
        bool renew;
} Parameters;

static int refuse(sd_varlink *link, const char *reason) {
        return sd_varlink_errorbo(link, ACME_ERROR_NOT_DONE,
                                  SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(strempty(reason))));
}

static int refuse_job(sd_varlink *link, int error) {
        return error == -EBUSY ? sd_varlink_error(link, ACME_ERROR_TOO_MANY, NULL)
                               : sd_varlink_error_errno(link, error);
}

/* --- the list ------------------------------------------------------------------------------------------ */

static int list_certificates(const Manager *m, const Account *a, sd_json_variant **ret) {
        int r = sd_json_variant_new_array(ret, NULL, 0);

        for (size_t i = 0; r >= 0 && i < m->store.n_certificates; i++) {
                const Certificate *c = m->store.certificates[i];

                if (c->chain && !c->imported && streq_ptr(c->directory, a->directory) &&
                    (!c->account || streq_ptr(c->account, a->url)))
                        r = sd_json_variant_append_arrayb(ret, SD_JSON_BUILD_STRING(c->name));
        }
        return r;
}

static int list_former(const Account *a, sd_json_variant **ret) {
        int r = sd_json_variant_new_array(ret, NULL, 0);

        for (size_t i = 0; r >= 0 && i < a->n_former; i++)
                r = sd_json_variant_append_arrayb(ret, SD_JSON_BUILD_STRING(a->former[i].url));
        return r;
}

static int append_account(const Manager *m, const Account *a, sd_json_variant **list) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *certificates = NULL, *former = NULL;
        int r;

        r = list_certificates(m, a, &certificates);
        if (r >= 0)
                r = list_former(a, &former);
        if (r < 0)
                return r;
        return sd_json_variant_append_arraybo(
                list, SD_JSON_BUILD_PAIR("directory", SD_JSON_BUILD_STRING(a->directory)),
                SD_JSON_BUILD_PAIR("configured", SD_JSON_BUILD_BOOLEAN(
                                                         settings_find_rank(&m->settings, a->directory) >=
                                                         0)),
                JSON_PAIR_IF_SET("accountUri", a->url),
                JSON_PAIR_IF_SET("keyId", a->key_id),
                SD_JSON_BUILD_PAIR("keyIsChanging", SD_JSON_BUILD_BOOLEAN(!!a->next_key_id)),
                JSON_PAIR_IF_SET("contact", a->contact),
                SD_JSON_BUILD_PAIR("certificates", SD_JSON_BUILD_VARIANT(certificates)),
                SD_JSON_BUILD_PAIR("former", SD_JSON_BUILD_VARIANT(former)));
}

static int vl_method_list_accounts(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        Manager *m = userdata;
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t i = 0; r >= 0 && i < m->store.accounts.n; i++)
                r = append_account(m, m->store.accounts.items[i], &list);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("accounts", SD_JSON_BUILD_VARIANT(list)));
}

/* --- accounts ------------------------------------------------------------------------------------------ */

/* Which authority a caller means. */
static const char *directory_of(const Manager *m, const Parameters *p) {
        return p->directory ?: m->settings.authorities[AUTHORITY_FIRST].directory;
}

static int refuse_no_account(sd_varlink *link, const char *directory) {
        return sd_varlink_errorbo(link, ACME_ERROR_NO_SUCH_ACCOUNT,
                                  SD_JSON_BUILD_PAIR("directory", SD_JSON_BUILD_STRING(directory)));
}

static bool account_is_made(const Account *a) {
        return a && a->url && a->key_id;
}

static const char *account_state(const ErrandResult *result) {
        if (result->status >= 0)
                return acme_status_to_string(result->status);
        return result->unknown                        ? "unknown"
               : result->outcome == OUTCOME_REFUSED ? "refused"
                                                    : "unreachable";
}

static int reply_state(sd_varlink *link, const char *state, const char *why, char *const *contacts) {
        static char *const none[] = { NULL };

        return sd_varlink_replybo(
                link, SD_JSON_BUILD_PAIR("state", SD_JSON_BUILD_STRING(state)),
                JSON_PAIR_IF_SET("why", why),
                SD_JSON_BUILD_PAIR("contacts", SD_JSON_BUILD_STRV((char **) (contacts ?: none))));
}

static void on_looked(Manager *m, const Job *j, const ErrandResult *result) {
        (void) reply_state(j->link, account_state(result), result->error, result->contacts);
}

static int vl_method_look_at_account(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        Manager *m = userdata;
        const char *directory = directory_of(m, parameters);
        int r;

        if (!account_is_made(accounts_find(&m->store.accounts, directory)))
                return reply_state(link, "none", /* why= */ NULL, /* contacts= */ NULL);
        r = manager_add_job(m, ERRAND_LOOK, directory, NULL, link, on_looked);
        if (r < 0)
                return refuse_job(link, r);
        manager_run(m);
        return 0;
}

static void on_new(Manager *m, const Job *j, const ErrandResult *result) {
        const Account *a = accounts_find(&m->store.accounts, j->directory);

        if (result->outcome != OUTCOME_DONE || !a || !a->url) {
                (void) refuse(j->link, result->error);
                return;
        }
        log_notice("Certificates are ordered by the account %s from now on.", a->url);
        manager_forgive(m);
        (void) sd_varlink_replybo(
                j->link, SD_JSON_BUILD_PAIR("accountUri", SD_JSON_BUILD_STRING(a->url)),
                JSON_PAIR_IF_SET("former", result->former),
                SD_JSON_BUILD_PAIR("deactivated", SD_JSON_BUILD_BOOLEAN(result->deactivated)),
                SD_JSON_BUILD_PAIR("pending", SD_JSON_BUILD_BOOLEAN(a->n_former > 0)),
                JSON_PAIR_IF_SET("why", result->error));
}

static int vl_method_new_account(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        Manager *m = userdata;
        const char *directory = directory_of(m, parameters);
        int r;

        /* Elsewhere none is needed, but one that there is may have to be replaced. */
        if (settings_find_rank(&m->settings, directory) < 0 &&
            !account_is_made(accounts_find(&m->store.accounts, directory)))
                return refuse_no_account(link, directory);
        r = manager_add_job(m, ERRAND_NEW, directory, NULL, link, on_new);
        if (r < 0)
                return refuse_job(link, r);
        manager_run(m);
        return 0;
}

static void on_changed(Manager *m, const Job *j, const ErrandResult *result) {
        const Account *a = accounts_find(&m->store.accounts, j->directory);

        if (result->outcome != OUTCOME_DONE || !account_is_made(a)) {
                (void) refuse(j->link, result->error);
                return;
        }
        log_notice("The account %s has another key.", a->url);
        (void) sd_varlink_replybo(j->link, SD_JSON_BUILD_PAIR("accountUri", SD_JSON_BUILD_STRING(a->url)),
                                  SD_JSON_BUILD_PAIR("keyId", SD_JSON_BUILD_STRING(a->key_id)));
}

static int vl_method_change_account_key(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        Manager *m = userdata;
        const char *directory = directory_of(m, parameters);
        int r;

        if (!account_is_made(accounts_find(&m->store.accounts, directory)))
                return refuse_no_account(link, directory);
        r = manager_add_job(m, ERRAND_CHANGE_KEY, directory, NULL, link, on_changed);
        if (r < 0)
                return refuse_job(link, r);
        manager_run(m);
        return 0;
}

/* --- revocation ---------------------------------------------------------------------------------------- */

static unsigned count_revoking(const Certificate *c) {
        unsigned n = c && c->revoke != REVOKE_NONE;

        for (size_t i = 0; c && i < c->formers.n; i++)
                n += c->formers.items[i].revoke != REVOKE_NONE;
        return n;
}

static void on_revoked(Manager *m, const Job *j, const ErrandResult *result) {
        const Certificate *c = store_find(&m->store, j->name);
        unsigned before = count_revoking(c), pending;
        const char *why = j->reason ?: result->error;

        if (manager_end_revocation(m, j, result))
                return;
        pending = count_revoking(c);
        (void) sd_varlink_replybo(
                j->link, SD_JSON_BUILD_PAIR("revoked", SD_JSON_BUILD_UNSIGNED(j->outcomes[OUTCOME_DONE])),
                SD_JSON_BUILD_PAIR("refused", SD_JSON_BUILD_UNSIGNED(j->outcomes[OUTCOME_REFUSED] + before -
                                                                     pending)),
                SD_JSON_BUILD_PAIR("pending", SD_JSON_BUILD_UNSIGNED(pending)),
                JSON_PAIR_IF_SET("why", why),
                SD_JSON_BUILD_PAIR("ordered", SD_JSON_BUILD_BOOLEAN(j->renew && c &&
                                                                    certificate_is_orderable(c))));
}

static int vl_method_revoke(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const Parameters *p = parameters;
        Manager *m = userdata;
        Certificate *c;
        int r;

        if (p->reason < 0 || p->reason == 2 || p->reason > 5)
                return sd_varlink_error_invalid_parameter_name(link, "reason");
        c = store_find_any(&m->store, p->name);
        if (!c)
                return sd_varlink_errorbo(link, ACME_ERROR_NO_SUCH_CERTIFICATE,
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(p->name)));
        r = manager_revoke(m, c, (int) p->reason, p->renew, link, on_revoked);
        return r < 0 ? refuse_job(link, r) : 0;
}

#define DIRECTORY \
        VL_PARAMETERS(Parameters, FIELD_STRING("directory", Parameters, directory, SD_JSON_NULLABLE))

const VlMethod account_methods[] = {
        { "io.hagw.Acme.ListAccounts", VL_PEER_ROOT, vl_method_list_accounts },
        { "io.hagw.Acme.LookAtAccount", VL_PEER_ROOT, vl_method_look_at_account, DIRECTORY },
        { "io.hagw.Acme.NewAccount", VL_PEER_ROOT, vl_method_new_account, DIRECTORY },
        { "io.hagw.Acme.ChangeAccountKey", VL_PEER_ROOT, vl_method_change_account_key, DIRECTORY },
        { "io.hagw.Acme.Revoke", VL_PEER_ROOT, vl_method_revoke,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("name", Parameters, name),
                        FIELD_INT64("reason", Parameters, reason),
                        FIELD_BOOL("renew", Parameters, renew)) },
        {},
};
