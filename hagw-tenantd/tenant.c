/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tenants. Main thread only. */

#include "hagw-tenantd/tenant.h"

int tenant_count(Db *db, TenantCounts *ret) {
        sqlite3_stmt *q;
        int r;

        r = db_query(db, STATEMENT_TENANT_COUNT, NULL, 0, &q);
        if (r >= 0)
                r = db_step(q);
        if (r <= 0)
                return r < 0 ? r : -EUCLEAN;
        *ret = (TenantCounts) { .tenants = (uint64_t) db_column_int(q, 0),
                                .suspended = (uint64_t) db_column_int(q, 1) };
        db_donep(&q);
        return 0;
}

int tenant_add(Db *db, const char *name, const TenantSettings *s, uint64_t now_usec, int64_t *ret_id) {
        const int r = db_run(db, STATEMENT_TENANT_ADD,
                             DB_VALUES(DB_TEXT(name), DB_TEXT(s->note), DB_INT(now_usec),
                                       DB_INT(s->suspended), DB_INT(s->terminate), DB_INT(s->agents),
                                       DB_INT(s->channels), DB_INT(s->connections_per_second),
                                       DB_INT(s->bytes_per_second), DB_INT(s->bytes_per_month)));

        if (r < 0)
                return r;
        *ret_id = sqlite3_last_insert_rowid(db->sqlite);
        return 0;
}

int tenant_set(Db *db, int64_t id, const TenantSettings *s) {
        return db_run(db, STATEMENT_TENANT_SET,
                      DB_VALUES(DB_INT(id), DB_TEXT(s->note), DB_INT(s->suspended), DB_INT(s->terminate),
                                DB_INT(s->agents), DB_INT(s->channels), DB_INT(s->connections_per_second),
                                DB_INT(s->bytes_per_second), DB_INT(s->bytes_per_month)));
}

int tenant_remove(Db *db, int64_t id) {
        return db_run(db, STATEMENT_TENANT_REMOVE, DB_VALUES(DB_INT(id)));
}

int tenant_set_domains(Db *db, int64_t id, char **domains, const char **ret_taken) {
        int r;

        r = db_run(db, STATEMENT_DOMAIN_CLEAR, DB_VALUES(DB_INT(id)));
        for (char **d = domains; r >= 0 && d && *d; d++) {
                r = db_run(db, STATEMENT_DOMAIN_ADD, DB_VALUES(DB_TEXT(*d), DB_INT(id)));
                if (r == -EEXIST)
                        *ret_taken = *d;
        }
        return r;
}

int tenant_domain_owner(Db *db, const char *domain, char *out) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        int r;

        r = db_query(db, STATEMENT_DOMAIN_OWNER, DB_VALUES(DB_TEXT(domain)), &q);
        if (r >= 0)
                r = db_step(q);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        (void) stpncpy(out, db_column_text(q, 0), HOSTNAME_LABEL_MAX);
        out[HOSTNAME_LABEL_MAX] = '\0';
        return 0;
}

int tenant_query_name(Db *db, const char *name, uint64_t now_usec, sqlite3_stmt **ret) {
        return db_query(db, STATEMENT_TENANT_BY_NAME,
                        DB_VALUES(DB_INT(month_of(now_usec)), DB_INT(now_usec), DB_TEXT(name)), ret);
}

int tenant_query_after_id(Db *db, int64_t id, uint64_t now_usec, sqlite3_stmt **ret) {
        return db_query(db, STATEMENT_TENANT_AFTER_ID,
                        DB_VALUES(DB_INT(month_of(now_usec)), DB_INT(now_usec), DB_INT(id),
                                  DB_INT(TENANT_PAGE_MAX)),
                        ret);
}

int tenant_query_after_name(Db *db, const char *name, const char *prefix, uint64_t limit, uint64_t now_usec,
                            sqlite3_stmt **ret) {
        return db_query(db, STATEMENT_TENANT_AFTER_NAME,
                        DB_VALUES(DB_INT(month_of(now_usec)), DB_INT(now_usec), DB_TEXT(name),
                                  DB_TEXT(prefix), DB_INT(MIN(limit, (uint64_t) TENANT_PAGE_MAX))),
                        ret);
}

static uint64_t column(sqlite3_stmt *q, int i) {
        return (uint64_t) MAX(db_column_int(q, i), (int64_t) 0);
}

int tenant_next(sqlite3_stmt *q, Tenant *ret) {
        const int r = db_step(q);

        if (r <= 0)
                return r;
        *ret = (Tenant) {
                .id = db_column_int(q, TENANT_COLUMN_ID),
                .name = strempty(db_column_text(q, TENANT_COLUMN_NAME)),
                .created_usec = column(q, TENANT_COLUMN_CREATED),
                .settings = {
                        .note = strempty(db_column_text(q, TENANT_COLUMN_NOTE)),
                        .suspended = db_column_int(q, TENANT_COLUMN_SUSPENDED) != 0,
                        .terminate = db_column_int(q, TENANT_COLUMN_TERMINATE) != 0,
                        .agents = column(q, TENANT_COLUMN_AGENTS),
                        .channels = column(q, TENANT_COLUMN_CHANNELS),
                        .connections_per_second = column(q, TENANT_COLUMN_CONNECTIONS),
                        .bytes_per_second = column(q, TENANT_COLUMN_BYTES),
                        .bytes_per_month = column(q, TENANT_COLUMN_MONTH_BYTES),
                },
                .domains = db_column_text(q, TENANT_COLUMN_DOMAINS),
                .token_ids = db_column_text(q, TENANT_COLUMN_TOKENS),
                .received = column(q, TENANT_COLUMN_RECEIVED),
                .sent = column(q, TENANT_COLUMN_SENT),
                .code_waits = db_column_int(q, TENANT_COLUMN_CODE) != 0,
        };
        ret->exhausted = ret->settings.bytes_per_month > 0 &&
                         ret->received + ret->sent >= ret->settings.bytes_per_month;
        return 1;
}
