/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-acmed/advice.h"
#include "hagw-acmed/errand.h"
#include "hagw-acmed/issuance.h"
#include "hagw-acmed/keylook.h"
#include "hagw-acmed/plan.h"
#include "hagw-acmed/relay-account.h"
#include "hagw-acmed/relay-watch.h"
#include "hagw-acmed/retire.h"
#include "hagw-acmed/store.h"
#include "libhagw/daemon.h"

/* Everything hagw-acmed knows, and the one timer that drives it: orders one after the other, advice on
 * renewal, keys to be removed, alarms. */

typedef struct Manager Manager;

/* What waits for its turn at a certificate authority. */
#define MANAGER_JOBS_MAX 4U
typedef struct Job Job;
typedef void (*JobHandler)(Manager *m, const Job *j, const ErrandResult *result);
struct Job {
        ErrandKind kind;
        char *directory;
        char *name;       /* the certificate; NULL: it is about the account */
        sd_varlink *link; /* that is answered; NULL: nobody waits */
        JobHandler done;
        bool renew;                            /* another certificate is ordered, too */
        unsigned outcomes[OUTCOME_FAILED + 1]; /* of certificates */
        char *reason;                          /* why the last one was not revoked; NULL: each was */
};

struct Manager {
        Daemon *daemon;
        sd_event *event;
        Settings settings;
        Want *wants; /* what the configuration asks for */
        size_t n_wants;
        Store store;
        Issuance *issuance; /* under way, for: */
        Certificate *issuing;
        AuthorityRank issuing_rank; /* whom it is asked for */
        uint64_t issuing_next_usec; /* what that one's next_usec was before */
        Job *jobs[MANAGER_JOBS_MAX];
        size_t n_jobs;
        Errand *errand; /* the first job's */
        Advice *advice[_AUTHORITY_RANK_MAX];
        Retire *retire;
        KeyLook *keylook;
        RelayAccount *relay_account;
        RelayWatch *relay_watch;
        sd_event_source *timer, *heartbeat, *changed;
        VlStream watchers, account_watchers;
        sd_json_variant *accounts_told; /* to account_watchers, last */
        uint64_t orders_ok, orders_failed;
};

int manager_new(Daemon *daemon, const Config *config, void **ret);
void *manager_free(void *userdata);
DEFINE_TRIVIAL_CLEANUP_FUNC(Manager *, manager_free)

/* Takes over another configuration. */
int manager_reload(const Config *config, void *userdata);

/* Does what is due, and sets the timer. */
void manager_run(Manager *m);

/* The order under way ends without a result, as if it had not begun. */
void manager_cancel_issuance(Manager *m);

/* The certificate comes from an authority that is configured now. */
bool manager_is_issuer(const Manager *m, const Certificate *c);

/* manager-accounts.c: whoever writes CAA records is to know our accounts: the relay, which each order tells
 * by itself, and hagw-dnsd. */
void manager_tell_accounts(Manager *m);
void manager_tell_dns(Manager *m);
/* As io.hagw.Acme's WatchAccounts shows them. */
int manager_accounts_to_json(Manager *m, sd_json_variant **ret);

/* manager-keys.c: a certificate without its key is served no more, and ordered anew. */
void manager_ask_keys(void *userdata); /* the manager */
void manager_take_keys(Manager *m, sd_json_variant *keys);

/* manager-relay.c: an order was not begun, for the relay is away; and it is back: the order is due. */
bool manager_waits_for_relay(const Manager *m);
void manager_ready_for_relay(Manager *m);

/* manager-advice.c: one for each authority that is configured. */
int manager_new_advice(Manager *m);
/* Returns when it wants to be called again. */
uint64_t manager_ask_advice(Manager *m, Certificate *c, uint64_t now_usec);
/* The certificate goes away. */
void manager_forget_advice(Manager *m, const Certificate *c);

/* manager-errands.c. name, link: as in Job. -EBUSY: too many wait. */
int manager_add_job(Manager *m, ErrandKind kind, const char *directory, const char *name, sd_varlink *link,
                    JobHandler done);
/* Goes on with them; returns when it wants to be called again (UINT64_MAX: never). */
uint64_t manager_run_errands(Manager *m, uint64_t now_usec);
/* What is under way begins anew with the next run. */
void manager_cancel_errand(Manager *m);
void manager_free_jobs(Manager *m);
/* No errand is under way that an order would be confused by. */
bool manager_may_order(const Manager *m);
/* True where it is known which key the account there has; else the authority is asked first. */
bool manager_settle_account(Manager *m, AuthorityRank rank);
/* Where the first of what is to be revoked comes from, behind that directory (NULL: at all). */
const char *manager_find_revoking(const Manager *m, const Certificate *c, const char *after);
/* For the job's handler: what did not come about is tried again. True: another authority is asked first, and
 * the handler is called again. */
bool manager_end_revocation(Manager *m, const Job *j, const ErrandResult *result);

/* What is due there has failed, for a reason of ours. */
void manager_fail_due(Manager *m, const char *directory, const char *error);

/* Tells the watchers and the status line, soon. */
void manager_changed(Manager *m);

/* As io.hagw.Acme's Watch shows it. */
int manager_to_json(const Manager *m, sd_json_variant **ret);
int manager_certificate_to_json(const Manager *m, const Certificate *c, sd_json_variant **ret);

/* manager-limits.c: until when the authority wants no order for its names from our account; 0: it has not
 * asked to wait. */
uint64_t manager_get_limit(const Manager *m, const Certificate *c, AuthorityRank rank, uint64_t now_usec);
/* wait_usec 0: it no longer counts. */
void manager_set_limit(Manager *m, const Certificate *c, AuthorityRank rank, uint64_t wait_usec,
                       uint64_t now_usec);
/* What the authorities asked for holds whatever else has changed since. */
void manager_hold(const Manager *m, Certificate *c, uint64_t now_usec);

/* Orders it as soon as nothing else is ordered. -EBUSY: it is being ordered; -EOPNOTSUPP: it is not ours to
 * order; -EAGAIN: the authority wants none yet (force: all the same, this once). */
int manager_renew(Manager *m, Certificate *c, bool force);

/* A person has corrected something: what failed is tried at once, and older errors are told no more. What
 * the authorities asked for holds. */
void manager_retry(Manager *m);
/* It and what it took the place of are revoked, for that reason; renew: another one with another key is
 * ordered. link is answered by done. */
int manager_revoke(Manager *m, Certificate *c, int reason, bool renew, sd_varlink *link, JobHandler done);

/* Whoever corrects something is not to wait for our patience, and not to read old errors. */
void manager_forgive(Manager *m);

/* Replaces or adds; the arguments fit together already. */
int manager_import(Manager *m, const char *chain, const char *key_id, Certificate **ret);
/* -EBUSY: it is wanted. */
int manager_remove(Manager *m, Certificate *c);

