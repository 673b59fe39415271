/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-tenantd/tenant.h"

/* Tenants' accounts at their certificate authorities, for CAA (RFC 8657). */

typedef struct Account {
        int64_t tenant;
        const char *name, *issuer, *uri; /* until the next step */
} Account;

/* Of a token of the tenant, with which it goes. */
int account_set(Db *db, const char *tenant, const char *token, const char *issuer, const char *uri,
                uint64_t now_usec);
int account_remove(Db *db, const char *tenant, const char *token);
/* When it came beside accounts that were there before; 0: nobody remembers records without it. */
int account_get_since(Db *db, const char *tenant, const char *token, uint64_t *ret);

/* Those of the next tenants, of at most TENANT_PAGE_MAX, tenant by tenant. */
int account_query_after(Db *db, int64_t tenant, sqlite3_stmt **ret);
int account_query_name(Db *db, const char *tenant, sqlite3_stmt **ret);
int account_next(sqlite3_stmt *q, Account *ret);
