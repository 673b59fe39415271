/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "hagw-acmed/account.h"
#include "hagw-acmed/acme.h"
#include "hagw-acmed/settings.h"

/* What is done at a certificate authority beside orders, mostly because a person asked for it: accounts are
 * looked at, made anew, deactivated, given another key, and certificates are revoked. One conversation each.
 * Main thread only. */

typedef enum ErrandKind {
        ERRAND_LOOK,       /* at the account */
        ERRAND_SETTLE,     /* which key it has, where a change of that was broken off */
        ERRAND_NEW,        /* another account takes its place */
        ERRAND_CHANGE_KEY, /* RFC 8555 section 7.3.5 */
        ERRAND_DEACTIVATE, /* the former ones (section 7.3.6) */
        ERRAND_REVOKE,     /* section 7.6 */
        _ERRAND_KIND_MAX,
} ErrandKind;

#define ERRAND_DURATION_MAX (2 * USEC_PER_MINUTE)
#define ERRAND_LEAVES_MAX 9U /* certificates that one errand revokes */

typedef struct ErrandLeaf {
        char *leaf, *key_id; /* as in Former */
        bool ours;           /* no other account of ours than the present one is known to have got it */
        int reason;
} ErrandLeaf;

typedef enum ErrandOutcome {
        OUTCOME_DONE,
        OUTCOME_REFUSED, /* the authority said no: another try would be told the same */
        OUTCOME_FAILED,  /* somebody did not answer, or wants to be asked later */
} ErrandOutcome;

typedef struct ErrandResult {
        ErrandOutcome outcome;
        const char *error; /* for people; NULL: none */
        /* ERRAND_LOOK */
        AcmeStatus status; /* _ACME_STATUS_INVALID: the authority did not say */
        bool unknown;      /* it knows no such account */
        char *const *contacts;
        /* ERRAND_NEW: what became of the account of before; NULL: there was none */
        const char *former;
        bool deactivated;
} ErrandResult;

typedef struct ErrandHandlers {
        /* The account is another one, or has another key: to be stored before it is used. */
        int (*on_account)(void *userdata);
        /* Nobody needs the key any more. */
        void (*on_spare_key)(const char *key_id, void *userdata);
        /* reason: NULL where it is done. */
        void (*on_revoked)(const char *leaf, ErrandOutcome outcome, const char *reason, void *userdata);
        /* Once, from the loop; the errand may be freed in it. */
        void (*on_end)(const ErrandResult *result, void *userdata);
} ErrandHandlers;

typedef struct Errand Errand;

/* settings, account and handlers are borrowed. The account may be at an authority that is configured no
 * more: it is spoken to as the first one is. first_account: as in IssuanceWish. */
int errand_new(Errand **ret, sd_event *event, ErrandKind kind, const Settings *settings, Account *account,
               bool first_account, const ErrandHandlers *handlers, void *userdata);
/* For ERRAND_REVOKE, before it begins. Strings are copied. -ENOSPC. */
int errand_add_leaf(Errand *e, const ErrandLeaf *leaf);
int errand_start(Errand *e);
Errand *errand_free(Errand *e);
DEFINE_TRIVIAL_CLEANUP_FUNC(Errand *, errand_free)
