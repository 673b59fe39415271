/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "challenge.h"
#include "client.h"
#include "issuance.h"

/* Between issuance.c, which carries out an order, and issuance-keys.c, which asks hagw-keyd for it. */

struct Issuance {
        sd_event *event;
        const Settings *settings;
        Account *account;
        const IssuanceHandlers *handlers;
        void *userdata;
        Order *order;
        AcmeClient *client;
        VlRequest *request;
        sd_event_source *timer, *end;
        char *jwk, *thumbprint;
        char *key_id, *csr;
        void *spki; /* of the certificate's key */
        size_t spki_size;
        Proof **proofs;
        size_t n_proofs;
};

uint64_t now_realtime_usec(void);

/* Goes on with what the order says now. */
void issuance_step(Issuance *i);
void issuance_fail(Issuance *i, OrderFailure failure, const char *format, ...) _printf_(3, 4);
void issuance_fail_errno(Issuance *i, int error, const char *what);

/* Each asks, and ends in issuance_step(). */
int issuance_account_key(Issuance *i);
int issuance_key(Issuance *i);
int issuance_csr(Issuance *i);

/* A varlink error's id, for people. */
const char *request_error_text(const char *error);
