/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is due, and when. Main thread only. */

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "hagw-acmed/challenge.h"
#include "hagw-acmed/client.h"
#include "hagw-acmed/manager.h"
#include "hagw-acmed/schedule.h"
#include "hagw-acmed/shout.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/statefault.h"
#include "libhagw/usec.h"

#define SHOUT_USEC USEC_PER_DAY               /* the same alarm again */
#define CLOCK_BEHIND_USEC USEC_PER_DAY
#define HEARTBEAT_USEC (5 * USEC_PER_MINUTE)
#define TIMER_MAX_USEC (6 * USEC_PER_HOUR)    /* looks at everything at least that often */
#define KEEP_UNWANTED_USEC (7 * USEC_PER_DAY) /* after its end */

static uint64_t random_u64(void) {
        uint64_t v = 0;

        (void) !getrandom(&v, sizeof(v), 0);
        return v;
}

/* --- telling ------------------------------------------------------------------------------------------- */

int manager_certificate_to_json(const Manager *m, const Certificate *c, sd_json_variant **ret) {
        return certificate_to_json(
                c, manager_get_limit(m, c, AUTHORITY_FIRST, clock_usec(CLOCK_REALTIME)), ret);
}

int manager_to_json(const Manager *m, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t i = 0; r >= 0 && i < m->store.n_certificates; i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

                r = manager_certificate_to_json(m, m->store.certificates[i], &v);
                if (r >= 0)
                        r = sd_json_variant_append_array(&list, v);
        }
        if (r < 0)
                return r;
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("certificates", SD_JSON_BUILD_VARIANT(list)),
                              SD_JSON_BUILD_PAIR_CONDITION(acme_client_get_clock_difference() != 0,
                                                           "clockDifferenceUSec",
                                                           SD_JSON_BUILD_INTEGER(
                                                                   acme_client_get_clock_difference())),
                              SD_JSON_BUILD_PAIR("broken", SD_JSON_BUILD_STRV((char **) m->store.broken)));
}

static void manager_update_status(Manager *m) {
        size_t counts[_CERTIFICATE_STATE_MAX] = {}, failing = 0;

        for (size_t i = 0; i < m->store.n_certificates; i++) {
                counts[m->store.certificates[i]->state]++;
                failing += m->store.certificates[i]->wanted &&
                           tries_list_failures(&m->store.certificates[i]->tries) > 0;
        }
        daemon_set_status(m->daemon,
                          "%zu %s, %zu valid, %zu not obtained yet, %zu expiring, %zu expired, %zu without "
                          "a key; %zu failed at the last try; %zu former %s, kept for a day%s%s",
                          m->store.n_certificates, PLURAL(m->store.n_certificates, "certificate"),
                          counts[CERTIFICATE_VALID],
                          counts[CERTIFICATE_WAITING] + counts[CERTIFICATE_ORDERING] +
                                  counts[CERTIFICATE_FAILED],
                          counts[CERTIFICATE_EXPIRING], counts[CERTIFICATE_EXPIRED],
                          counts[CERTIFICATE_KEYLESS], failing,
                          m->store.n_retired, PLURAL(m->store.n_retired, "key"),
                          m->issuance ? "; ordering " : "", m->issuance ? m->issuing->name : "");
}

static int on_changed(sd_event_source *s, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Manager *m = userdata;

        manager_update_status(m);
        if (manager_to_json(m, &v) >= 0)
                vl_stream_send(&m->watchers, v);
        return 0;
}

void manager_changed(Manager *m) {
        (void) sd_event_source_set_enabled(m->changed, SD_EVENT_ONESHOT);
}

/* --- orders -------------------------------------------------------------------------------------------- */

static int on_account(void *userdata) {
        Manager *m = userdata;

        manager_tell_dns(m);
        return store_save_accounts(&m->store);
}

static int on_key(const char *key_id, void *userdata) {
        Manager *m = userdata;
        Certificate *c = m->issuing;
        int r;

        if (streq_ptr(c->pending_key_id, key_id))
                return 0;
        if (c->pending_key_id)
                (void) store_retire(&m->store, c->pending_key_id, clock_usec(CLOCK_REALTIME));
        r = string_replace(&c->pending_key_id, key_id);
        return r < 0 ? r : store_save(&m->store, c);
}

static const Authority *manager_get_authority(const Manager *m, AuthorityRank rank) {
        return &m->settings.authorities[rank];
}

static int certificate_succeed(Manager *m, Certificate *c, const IssuanceResult *result, uint64_t now_usec) {
        const Authority *authority = manager_get_authority(m, m->issuing_rank);
        _cleanup_free_ char *old_key = c->key_id ? strdup(c->key_id) : NULL;
        Account *account = NULL;
        char left[SPAN_TEXT_MAX];
        int r;

        r = accounts_get(&m->store.accounts, authority->directory, &account);
        if (r >= 0)
                r = certificate_renew_chain(c, result->chain, result->key_id, now_usec);
        if (r < 0)
                return r;
        (void) string_replace(&c->directory, authority->directory);
        (void) string_replace(&c->account, account ? account->url : NULL);
        (void) string_replace(&c->pending_key_id, NULL);
        tries_list_succeed(&c->tries);
        manager_set_limit(m, c, m->issuing_rank, 0, now_usec);
        c->imported = false;
        c->due_usec = certificate_get_renewal(c);
        r = store_save(&m->store, c);
        if (r < 0)
                return r;
        if (old_key && !streq(old_key, c->key_id))
                (void) store_retire(&m->store, old_key,
                                    now_usec + MIN(RETIRE_GRACE_USEC, certificate_get_life(c)));
        log_info("The certificate for %s was obtained%s%s; it is renewed in %s.", c->name,
                 m->issuing_rank == AUTHORITY_FALLBACK ? " from the fallback, " : "",
                 m->issuing_rank == AUTHORITY_FALLBACK ? authority->directory : "",
                 span_format(MAX(c->due_usec, now_usec) - now_usec, left));
        return 0;
}

static RetryKind failure_retry(OrderFailure f) {
        return f == FAILURE_LOCAL || f == FAILURE_UNREADY ? RETRY_LOCAL
               : f == FAILURE_TROUBLE                     ? RETRY_TROUBLE
                                                          : RETRY_REFUSED;
}

static void certificate_fail(Manager *m, Certificate *c, const IssuanceResult *result, uint64_t now_usec) {
        const uint64_t retry_after_usec = result->retry_after_usec;
        Tries *t = tries_list_find(&c->tries, m->issuing_rank);
        const char *error = strempty(result->error);
        char wait[SPAN_TEXT_MAX];

        tries_fail(t, failure_retry(result->failure), retry_after_usec, certificate_get_life(c), now_usec,
                   random_u64());
        t->unready = result->failure == FAILURE_UNREADY;
        t->unreached_usec = result->unreached ? now_usec : 0;
        (void) tries_set_error(t, error);
        if (retry_after_usec > 0)
                manager_set_limit(m, c, m->issuing_rank, retry_after_usec, now_usec);
        (void) store_save(&m->store, c);
        log_warning("No certificate for %s%s%s at try %u: %s. The next try is in %s.", c->name,
                    m->issuing_rank == AUTHORITY_FALLBACK ? " from the fallback, " : "",
                    m->issuing_rank == AUTHORITY_FALLBACK ? t->directory : "", t->failures, error,
                    span_format(t->next_usec - now_usec, wait));
}

/* No failure: it comes back to the same order when the authority says. */
static void certificate_wait(Manager *m, Certificate *c, const IssuanceResult *result, uint64_t now_usec) {
        uint64_t wait_usec = MIN(result->retry_after_usec, SCHEDULE_RETRY_MAX_USEC);
        Tries *t = tries_list_find(&c->tries, m->issuing_rank);
        char wait[SPAN_TEXT_MAX];

        (void) tries_set_error(t, result->error);
        t->next_usec = now_usec + wait_usec;
        (void) store_save(&m->store, c);
        log_info("%s for %s; it is asked again in %s.", result->error, c->name,
                 span_format(wait_usec, wait));
}

static void on_end(const IssuanceResult *result, void *userdata) {
        Manager *m = userdata;
        Certificate *c = m->issuing;
        uint64_t now_usec = clock_usec(CLOCK_REALTIME);
        int r;

        r = string_replace(&tries_list_find(&c->tries, m->issuing_rank)->order_url, result->order_url);
        if (r >= 0 && result->failure == FAILURE_NONE)
                r = certificate_succeed(m, c, result, now_usec);
        if (r < 0)
                certificate_fail(m, c,
                                 &(IssuanceResult) { .failure = FAILURE_LOCAL,
                                                     .error = "The new certificate could not be stored" },
                                 now_usec);
        else if (result->failure == FAILURE_UNFINISHED && result->order_url)
                certificate_wait(m, c, result, now_usec);
        else if (result->failure != FAILURE_NONE)
                certificate_fail(m, c, result, now_usec);
        if (result->failure == FAILURE_NONE && r >= 0)
                m->orders_ok++;
        else if (result->failure != FAILURE_UNFINISHED)
                m->orders_failed++;
        c->ordering = false;
        m->issuing = NULL;
        m->issuance = issuance_free(m->issuance);
        manager_changed(m);
        manager_run(m);
}

void manager_cancel_issuance(Manager *m) {
        Tries *t;

        if (!m->issuance)
                return;
        m->issuance = issuance_free(m->issuance);
        m->issuing->ordering = false;
        t = tries_list_find(&m->issuing->tries, m->issuing_rank);
        if (t)
                t->next_usec = m->issuing_next_usec;
        (void) store_save(&m->store, m->issuing);
        m->issuing = NULL;
}

bool manager_is_issuer(const Manager *m, const Certificate *c) {
        return settings_find_rank(&m->settings, c->directory) >= 0;
}

/* RFC 9773 section 5: the same account's at the same authority, and not over yet. */
static bool certificate_is_replaceable(const Certificate *c, const Authority *authority,
                                       const Account *account, uint64_t now_usec) {
        return streq_ptr(c->directory, authority->directory) && now_usec < c->not_after_usec &&
               (!c->account || streq_ptr(c->account, account->url));
}

/* Nobody was asked for anything yet: mostly a file could not be written, whose name is told. */
static void manager_fail_to_begin(Manager *m, Certificate *c, int r, uint64_t now_usec) {
        _cleanup_free_ char *fault = state_fault_any() ? state_fault_text(daemon_state_dir()) : NULL;

        certificate_fail(m, c,
                         &(IssuanceResult) { .failure = FAILURE_LOCAL, .error = fault ?: strerror(-r) },
                         now_usec);
}

static void manager_start_issuance(Manager *m, Certificate *c, AuthorityRank rank, uint64_t now_usec) {
        static const IssuanceHandlers handlers = { on_account, on_key, on_end };
        const Authority *authority = manager_get_authority(m, rank);
        Tries *t = tries_list_find(&c->tries, rank);
        Account *account;
        int r;

        m->issuing = c;
        m->issuing_rank = rank;
        m->issuing_next_usec = t->next_usec;
        c->ordering = true;
        /* Noted beforehand: a crash in the middle, again and again, must not become a flood of orders. */
        t->next_usec = schedule_retry(now_usec, t->refusals + 1, RETRY_REFUSED, 0, certificate_get_life(c),
                                      random_u64());
        r = store_save(&m->store, c);
        if (r >= 0)
                r = accounts_get(&m->store.accounts, authority->directory, &account);
        if (r >= 0)
                r = issuance_new(
                        &m->issuance, m->event, &m->settings, account,
                        &(IssuanceWish) {
                                .authority = rank,
                                .names = c->names,
                                .way = c->way,
                                .replaces = certificate_is_replaceable(c, authority, account, now_usec)
                                                    ? c->renewal_id
                                                    : NULL,
                                .pending_key_id = c->pending_key_id,
                                .order_url = t->order_url,
                                .life_usec = certificate_get_life(c),
                                .caa_usec = c->caa_usec,
                                .caa_new = c->caa_shared && !c->chain,
                                .first_account = accounts_is_empty(&m->store.accounts) &&
                                                 !m->settings.caa_others,
                        },
                        &handlers, m);
        if (r < 0) {
                c->ordering = false;
                manager_fail_to_begin(m, c, r, now_usec);
                m->issuing = NULL;
        }
        manager_changed(m);
}

/* What an authority issued has begun: a clock that says otherwise is behind, and what was noted by a right
 * one is not to be judged by it. No order can succeed meanwhile. */
static bool manager_clock_is_behind(const Manager *m, uint64_t now_usec) {
        for (size_t i = 0; i < m->store.n_certificates; i++)
                if (m->store.certificates[i]->not_before_usec > now_usec + CLOCK_BEHIND_USEC)
                        return true;
        return false;
}

static Certificate *manager_find_due(Manager *m, uint64_t now_usec, AuthorityRank *ret_rank) {
        const bool behind = manager_clock_is_behind(m, now_usec);
        uint64_t earliest = UINT64_MAX;
        Certificate *due = NULL;

        if (!behind) {
                store_clamp_retired(&m->store, now_usec + RETIRE_GRACE_USEC);
                limits_clamp(&m->store.limits, now_usec);
        }
        for (size_t i = 0; i < m->store.n_certificates; i++) {
                Certificate *c = m->store.certificates[i];

                if (!behind)
                        certificate_clamp(c, now_usec);
                manager_hold(m, c, now_usec);
                if (!certificate_is_orderable(c))
                        continue;
                for (AuthorityRank rank = 0; rank < _AUTHORITY_RANK_MAX; rank++) {
                        uint64_t next = certificate_get_next_of(c, rank);

                        if (next > now_usec || next >= earliest)
                                continue;
                        earliest = next;
                        due = c;
                        *ret_rank = rank;
                }
        }
        return due;
}

void manager_fail_due(Manager *m, const char *directory, const char *error) {
        uint64_t now_usec = clock_usec(CLOCK_REALTIME);
        AuthorityRank rank;
        Certificate *due = manager_find_due(m, now_usec, &rank);

        if (!due || !streq_ptr(manager_get_authority(m, rank)->directory, directory))
                return;
        m->issuing_rank = rank;
        certificate_fail(m, due, &(IssuanceResult) { .failure = FAILURE_LOCAL, .error = error }, now_usec);
        manager_changed(m);
}

/* --- the timer ----------------------------------------------------------------------------------------- */

/* Alarms, and what is no longer wanted and long over. Returns the next time at which it may have to look
 * again. */
static uint64_t manager_look(Manager *m, uint64_t now_usec) {
        uint64_t next = now_usec + TIMER_MAX_USEC;

        for (size_t i = 0; i < m->store.n_certificates; i++) {
                Certificate *c = m->store.certificates[i];

                if (certificate_update_state(c, now_usec)) {
                        c->shouted_usec = 0;
                        manager_changed(m);
                }
                if ((c->state == CERTIFICATE_EXPIRING || c->state == CERTIFICATE_EXPIRED) &&
                    (c->wanted || c->imported)) {
                        uint64_t wait = schedule_within_life(SHOUT_USEC, certificate_get_life(c));

                        if (now_usec >= c->shouted_usec + wait) {
                                certificate_shout(c, now_usec);
                                c->shouted_usec = now_usec;
                        }
                        next = MIN(next, c->shouted_usec + wait);
                }
                if (!c->wanted && !c->imported && c != m->issuing &&
                    (!c->chain || now_usec > c->not_after_usec + KEEP_UNWANTED_USEC)) {
                        (void) manager_remove(m, c);
                        i--;
                        continue;
                }
                next = MIN(next, certificate_next_change(c, now_usec));
                if (certificate_is_orderable(c) && !m->issuance)
                        next = MIN(next, certificate_get_next(c));
                next = MIN(next, manager_ask_advice(m, c, now_usec));
        }
        return next;
}

void manager_run(Manager *m) {
        uint64_t now_usec = clock_usec(CLOCK_REALTIME), next;
        AuthorityRank rank;
        Certificate *due;

        next = manager_run_errands(m, now_usec);
        due = manager_find_due(m, now_usec, &rank);
        if (!m->issuance && due && manager_may_order(m)) {
                if (manager_settle_account(m, rank))
                        manager_start_issuance(m, due, rank, now_usec);
                else
                        (void) manager_run_errands(m, now_usec);
        }
        next = MIN(next, manager_look(m, now_usec));
        next = MIN(next, retire_run(m->retire, now_usec));
        next = MIN(next, keylook_run(m->keylook, now_usec));
        relay_watch_set(m->relay_watch, manager_waits_for_relay(m));
        (void) sd_event_source_set_time(m->timer, MAX(next, now_usec + 10 * USEC_PER_MSEC));
        (void) sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        manager_run(userdata);
        return 0;
}

static void on_relay(void *userdata) {
        manager_ready_for_relay(userdata);
        manager_run(userdata);
}

static void on_keys(sd_json_variant *keys, void *userdata) {
        if (keys)
                manager_take_keys(userdata, keys);
        manager_run(userdata);
}

/* For tests, which have no five minutes. */
static uint64_t heartbeat_usec(void) {
        const char *e = secure_getenv("HAGW_HEARTBEAT_USEC");

        return e ? strtoull(e, NULL, 10) : HEARTBEAT_USEC;
}

/* A timer of the wall clock sleeps through the years by which that was set back. */
static int on_heartbeat(sd_event_source *s, uint64_t usec, void *userdata) {
        manager_run(userdata);
        (void) sd_event_source_set_time_relative(s, heartbeat_usec());
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/* --- life ---------------------------------------------------------------------------------------------- */

int manager_new(Daemon *daemon, const Config *config, void **ret) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(*m));
        const char *dir = daemon_state_dir();
        int r;

        if (!m)
                return -ENOMEM;
        m->daemon = daemon;
        m->event = sd_event_ref(daemon_event(daemon));
        m->store.dir_fd = -EBADF;
        if (!dir)
                return log_error_errno(EINVAL,
                                       "$STATE_DIRECTORY is not set; systemd starts hagw-acmed with it.");
        r = store_open(&m->store, dir);
        if (r < 0)
                return log_error_errno(r, "Could not read the state in %s: %m", dir);
        if ((r = manager_new_advice(m)) < 0 ||
            (r = retire_new(&m->retire, m->event, &m->store)) < 0 ||
            (r = keylook_new(&m->keylook, m->event, manager_ask_keys, on_keys, m)) < 0 ||
            (r = relay_account_new(&m->relay_account, m->event)) < 0 ||
            (r = relay_watch_new(&m->relay_watch, m->event, on_relay, m)) < 0 ||
            (r = sd_event_add_time(m->event, &m->timer, CLOCK_REALTIME, UINT64_MAX, USEC_PER_MSEC, on_timer,
                                   m)) < 0 ||
            (r = sd_event_add_time_relative(m->event, &m->heartbeat, CLOCK_BOOTTIME, heartbeat_usec(),
                                            USEC_PER_SEC, on_heartbeat, m)) < 0 ||
            (r = sd_event_add_defer(m->event, &m->changed, on_changed, m)) < 0 ||
            (r = manager_reload(config, m)) < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

void *manager_free(void *userdata) {
        Manager *m = userdata;

        if (!m)
                return NULL;
        manager_free_jobs(m);
        manager_cancel_issuance(m);
        challenges_done();
        for (AuthorityRank rank = 0; rank < _AUTHORITY_RANK_MAX; rank++)
                advice_free(m->advice[rank]);
        retire_free(m->retire);
        keylook_free(m->keylook);
        relay_account_free(m->relay_account);
        relay_watch_free(m->relay_watch);
        sd_event_source_disable_unref(m->timer);
        sd_event_source_disable_unref(m->heartbeat);
        sd_event_source_disable_unref(m->changed);
        vl_stream_done(&m->watchers);
        vl_stream_done(&m->account_watchers);
        sd_json_variant_unref(m->accounts_told);
        store_done(&m->store);
        settings_done(&m->settings);
        plan_free(m->wants, m->n_wants);
        sd_event_unref(m->event);
        free(m);
        return NULL;
}
