/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whoever was asked to wait waits (RFC 8555 section 6.6). Main thread only. */

#include "hagw-acmed/manager.h"
#include "hagw-acmed/schedule.h"

uint64_t manager_get_limit(const Manager *m, const Certificate *c, AuthorityRank rank, uint64_t now_usec) {
        const char *directory = m->settings.authorities[rank].directory;
        const Account *account = accounts_find(&m->store.accounts, directory);
        uint64_t until_usec = limits_get(&m->store.limits, directory, account ? account->url : NULL,
                                         c->names);

        return until_usec > now_usec ? until_usec : 0;
}

void manager_set_limit(Manager *m, const Certificate *c, AuthorityRank rank, uint64_t wait_usec,
                       uint64_t now_usec) {
        const char *directory = m->settings.authorities[rank].directory;
        const Account *account = accounts_find(&m->store.accounts, directory);
        int r;

        r = limits_set(&m->store.limits, directory, account ? account->url : NULL, c->names,
                       wait_usec > 0 ? now_usec + MIN(wait_usec, SCHEDULE_LIMIT_MAX_USEC) : 0, now_usec);
        if (r > 0)
                (void) store_save_limits(&m->store);
}

void manager_hold(const Manager *m, Certificate *c, uint64_t now_usec) {
        for (AuthorityRank rank = 0; rank < _AUTHORITY_RANK_MAX; rank++) {
                Tries *t = tries_list_find(&c->tries, rank);

                if (t)
                        t->next_usec = MAX(t->next_usec, manager_get_limit(m, c, rank, now_usec));
        }
}
