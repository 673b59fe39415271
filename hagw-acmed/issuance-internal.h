/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-acmed/challenge.h"
#include "hagw-acmed/client.h"
#include "hagw-acmed/issuance.h"

/* Between issuance.c, which carries out an order, issuance-keys.c, which asks hagw-keyd for it, and
 * issuance-proofs.c, which shows the authority that the names are ours. */

struct Issuance {
        sd_event *event;
        const Settings *settings;
        const Authority *authority;
        const char *settings_group; /* where hagw.conf has it */
        Account *account;
        const IssuanceHandlers *handlers;
        void *userdata;
        ProofWay way;
        uint64_t caa_usec, caa_since_usec; /* since then, at the latest, the records there list us */
        bool first_account;
        const char *caa_name; /* that is looked at; within the order's first name */
        unsigned asked; /* whether it has a chance */
        Order *order;
        AcmeClient *client;
        VlRequest *request;
        Httpc *door; /* our own port 80; made when it is looked at */
        HttpRequest *look;
        sd_event_source *timer, *end;
        char *jwk, *thumbprint;
        char *key_id, *csr;
        void *spki; /* of the certificate's key */
        size_t spki_size;
        Proof **proofs;
        size_t n_proofs;
};


/* Goes on with what the order says now. */
void issuance_step(Issuance *i);
void issuance_fail(Issuance *i, OrderFailure failure, const char *format, ...) _printf_(3, 4);
void issuance_fail_errno(Issuance *i, int error, const char *what);

/* Each asks, and ends in issuance_step(). */
int issuance_account_key(Issuance *i);
int issuance_key(Issuance *i);
int issuance_csr(Issuance *i);

/* Has whatever writes CAA records for the names list the account; ends in issuance_step(). */
int issuance_announce(Issuance *i);

int issuance_publish(Issuance *i, const OrderChallenge *c);
int issuance_check(Issuance *i, const OrderChallenge *c);
void issuance_withdraw(Issuance *i);
/* Asks whether the order has a chance now, and ends in issuance_step(). 0: nothing is to be asked. */
int issuance_ask_ready(Issuance *i);
