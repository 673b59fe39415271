/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The thin layer over SQLite. Main thread only. */

#include "hagw-tenantd/db.h"
#include "hagw-tenantd/store.h"
#include "libhagw/statefault.h"

#define BUSY_TIMEOUT_MSEC 2000 /* a person's backup may hold a lock for a moment */

#define CLIENT_DATA "db"

static int db_errno(int code) {
        if (code == SQLITE_CONSTRAINT_COMMITHOOK) /* the ledger's, which could not be written */
                return -EIO;
        switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return -EUCLEAN;
        case SQLITE_CONSTRAINT:
                return -EEXIST;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_CANTOPEN:
                return -EACCES;
        default:
                return -EIO;
        }
}

/* Of a database that may have been settled. */
static int db_result(sqlite3 *sqlite, int code) {
        Db *db = sqlite3_get_clientdata(sqlite, CLIENT_DATA);
        const int r = code == SQLITE_AUTH && db && db->frozen < 0 ? db->frozen : db_errno(code);

        if (r == -EUCLEAN && db)
                db->damaged = true;
        return r;
}

void db_settle(Db *db) {
        (void) sqlite3_set_clientdata(db->sqlite, CLIENT_DATA, db, NULL);
}

int db_open(Db *db, const char *path) {
        int r;

        *db = (Db) {};
        r = sqlite3_open_v2(path, &db->sqlite,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                    SQLITE_OPEN_EXRESCODE,
                            /* vfs= */ NULL);
        if (r != SQLITE_OK) {
                db_close(db);
                return db_errno(r);
        }
        (void) sqlite3_busy_timeout(db->sqlite, BUSY_TIMEOUT_MSEC);
        return 0;
}

void db_close(Db *db) {
        for (size_t i = 0; i < ELEMENTSOF(db->statements); i++)
                (void) sqlite3_finalize(db->statements[i]);
        (void) sqlite3_close(db->sqlite);
        *db = (Db) {};
}

int db_exec(Db *db, const char *sql) {
        if (!db->sqlite)
                return -EUCLEAN;
        return db_result(db->sqlite, sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL));
}

static int exec_row(Db *db, const char *sql, sqlite3_stmt **ret) {
        sqlite3_stmt *q = NULL;
        int r;

        if (!db->sqlite)
                return -EUCLEAN;
        r = sqlite3_prepare_v2(db->sqlite, sql, -1, &q, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_step(q);
        if (r == SQLITE_ROW) {
                *ret = q;
                return 0;
        }
        (void) sqlite3_finalize(q);
        return r == SQLITE_DONE ? -ENODATA : db_result(db->sqlite, r);
}

int db_exec_int(Db *db, const char *sql, int64_t *ret) {
        sqlite3_stmt *q;
        int r;

        r = exec_row(db, sql, &q);
        if (r < 0)
                return r;
        *ret = sqlite3_column_int64(q, 0);
        (void) sqlite3_finalize(q);
        return 0;
}

int db_exec_text(Db *db, const char *sql, char **ret) {
        sqlite3_stmt *q;
        int r;

        r = exec_row(db, sql, &q);
        if (r < 0)
                return r;
        *ret = strdup(strempty(db_column_text(q, 0)));
        (void) sqlite3_finalize(q);
        return *ret ? 0 : -ENOMEM;
}

static int bind(sqlite3_stmt *q, int i, const DbValue *v) {
        switch (v->type) {
        case DB_INT_TYPE:
                return sqlite3_bind_int64(q, i, v->integer);
        case DB_TEXT_TYPE:
                return sqlite3_bind_text64(q, i, v->data, v->size, SQLITE_STATIC, SQLITE_UTF8);
        case DB_BLOB_TYPE:
                return sqlite3_bind_blob64(q, i, v->data, v->size, SQLITE_STATIC);
        default:
                return sqlite3_bind_null(q, i);
        }
}

int db_query(Db *db, Statement s, const DbValue *values, size_t n, sqlite3_stmt **ret) {
        sqlite3_stmt **q = &db->statements[s];
        int r = SQLITE_OK;

        if (!db->sqlite)
                return -EUCLEAN;
        if (!*q)
                r = sqlite3_prepare_v3(db->sqlite, statement_texts[s], -1, SQLITE_PREPARE_PERSISTENT, q,
                                       NULL);
        for (size_t i = 0; i < n && r == SQLITE_OK; i++)
                r = bind(*q, (int) i + 1, &values[i]);
        if (r != SQLITE_OK)
                return db_result(db->sqlite, r);
        *ret = *q;
        return 0;
}

int db_step(sqlite3_stmt *q) {
        const int r = sqlite3_step(q);

        if (r == SQLITE_ROW)
                return 1;
        (void) sqlite3_reset(q);
        return db_result(sqlite3_db_handle(q), r);
}

/* What the disk refused. That the ledger refused a commit is noted there. */
static void note_result(int code, int result) {
        static const int refused[] = { -ENOSPC, -EROFS, -EACCES, -EIO };

        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (result == refused[i] && code != SQLITE_CONSTRAINT_COMMITHOOK)
                        state_fault_note(STORE_FILE, /* size= */ 0, result);
}

int db_run(Db *db, Statement s, const DbValue *values, size_t n) {
        sqlite3_stmt *q;
        int r;

        r = db_query(db, s, values, n, &q);
        if (r < 0)
                return r;
        do
                r = db_step(q);
        while (r > 0);
        if (r < 0) {
                note_result(sqlite3_extended_errcode(db->sqlite), r);
                return r;
        }
        return sqlite3_changes(db->sqlite);
}

int64_t db_column_int(sqlite3_stmt *q, int i) {
        return sqlite3_column_int64(q, i);
}

uint64_t db_column_usec(sqlite3_stmt *q, int i) {
        return sqlite3_column_type(q, i) == SQLITE_NULL ? USEC_INFINITY
                                                        : (uint64_t) sqlite3_column_int64(q, i);
}

const char *db_column_text(sqlite3_stmt *q, int i) {
        return (const char *) sqlite3_column_text(q, i);
}

int db_column_blob(sqlite3_stmt *q, int i, void *out, size_t size) {
        const void *p = sqlite3_column_blob(q, i);

        if ((size_t) sqlite3_column_bytes(q, i) != size)
                return -EUCLEAN;
        memcpy(out, p, size);
        return 0;
}

int db_begin(Db *db, DbTransaction *ret) {
        const int r = db_run(db, STATEMENT_BEGIN, NULL, 0);

        if (r < 0)
                return r;
        ret->db = db;
        return 0;
}

int db_commit(DbTransaction *t) {
        const int r = db_run(t->db, STATEMENT_COMMIT, NULL, 0);

        if (r < 0)
                return r;
        state_fault_note(STORE_FILE, /* size= */ 0, r);
        t->db = NULL;
        return 0;
}

void db_transaction_end(DbTransaction *t) {
        /* After some errors SQLite has rolled back by itself. */
        if (t->db && t->db->sqlite && !sqlite3_get_autocommit(t->db->sqlite))
                (void) db_run(t->db, STATEMENT_ROLLBACK, NULL, 0);
}
