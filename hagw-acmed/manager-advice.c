/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whoever issued a certificate is asked when to renew it (RFC 9773). Main thread only. */

#include "hagw-acmed/manager.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

static void on_advice(Certificate *c, void *userdata) {
        Manager *m = userdata;

        /* An order that waits for its turn, or was begun, is one all the same. */
        if (c->due_usec > clock_usec(CLOCK_REALTIME))
                c->due_usec = certificate_get_renewal(c);
        (void) store_save(&m->store, c);
        manager_changed(m);
        manager_run(m);
}

static bool certificate_wants_advice(const Certificate *c) {
        return certificate_is_orderable(c) && c->chain && c->renewal_id && !c->ordering &&
               c->revoked_usec == 0;
}

uint64_t manager_ask_advice(Manager *m, Certificate *c, uint64_t now_usec) {
        AuthorityRank rank = settings_find_rank(&m->settings, c->directory);

        if (rank < 0 || !certificate_wants_advice(c) || advice_is_busy(m->advice[rank]))
                return UINT64_MAX;
        if (c->advice_usec > now_usec)
                return c->advice_usec;
        advice_ask(m->advice[rank], c);
        return UINT64_MAX;
}

void manager_forget_advice(Manager *m, const Certificate *c) {
        for (AuthorityRank rank = 0; rank < _AUTHORITY_RANK_MAX; rank++)
                advice_forget(m->advice[rank], c);
}

int manager_new_advice(Manager *m) {
        int r = 0;

        for (AuthorityRank rank = 0; r >= 0 && rank < _AUTHORITY_RANK_MAX; rank++)
                r = advice_new(&m->advice[rank], m->event, on_advice, m);
        return r;
}
