/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "hagw-acmed/account.h"
#include "hagw-acmed/order.h"
#include "hagw-acmed/plan.h"
#include "hagw-acmed/settings.h"

/* One order being carried out: the machine of order.h with real requests, keys and challenges. */

typedef struct Issuance Issuance;

typedef struct IssuanceResult {
        OrderFailure failure;
        bool unreached; /* as in Order */
        const char *error;
        uint64_t retry_after_usec;  /* relative */
        const char *chain, *key_id; /* without failure */
        const char *order_url;      /* goes on another time; NULL: it does not */
} IssuanceResult;

typedef struct IssuanceHandlers {
        /* The account got another key, URL or contact: to be stored before it is used. */
        int (*on_account)(void *userdata);
        /* The certificate's key exists from now on: to be stored before it is used. */
        int (*on_key)(const char *key_id, void *userdata);
        /* Once, from the loop; the issuance may be freed in it. */
        void (*on_end)(const IssuanceResult *result, void *userdata);
} IssuanceHandlers;

/* What is to be obtained. */
typedef struct IssuanceWish {
        AuthorityRank authority; /* whom it is asked for */
        char *const *names;
        ProofWay way;
        const char *replaces;       /* RFC 9773 section 5; or NULL */
        const char *pending_key_id; /* of an earlier try, or NULL */
        const char *order_url;      /* that the earlier try has left unfinished, or NULL */
        uint64_t life_usec;         /* of the certificate that it replaces; 0: there is none */
        uint64_t caa_usec;          /* as in Want */
        bool caa_new;               /* the CAA records there may have been without us a moment ago */
        bool first_account;         /* none of our accounts ever stood in a CAA record, nor anybody else's */
} IssuanceWish;

/* settings, account and handlers are borrowed. */
int issuance_new(Issuance **ret, sd_event *event, const Settings *settings, Account *account,
                 const IssuanceWish *wish, const IssuanceHandlers *handlers, void *userdata);
Issuance *issuance_free(Issuance *i);
DEFINE_TRIVIAL_CLEANUP_FUNC(Issuance *, issuance_free)

const char *issuance_get_state(const Issuance *i);
