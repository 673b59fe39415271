/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-tenantd/manager.h"

/* What root's calls carry: the same fields in several methods, most of which need not be given. */

#define NUMBER_NOT_GIVEN UINT64_MAX

typedef struct Given {
        const char *name, *prefix, *note, *credential, *token_id, *domain; /* NULL: not given */
        sd_json_variant *domains, *add, *remove;
        int suspended, terminate; /* -1: not given */
        uint64_t agents, channels, connections, bytes, month_bytes;
        uint64_t count, limit, months, lifetime_usec, others_lifetime_usec;
} Given;

/* For the rows of root's methods. Any field of any of them is read; the interface definition has refused
 * what does not belong. */
extern const Given given_nothing;
extern const sd_json_dispatch_field given_fields[];
#define GIVEN .fields = given_fields, .size = sizeof(Given), .defaults = &given_nothing

/* The functions below return 1, or the handler's result where they have sent an error. */

/* Puts what is given over what is there; *settings borrows the note. */
int given_apply(sd_varlink *link, const Given *g, TenantSettings *settings);
/* A list of domains (given: of g, may be NULL), normalized; NULL where none was given. Freed with
 * strv_free(). */
int given_domains(const Manager *m, sd_varlink *link, sd_json_variant *given, char ***ret);

typedef enum Credential { CREDENTIAL_NONE, CREDENTIAL_TOKEN, CREDENTIAL_CODE } Credential;
/* Which credential, and when it ends (USEC_INFINITY: never). */
int given_credential(sd_varlink *link, const Given *g, uint64_t now_usec, Credential *ret,
                     uint64_t *ret_expires_usec);
int given_token_expiry(sd_varlink *link, uint64_t lifetime_usec, const char *field, uint64_t now_usec,
                       uint64_t *ret);
int given_code_expiry(sd_varlink *link, uint64_t lifetime_usec, uint64_t now_usec, uint64_t *ret);
