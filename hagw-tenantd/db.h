/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sqlite3.h>

#include "hagw-tenantd/schema.h"
#include "libhagw/pure/macro.h"

/* SQLite as hagw uses it: statements from one table, prepared once; values with their types; errors as
 * errno: -EUCLEAN the file is damaged, or not open; -EEXIST a constraint, -ENOSPC, -EIO, -ENOMEM, -EBUSY. */

typedef struct Db {
        sqlite3 *sqlite;
        sqlite3_stmt *statements[_STATEMENT_MAX];
        bool damaged; /* something said so since it was opened */
        int frozen;   /* why it is in memory alone and takes no change: a negative errno (frozen.h); 0 */
} Db;

typedef enum DbType { DB_NULL_TYPE, DB_INT_TYPE, DB_TEXT_TYPE, DB_BLOB_TYPE } DbType;

typedef struct DbValue {
        DbType type;
        int64_t integer;
        const void *data;
        size_t size;
} DbValue;

#define DB_INT(x) ((DbValue) { .type = DB_INT_TYPE, .integer = (int64_t) (x) })
#define DB_TEXT(s) db_text(s)
#define DB_BLOB(p, n) ((DbValue) { .type = DB_BLOB_TYPE, .data = (p), .size = (n) })
/* A time that may be never. */
#define DB_USEC(x) db_usec(x)

static inline _unused_ DbValue db_text(const char *s) {
        return (DbValue) { .type = s ? DB_TEXT_TYPE : DB_NULL_TYPE, .data = s, .size = s ? strlen(s) : 0 };
}

static inline _unused_ DbValue db_usec(uint64_t usec) {
        return (DbValue) { .type = usec == USEC_INFINITY ? DB_NULL_TYPE : DB_INT_TYPE,
                           .integer = (int64_t) usec };
}

/* Opens or makes the file; nothing is read yet. */
int db_open(Db *db, const char *path);
/* From now on damage is noted in it: for one that stays where it is. */
void db_settle(Db *db);
/* Finalizes and closes; may be called on one that is not open. */
void db_close(Db *db);

/* Texts of our own: schema and pragmas. */
int db_exec(Db *db, const char *sql);
/* The first column of the first row, as a number or text. -ENODATA: no row. */
int db_exec_int(Db *db, const char *sql, int64_t *ret);
int db_exec_text(Db *db, const char *sql, char **ret);

/* Binds and starts a statement; db_step() fetches rows. What is bound must live until it ends. */
#define DB_VALUES(...) \
        (const DbValue[]) { __VA_ARGS__ }, sizeof((const DbValue[]) { __VA_ARGS__ }) / sizeof(DbValue)
int db_query(Db *db, Statement s, const DbValue *values, size_t n, sqlite3_stmt **ret);
/* 1: a row is there; 0: no more. Not needed again after 0 or an error. */
int db_step(sqlite3_stmt *q);
/* For who stops before the last row. */
static inline _unused_ void db_donep(sqlite3_stmt **q) {
        if (*q)
                (void) sqlite3_reset(*q);
}
#define _cleanup_query_ _cleanup_(db_donep)

/* A statement without rows. Returns how many rows it changed. */
int db_run(Db *db, Statement s, const DbValue *values, size_t n);

/* Columns. NULL times are USEC_INFINITY, NULL texts are NULL; texts live until the next step. */
int64_t db_column_int(sqlite3_stmt *q, int i);
uint64_t db_column_usec(sqlite3_stmt *q, int i);
const char *db_column_text(sqlite3_stmt *q, int i);
/* Exactly size bytes. -EUCLEAN. */
int db_column_blob(sqlite3_stmt *q, int i, void *out, size_t size);

/* A transaction: what is not committed when it leaves its scope is taken back. */
typedef struct DbTransaction {
        Db *db;
} DbTransaction;
int db_begin(Db *db, DbTransaction *ret);
int db_commit(DbTransaction *t);
void db_transaction_end(DbTransaction *t);
#define _cleanup_transaction_ _cleanup_(db_transaction_end)
