/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/nametable.h"

/* At a relay: which accounts at which certificate authorities may get certificates for a tenant's name, one
 * of each of its machines, as values of CAA records (RFC 8659 section 4.2, RFC 8657). Pure. */

#define ACCOUNTS_MAX 250000U   /* tenants */
#define ACCOUNT_LINES_MAX 16U  /* of a tenant */
#define ACCOUNT_VALUE_MAX 511U

typedef struct AccountLine {
        const char *issuer, *uri;
} AccountLine;

/* The value of an account's CAA record into out (ACCOUNT_VALUE_MAX + 1). Returns its size. -EINVAL: issuer
 * or uri cannot stand in it. */
int account_value(const AccountLine *line, char *out);

typedef struct Account {
        NameEntry entry; /* by label */
        unsigned n;
        char values[]; /* each NUL-ended; then the label */
} Account;

typedef struct Accounts {
        NameTable table;
} Accounts;

Accounts *accounts_new(void);
Accounts *accounts_free(Accounts *a);
DEFINE_TRIVIAL_CLEANUP_FUNC(Accounts *, accounts_free)

/* What a tenant's accounts are from now on; n = 0: it has none. -EINVAL: one of them cannot stand in a
 * record, or they are too many; -ENOSPC; -ENOMEM. */
int accounts_set(Accounts *a, const char *label, const AccountLine *lines, size_t n);

/* NULL: the label is no tenant's, or its tenant has no account. a may be NULL. */
const Account *accounts_find(const Accounts *a, const char *label);
