/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What there is to do: by configuration, by import, and by hand. Main thread only. */

#include "hagw-acmed/manager.h"
#include "hagw-acmed/retire.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/pure/strv.h"
#include "libhagw/usec.h"

static bool names_equal(char *const *a, char *const *b) {
        for (; *a && *b; a++, b++)
                if (!streq(*a, *b))
                        return false;
        return !*a && !*b;
}

/* A certificate the configuration asks for: the one we have, or a new one that is due at once. */
static int manager_want(Manager *m, const Want *w, uint64_t now_usec) {
        _cleanup_(certificate_freep) Certificate *new = NULL;
        Certificate *c = store_find(&m->store, w->names[0]);
        int r;

        if (!c) {
                r = certificate_new(w->names[0], w->names, &new);
                if (r >= 0)
                        r = store_add(&m->store, new);
                if (r < 0)
                        return r;
                c = TAKE_PTR(new);
                c->due_usec = now_usec;
        }
        c->wanted = true;
        if (c->imported)
                return 0;
        c->way = w->way;
        c->caa_usec = w->caa_usec;
        c->caa_shared = w->caa_shared;
        c->error = w->way == PROOF_NONE ? "A wildcard outside all zones cannot be proven to a certificate "
                                          "authority; import one"
                                        : NULL;
        if (w->way == PROOF_NONE) {
                c->due_usec = UINT64_MAX;
                return 0;
        }
        /* Other names than in the last chain, another authority: a new one at once. How it went with others
         * is forgotten with the names; with an authority, only by a success. */
        if (c->chain && !manager_is_issuer(m, c))
                c->due_usec = MIN(c->due_usec, now_usec);
        if (!names_equal(c->names, w->names)) {
                if (c == m->issuing)
                        manager_cancel_issuance(m);
                tries_list_done(&c->tries);
                strv_free(c->names);
                c->names = strv_copy(w->names);
                if (!c->names)
                        return -ENOMEM;
                c->due_usec = now_usec;
        }
        if (c->due_usec == UINT64_MAX)
                c->due_usec = c->chain ? certificate_get_renewal(c) : now_usec;
        return tries_list_rank(&c->tries, &m->settings);
}

static int manager_apply_plan(Manager *m, const Config *config) {
        uint64_t now_usec = clock_usec(CLOCK_REALTIME);
        Want *wants;
        size_t n;
        int r;

        r = plan_make(config, &wants, &n);
        if (r < 0)
                return r;
        plan_free(m->wants, m->n_wants);
        m->wants = wants;
        m->n_wants = n;
        for (size_t i = 0; i < m->store.n_certificates; i++)
                m->store.certificates[i]->wanted = false;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = manager_want(m, &wants[i], now_usec);
        for (size_t i = 0; i < m->store.n_certificates; i++)
                if (!m->store.certificates[i]->wanted)
                        m->store.certificates[i]->due_usec = UINT64_MAX;
        return r;
}

void manager_forgive(Manager *m) {
        for (size_t i = 0; i < m->store.n_certificates; i++)
                tries_list_forgive(&m->store.certificates[i]->tries);
}

static int manager_configure_advice(Manager *m, const Settings *settings) {
        for (AuthorityRank rank = 0; rank < _AUTHORITY_RANK_MAX; rank++) {
                const Authority *a = &settings->authorities[rank];
                int r = a->directory ? advice_set_directory(m->advice[rank], a->directory, a->ca_file) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

int manager_reload(const Config *config, void *userdata) {
        _cleanup_(settings_done) Settings settings = {};
        Manager *m = userdata;
        int r;

        r = settings_copy(config, &settings);
        if (r < 0)
                return r;
        if (!settings_equal(&settings, &m->settings)) {
                manager_cancel_issuance(m);
                manager_cancel_errand(m);
                r = manager_configure_advice(m, &settings);
                if (r < 0)
                        return r;
                Settings old = m->settings;
                m->settings = settings;
                settings = old;
                /* After a start there was nothing to be corrected. */
                if (settings.authorities[AUTHORITY_FIRST].directory)
                        manager_forgive(m);
        }
        m->settings.caa_others = settings.caa_others;
        manager_tell_accounts(m);
        r = manager_apply_plan(m, config);
        if (m->issuing && !m->issuing->wanted) {
                manager_cancel_issuance(m);
                manager_changed(m);
        }
        manager_changed(m);
        manager_run(m);
        return r;
}

void manager_retry(Manager *m) {
        size_t failed = 0;

        for (size_t i = 0; i < m->store.n_certificates; i++)
                failed += tries_list_failures(&m->store.certificates[i]->tries) > 0;
        /* Else the next failure would be told as the first one was. */
        if (failed > 0)
                log_info("A person asks for what failed (%zu %s): it is tried at once, and counted anew.",
                         failed, PLURAL(failed, "certificate"));
        manager_forgive(m);
        manager_changed(m);
        manager_run(m);
}

int manager_renew(Manager *m, Certificate *c, bool force) {
        uint64_t now_usec = clock_usec(CLOCK_REALTIME);

        if (c->ordering)
                return -EBUSY;
        if (!certificate_is_orderable(c))
                return -EOPNOTSUPP;
        if (!force && manager_get_limit(m, c, AUTHORITY_FIRST, now_usec) > 0)
                return -EAGAIN;
        manager_set_limit(m, c, AUTHORITY_FIRST, 0, now_usec);
        c->due_usec = 0; /* before whatever else is due */
        tries_list_hurry(&c->tries);
        manager_run(m);
        return 0;
}

/* A key of an earlier try was there when the other one was lost, too. */
static void manager_drop_pending(Manager *m, Certificate *c) {
        if (c == m->issuing)
                manager_cancel_issuance(m);
        if (c->pending_key_id)
                (void) store_retire(&m->store, c->pending_key_id, clock_usec(CLOCK_REALTIME));
        (void) string_replace(&c->pending_key_id, NULL);
        for (size_t i = 0; i < c->tries.n; i++)
                (void) string_replace(&c->tries.items[i].order_url, NULL);
}

int manager_revoke(Manager *m, Certificate *c, int reason, bool renew, sd_varlink *link, JobHandler done) {
        int r;

        if (m->n_jobs >= MANAGER_JOBS_MAX)
                return -EBUSY;
        certificate_want_revoked(c, reason, clock_usec(CLOCK_REALTIME));
        r = manager_add_job(m, ERRAND_REVOKE, manager_find_revoking(m, c, NULL), c->name, link, done);
        if (r < 0)
                return r;
        m->jobs[m->n_jobs - 1]->renew = renew;
        manager_drop_pending(m, c);
        if (renew && certificate_is_orderable(c)) {
                c->due_usec = 0; /* before whatever else is due */
                tries_list_hurry(&c->tries);
        }
        (void) store_save(&m->store, c);
        manager_run(m);
        return 0;
}

int manager_import(Manager *m, const char *chain, const char *key_id, Certificate **ret) {
        static char *const no_names[] = { NULL };
        _cleanup_(certificate_freep) Certificate *new = NULL;
        _cleanup_free_ char *old_key = NULL;
        uint64_t now_usec = clock_usec(CLOCK_REALTIME);
        Certificate *c;
        int r;

        r = certificate_new("", no_names, &new);
        if (r >= 0)
                r = certificate_set_chain(new, chain, key_id, now_usec);
        if (r >= 0)
                r = string_replace(&new->name, new->names[0]);
        if (r < 0)
                return r;
        new->imported = true;
        c = store_find(&m->store, new->name);
        if (c == m->issuing)
                manager_cancel_issuance(m);
        new->wanted = c && c->wanted;
        if (c)
                r = certificate_hand_over(c, new, now_usec);
        if (r < 0)
                return r;
        if (!c)
                r = store_add(&m->store, new);
        if (r < 0)
                return r;
        r = store_save(&m->store, new);
        if (r < 0) {
                if (!c)
                        m->store.n_certificates--;
                return r;
        }
        if (c) {
                manager_forget_advice(m, c);
                if (c->key_id && !streq(c->key_id, key_id))
                        (void) store_retire(&m->store, c->key_id, now_usec + RETIRE_GRACE_USEC);
                for (size_t i = 0; i < m->store.n_certificates; i++)
                        if (m->store.certificates[i] == c)
                                m->store.certificates[i] = new;
                certificate_free(c);
        }
        *ret = TAKE_PTR(new);
        manager_run(m);
        manager_changed(m);
        return 0;
}

int manager_remove(Manager *m, Certificate *c) {
        _cleanup_free_ char *name = strdup(c->name);
        int r;

        if (!name)
                return -ENOMEM;
        if (c->wanted && !c->imported)
                return -EBUSY;
        manager_forget_advice(m, c);
        if (c->key_id)
                (void) store_retire(&m->store, c->key_id, clock_usec(CLOCK_REALTIME) + RETIRE_GRACE_USEC);
        if (c->pending_key_id)
                (void) store_retire(&m->store, c->pending_key_id, clock_usec(CLOCK_REALTIME));
        manager_changed(m);
        r = store_remove(&m->store, c);
        /* An imported one stood where the configuration wants one: it is ordered now. */
        for (size_t i = 0; r >= 0 && i < m->n_wants; i++)
                if (streq(m->wants[i].names[0], name))
                        r = manager_want(m, &m->wants[i], clock_usec(CLOCK_REALTIME));
        return r;
}
