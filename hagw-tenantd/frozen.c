/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading without writing. Main thread only. */

#include <stdio.h>
#include <sys/stat.h>

#include "hagw-tenantd/frozen.h"

/* A log that is there has to be read, too: where the disk is full, by who has the file alone and so needs no
 * index beside it; where it is read-only, by the index that whoever was killed left behind. */
static const struct {
        bool log;
        const char *options;
        int flags;
        const char *sql;
} ways[] = {
        { true, "", SQLITE_OPEN_READWRITE, "PRAGMA locking_mode = EXCLUSIVE" },
        { true, "?mode=ro", SQLITE_OPEN_READONLY, "PRAGMA locking_mode = NORMAL" },
        { false, "?immutable=1", SQLITE_OPEN_READONLY, "PRAGMA locking_mode = NORMAL" },
};

static bool has_log(const char *path) {
        _cleanup_free_ char *log = NULL;
        struct stat st;

        if (asprintf(&log, "%s-wal", path) < 0) {
                log = NULL;
                return true;
        }
        return stat(log, &st) >= 0 && st.st_size > 0;
}

static int copy(sqlite3 *to, sqlite3 *from) {
        sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");

        if (!b)
                return sqlite3_extended_errcode(to);
        (void) sqlite3_backup_step(b, /* all= */ -1);
        return sqlite3_backup_finish(b);
}

static int load(const char *path, size_t way, Db *to) {
        _cleanup_free_ char *uri = NULL;
        Db from = {};
        int r;

        if (asprintf(&uri, "file:%s%s", path, ways[way].options) < 0) {
                uri = NULL;
                return SQLITE_NOMEM;
        }
        r = sqlite3_open_v2(uri, &from.sqlite,
                            ways[way].flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                            /* vfs= */ NULL);
        /* The log stays as it is: there may be no room to write it into the file. */
        if (r == SQLITE_OK)
                r = sqlite3_db_config(from.sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_exec(from.sqlite, ways[way].sql, NULL, NULL, NULL);
        if (r == SQLITE_OK)
                r = copy(to->sqlite, from.sqlite);
        db_close(&from);
        return r;
}

int frozen_load(const char *path, Db *ret) {
        const bool log = has_log(path);
        int r = SQLITE_CANTOPEN;
        Db db;
        int q;

        /* A file that is gone would be made. */
        if (access(path, F_OK) < 0)
                return -errno;
        q = db_open(&db, ":memory:");
        if (q < 0)
                return q;
        for (size_t i = 0; i < ELEMENTSOF(ways) && r != SQLITE_OK; i++)
                if (ways[i].log == log)
                        r = load(path, i, &db);
        if (r != SQLITE_OK) {
                db_close(&db);
                return -EIO;
        }
        *ret = db;
        return 0;
}

static int deny(void *userdata, int action, const char *a, const char *b, const char *database,
                const char *trigger) {
        static const int changes[] = { SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE };

        for (size_t i = 0; i < ELEMENTSOF(changes); i++)
                if (action == changes[i] && database && streq(database, "main"))
                        return SQLITE_DENY;
        return SQLITE_OK;
}

void frozen_begin(Db *db, int why) {
        db->frozen = why;
        (void) sqlite3_set_authorizer(db->sqlite, deny, NULL);
}
