/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Traffic by tenant and month. Main thread only. */

#include "hagw-tenantd/usage.h"

int usage_add(Db *db, const Usage *u, uint64_t now_usec) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        uint64_t sum, limit;
        bool exhausted;
        Tenant t;
        int64_t id;
        int r;

        r = tenant_query_name(db, u->tenant, now_usec, &q);
        if (r >= 0)
                r = tenant_next(q, &t);
        if (r <= 0)
                return r;
        id = t.id;
        exhausted = t.exhausted;
        limit = t.settings.bytes_per_month;
        sum = t.received + t.sent + u->received + u->sent;
        db_donep(&q);
        r = db_run(db, STATEMENT_USAGE_ADD,
                   DB_VALUES(DB_INT(id), DB_INT(month_of(now_usec)), DB_INT(u->received), DB_INT(u->sent),
                             DB_INT(u->visitors)));
        if (r >= 0 && limit > 0 && !exhausted && sum >= limit)
                r = db_run(db, STATEMENT_CHANGED_MARK, DB_VALUES(DB_TEXT(u->tenant)));
        return r < 0 ? r : 0;
}

int usage_turn(Db *db, Month begun) {
        _cleanup_transaction_ DbTransaction t = {};
        int r;

        r = db_begin(db, &t);
        if (r >= 0)
                r = db_run(db, STATEMENT_USAGE_TOLD, DB_VALUES(DB_INT(begun - 1)));
        if (r >= 0)
                r = db_run(db, STATEMENT_USAGE_DROP, DB_VALUES(DB_INT(begun - USAGE_MONTHS_KEPT)));
        return r < 0 ? r : db_commit(&t);
}

int usage_query(Db *db, const char *after, Month after_month, const char *last, Month from, uint64_t limit,
                sqlite3_stmt **ret) {
        return db_query(db, STATEMENT_USAGE_LIST,
                        DB_VALUES(DB_TEXT(after), DB_INT(after_month), DB_TEXT(last), DB_INT(from),
                                  DB_INT(limit)),
                        ret);
}

int usage_next(sqlite3_stmt *q, Usage *ret) {
        const int r = db_step(q);

        if (r <= 0)
                return r;
        *ret = (Usage) {
                .tenant = strempty(db_column_text(q, 0)),
                .month = (Month) db_column_int(q, 1),
                .received = (uint64_t) db_column_int(q, 2),
                .sent = (uint64_t) db_column_int(q, 3),
                .visitors = (uint64_t) db_column_int(q, 4),
        };
        return 1;
}
