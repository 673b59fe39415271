/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errands at certificate authorities: one after the other, those that somebody waits for before those that
 * are due by themselves. Main thread only. */

#include <sys/random.h>

#include "hagw-acmed/chain.h"
#include "hagw-acmed/errand.h"
#include "hagw-acmed/manager.h"
#include "hagw-acmed/schedule.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

static Job *job_free(Job *j) {
        if (!j)
                return NULL;
        sd_varlink_unref(j->link);
        free(j->directory);
        free(j->name);
        free(j->reason);
        free(j);
        return NULL;
}
DEFINE_TRIVIAL_CLEANUP_FUNC(Job *, job_free)

int manager_add_job(Manager *m, ErrandKind kind, const char *directory, const char *name, sd_varlink *link,
                    JobHandler done) {
        _cleanup_(job_freep) Job *j = NULL;

        if (m->n_jobs >= MANAGER_JOBS_MAX)
                return -EBUSY;
        j = calloc(1, sizeof(*j));
        if (!j || string_replace(&j->directory, directory) < 0 || string_replace(&j->name, name) < 0)
                return -ENOMEM;
        j->kind = kind;
        j->done = done;
        j->link = link ? sd_varlink_ref(link) : NULL;
        m->jobs[m->n_jobs++] = TAKE_PTR(j);
        return 0;
}

static bool job_changes_account(const Job *j) {
        return j->kind == ERRAND_SETTLE || j->kind == ERRAND_NEW || j->kind == ERRAND_CHANGE_KEY;
}

bool manager_may_order(const Manager *m) {
        return m->n_jobs == 0 || !job_changes_account(m->jobs[0]);
}

/* --- one errand ---------------------------------------------------------------------------------------- */

static int on_account(void *userdata) {
        Manager *m = userdata;
        int r = store_save_accounts(&m->store);

        manager_tell_accounts(m);
        return r;
}

static void on_spare_key(const char *key_id, void *userdata) {
        Manager *m = userdata;

        (void) store_retire(&m->store, key_id, clock_usec(CLOCK_REALTIME));
}

static bool certificate_has_leaf(const Certificate *c, const char *leaf) {
        _cleanup_free_ char *own = NULL;

        return c->chain && chain_get_leaf(c->chain, &own) >= 0 && streq(own, leaf);
}

static void certificate_take_outcome(Certificate *c, const char *leaf, ErrandOutcome outcome) {
        Former *former = formers_find(&c->formers, leaf);

        if (former && outcome == OUTCOME_DONE)
                formers_remove(&c->formers, (size_t) (former - c->formers.items));
        else if (former && outcome == OUTCOME_REFUSED)
                former->revoke = REVOKE_NONE;
        if (!certificate_has_leaf(c, leaf) || outcome == OUTCOME_FAILED)
                return;
        c->revoke = REVOKE_NONE;
        if (outcome == OUTCOME_DONE)
                c->revoked_usec = clock_usec(CLOCK_REALTIME);
}

static void on_revoked(const char *leaf, ErrandOutcome outcome, const char *reason, void *userdata) {
        Manager *m = userdata;
        Job *j = m->jobs[0];
        Certificate *c = store_find(&m->store, j->name);

        j->outcomes[outcome]++;
        if (reason)
                (void) string_replace(&j->reason, reason);
        if (outcome == OUTCOME_DONE)
                log_notice("A certificate for %s is revoked.", j->name);
        else
                log_warning("A certificate for %s could not be revoked%s: %s", j->name,
                            outcome == OUTCOME_FAILED ? " yet" : "", strempty(reason));
        if (!c)
                return;
        certificate_take_outcome(c, leaf, outcome);
        (void) store_save(&m->store, c);
        manager_changed(m);
}

static void on_end(const ErrandResult *result, void *userdata) {
        _cleanup_(job_freep) Job *j = NULL;
        Manager *m = userdata;

        j = m->jobs[0];
        memmove(m->jobs, m->jobs + 1, --m->n_jobs * sizeof(*m->jobs));
        j->done(m, j, result);
        m->errand = errand_free(m->errand);
        manager_run(m);
}

/* Certificates that nobody noted the issuer of are the first authority's. */
static const char *leaf_directory(const Manager *m, const char *directory) {
        return directory ?: m->settings.authorities[AUTHORITY_FIRST].directory;
}

static int manager_give_leaves(const Manager *m, Errand *e, const Certificate *c, const Job *j,
                               const Account *account) {
        const bool ours = !c->imported && streq_ptr(c->account, account->url);
        _cleanup_free_ char *leaf = NULL;
        int r = 0;

        if (c->revoke != REVOKE_NONE && streq(leaf_directory(m, c->directory), j->directory)) {
                r = chain_get_leaf(c->chain, &leaf);
                if (r >= 0)
                        r = errand_add_leaf(e, &(ErrandLeaf) { leaf, c->key_id, ours, c->revoke });
        }
        for (size_t i = 0; r >= 0 && i < c->formers.n; i++) {
                const Former *f = &c->formers.items[i];

                if (f->revoke != REVOKE_NONE && streq(leaf_directory(m, f->directory), j->directory))
                        r = errand_add_leaf(e, &(ErrandLeaf) { f->leaf, f->key_id,
                                                               streq_ptr(f->account, account->url),
                                                               f->revoke });
        }
        return r;
}

static int manager_start_errand(Manager *m, const Job *j) {
        static const ErrandHandlers handlers = { on_account, on_spare_key, on_revoked, on_end };
        const Certificate *c = j->name ? store_find(&m->store, j->name) : NULL;
        Account *account;
        int r;

        if (job_changes_account(j))
                manager_cancel_issuance(m);
        r = accounts_get(&m->store.accounts, j->directory, &account);
        if (r >= 0)
                r = errand_new(&m->errand, m->event, j->kind, &m->settings, account,
                               accounts_is_empty(&m->store.accounts) && !m->settings.caa_others, &handlers,
                               m);
        if (r >= 0 && c)
                r = manager_give_leaves(m, m->errand, c, j, account);
        return r < 0 ? r : errand_start(m->errand);
}

void manager_cancel_errand(Manager *m) {
        m->errand = errand_free(m->errand);
}

void manager_free_jobs(Manager *m) {
        manager_cancel_errand(m);
        while (m->n_jobs > 0)
                job_free(m->jobs[--m->n_jobs]);
}

/* --- those that nobody waits for ----------------------------------------------------------------------- */

/* Again in half a minute, later more and more seldom. */
static uint64_t retry_usec(unsigned *failures) {
        uint64_t random = 0;

        (void) !getrandom(&random, sizeof(random), 0);
        return schedule_retry(clock_usec(CLOCK_REALTIME), ++*failures, RETRY_TROUBLE, 0, /* life_usec= */ 0,
                              random);
}

static void on_former_done(Manager *m, const Job *j, const ErrandResult *result) {
        Account *a = accounts_find(&m->store.accounts, j->directory);

        if (a && result->outcome != OUTCOME_DONE) {
                a->former_next_usec = retry_usec(&a->former_failures);
                log_warning("A former account at %s could not be deactivated yet: %s", a->directory,
                            strempty(result->error));
        }
}

const char *manager_find_revoking(const Manager *m, const Certificate *c, const char *after) {
        const char *found = NULL;

        for (size_t i = 0; i <= c->formers.n; i++) {
                const Former *f = i < c->formers.n ? &c->formers.items[i] : NULL;
                const char *directory = leaf_directory(m, f ? f->directory : c->directory);

                if ((f ? f->revoke : c->revoke) != REVOKE_NONE && (!after || strcmp(directory, after) > 0) &&
                    (!found || strcmp(directory, found) < 0))
                        found = directory;
        }
        return found ?: after ? found : leaf_directory(m, c->directory);
}

/* The same call goes on at the next authority that has issued any of them. */
static bool manager_go_on_revoking(Manager *m, const Job *j, const Certificate *c) {
        const char *directory = manager_find_revoking(m, c, j->directory);
        Job *next;

        if (!directory || manager_add_job(m, ERRAND_REVOKE, directory, j->name, j->link, j->done) < 0)
                return false;
        next = m->jobs[m->n_jobs - 1];
        next->renew = j->renew;
        memcpy(next->outcomes, j->outcomes, sizeof(next->outcomes));
        (void) string_replace(&next->reason, j->reason);
        return true;
}

bool manager_end_revocation(Manager *m, const Job *j, const ErrandResult *result) {
        Certificate *c = store_find(&m->store, j->name);

        if (!c || !certificate_is_revoking(c))
                return false;
        if (result->outcome == OUTCOME_REFUSED) {
                certificate_give_up_revoking(c, j->directory);
                (void) store_save(&m->store, c);
        }
        if (manager_go_on_revoking(m, j, c))
                return true;
        if (certificate_is_revoking(c))
                c->revoke_next_usec = retry_usec(&c->revoke_failures);
        return false;
}

static void on_revoke_done(Manager *m, const Job *j, const ErrandResult *result) {
        if (result->outcome != OUTCOME_DONE)
                log_warning("The certificates of %s could not be revoked: %s", j->name,
                            strempty(result->error));
        (void) manager_end_revocation(m, j, result);
}

/* What lies further ahead than any retry was noted while the clock was wrong. */
static bool is_due(uint64_t usec, uint64_t now_usec) {
        return usec <= now_usec || usec > now_usec + SCHEDULE_RETRY_MAX_USEC;
}

/* One at a time: who waits comes next. Returns when another one is due. */
static uint64_t manager_add_due_job(Manager *m, uint64_t now_usec) {
        uint64_t next = UINT64_MAX;

        for (size_t i = 0; i < m->store.accounts.n && m->n_jobs == 0; i++) {
                const Account *a = m->store.accounts.items[i];

                if (a->n_former > 0 && is_due(a->former_next_usec, now_usec))
                        (void) manager_add_job(m, ERRAND_DEACTIVATE, a->directory, NULL, NULL,
                                               on_former_done);
                else if (a->n_former > 0)
                        next = MIN(next, a->former_next_usec);
        }
        for (size_t i = 0; i < m->store.n_certificates && m->n_jobs == 0; i++) {
                const Certificate *c = m->store.certificates[i];
                const bool revoking = certificate_is_revoking(c);

                if (revoking && is_due(c->revoke_next_usec, now_usec))
                        (void) manager_add_job(m, ERRAND_REVOKE,
                                               manager_find_revoking(m, c, NULL), c->name, NULL,
                                               on_revoke_done);
                else if (revoking)
                        next = MIN(next, c->revoke_next_usec);
        }
        return next;
}

uint64_t manager_run_errands(Manager *m, uint64_t now_usec) {
        uint64_t next = UINT64_MAX;
        int r;

        if (m->errand)
                return next;
        if (m->n_jobs == 0)
                next = manager_add_due_job(m, now_usec);
        if (m->n_jobs == 0)
                return next;
        r = manager_start_errand(m, m->jobs[0]);
        if (r < 0)
                on_end(&(ErrandResult) { .outcome = OUTCOME_FAILED, .error = strerror(-r) }, m);
        return next;
}

/* --- a change of the account's key that was broken off ------------------------------------------------- */

static void on_settled(Manager *m, const Job *j, const ErrandResult *result) {
        if (result->outcome != OUTCOME_DONE)
                manager_fail_due(m, j->directory, result->error);
}

bool manager_settle_account(Manager *m, AuthorityRank rank) {
        const Account *a = accounts_find(&m->store.accounts, m->settings.authorities[rank].directory);

        if (!a || !a->next_key_id)
                return true;
        if (m->n_jobs == 0)
                (void) manager_add_job(m, ERRAND_SETTLE, a->directory, NULL, NULL, on_settled);
        return false;
}
