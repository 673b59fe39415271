/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tenant.h"

/* Tenants' accounts at their certificate authorities, for CAA (RFC 8657). */

typedef struct Account {
        int64_t tenant;
        const char *name, *issuer, *uri; /* until the next step */
} Account;

/* Of an existing tenant. */
int account_set(Db *db, const char *tenant, const char *issuer, const char *uri);
int account_remove(Db *db, const char *tenant);

int account_query_after(Db *db, int64_t tenant, sqlite3_stmt **ret);
int account_query_name(Db *db, const char *tenant, sqlite3_stmt **ret);
int account_next(sqlite3_stmt *q, Account *ret);
