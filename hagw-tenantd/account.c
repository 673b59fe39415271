/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Accounts in the database. Main thread only. */

#include "hagw-tenantd/account.h"

/* A machine says it before each order, and on a disk that is full has to hear that it stands. */
static int account_is(Db *db, const char *tenant, const char *token, const char *issuer, const char *uri) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        int r;

        r = db_query(db, STATEMENT_ACCOUNT_IS,
                     DB_VALUES(DB_TEXT(tenant), DB_TEXT(token), DB_TEXT(issuer), DB_TEXT(uri)), &q);
        return r < 0 ? r : db_step(q);
}

int account_set(Db *db, const char *tenant, const char *token, const char *issuer, const char *uri,
                uint64_t now_usec) {
        const int r = account_is(db, tenant, token, issuer, uri);

        if (r != 0)
                return MIN(r, 0);
        return db_run(db, STATEMENT_ACCOUNT_SET,
                      DB_VALUES(DB_TEXT(tenant), DB_TEXT(token), DB_TEXT(issuer), DB_TEXT(uri),
                                DB_INT(now_usec)));
}

int account_remove(Db *db, const char *tenant, const char *token) {
        return db_run(db, STATEMENT_ACCOUNT_REMOVE, DB_VALUES(DB_TEXT(tenant), DB_TEXT(token)));
}

int account_get_since(Db *db, const char *tenant, const char *token, uint64_t *ret) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        int r;

        r = db_query(db, STATEMENT_ACCOUNT_SINCE, DB_VALUES(DB_TEXT(tenant), DB_TEXT(token)), &q);
        if (r >= 0)
                r = db_step(q);
        if (r < 0)
                return r;
        *ret = r > 0 ? (uint64_t) db_column_int(q, 0) : 0;
        return 0;
}

int account_query_after(Db *db, int64_t tenant, sqlite3_stmt **ret) {
        return db_query(db, STATEMENT_ACCOUNT_AFTER_ID, DB_VALUES(DB_INT(tenant), DB_INT(TENANT_PAGE_MAX)),
                        ret);
}

int account_query_name(Db *db, const char *tenant, sqlite3_stmt **ret) {
        return db_query(db, STATEMENT_ACCOUNT_BY_NAME, DB_VALUES(DB_TEXT(tenant)), ret);
}

int account_next(sqlite3_stmt *q, Account *ret) {
        const int r = db_step(q);

        if (r <= 0)
                return r;
        *ret = (Account) {
                .tenant = db_column_int(q, 0),
                .name = strempty(db_column_text(q, 1)),
                .issuer = strempty(db_column_text(q, 2)),
                .uri = strempty(db_column_text(q, 3)),
        };
        return 1;
}
