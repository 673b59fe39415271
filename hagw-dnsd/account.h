/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dname.h"
#include "nametable.h"

/* At a relay: which account at which certificate authority may get certificates for a tenant's name, as the
 * value of its CAA record (RFC 8659 section 4.2, RFC 8657). Pure. */

#define ACCOUNTS_MAX 250000U
#define ACCOUNT_VALUE_MAX 511U

typedef struct Account {
        NameEntry entry; /* by label */
        uint16_t value_size;
        char value[]; /* then the label */
} Account;

typedef struct Accounts {
        uint8_t zone[DNAME_MAX]; /* below which the tenants have their labels */
        size_t zone_size;
        NameTable table;
} Accounts;

/* zone: normalized text. -EINVAL, -ENOMEM. */
int accounts_new(const char *zone, Accounts **ret);
Accounts *accounts_free(Accounts *a);
DEFINE_TRIVIAL_CLEANUP_FUNC(Accounts *, accounts_free)

/* An empty issuer takes the label's away. -EINVAL: something of it cannot stand in the record; -ENOSPC;
 * -ENOMEM. */
int accounts_set(Accounts *a, const char *label, const char *issuer, const char *uri);

/* name: lower case. NULL: it is no tenant's own name, or its tenant has no account. a may be NULL. */
const Account *accounts_find(const Accounts *a, const uint8_t *name, size_t size);
