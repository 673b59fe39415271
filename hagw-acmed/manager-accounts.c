/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whoever writes CAA records for our names is told our accounts (RFC 8657): hagw-dnsd, which asks for them,
 * and the relay, through hagw-proxyd. Main thread only. */

#include "hagw-acmed/manager.h"
#include "libhagw/log.h"

int manager_accounts_to_json(Manager *m, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        const Accounts *accounts = &m->store.accounts;
        bool unnamed = false;
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        /* Those at authorities that are not asked any more may not order any more. */
        for (AuthorityRank rank = 0; r >= 0 && rank < _AUTHORITY_RANK_MAX; rank++) {
                const Account *a = accounts_find(accounts, m->settings.authorities[rank].directory);

                if (!a || !a->url)
                        continue;
                if (!*strempty(a->issuer))
                        unnamed = true;
                else
                        r = sd_json_variant_append_arraybo(
                                &list, SD_JSON_BUILD_PAIR("issuer", SD_JSON_BUILD_STRING(a->issuer)),
                                SD_JSON_BUILD_PAIR("accountUri", SD_JSON_BUILD_STRING(a->url)));
        }
        if (r < 0)
                return r;
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("accounts", SD_JSON_BUILD_VARIANT(list)),
                              SD_JSON_BUILD_PAIR("unnamed", SD_JSON_BUILD_BOOLEAN(unnamed)));
}

/* The relay lists one account for each house, the one that has ordered last: until there is an order, the
 * one that the next order will most likely be from. */
static int tell_relay(Manager *m) {
        const Account *a = accounts_find(&m->store.accounts,
                                         m->settings.authorities[AUTHORITY_FIRST].directory);

        return relay_account_set(m->relay_account, m->settings.relay_zone, a ? a->issuer : NULL,
                                 a ? a->url : NULL);
}

void manager_tell_dns(Manager *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = manager_accounts_to_json(m, &v);
        if (r < 0) {
                (void) log_warning_errno(r, "Could not tell hagw-dnsd our accounts: %m");
                return;
        }
        if (m->accounts_told && sd_json_variant_equal(m->accounts_told, v))
                return;
        vl_stream_send(&m->account_watchers, v);
        sd_json_variant_unref(m->accounts_told);
        m->accounts_told = TAKE_PTR(v);
}

void manager_tell_accounts(Manager *m) {
        int r;

        r = tell_relay(m);
        if (r < 0)
                (void) log_warning_errno(r, "Could not tell the relay our account: %m");
        manager_tell_dns(m);
}
