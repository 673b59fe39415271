/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Opening: checks, steps to the newest schema, the ledger; and setting aside. */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hagw-tenantd/frozen.h"
#include "hagw-tenantd/store.h"
#include "libhagw/statefault.h"

#define NUMBER_SIZE 12U

/* In WAL mode FULL syncs the log with each commit: what was acknowledged survives a loss of power. */
static const char settings[] = "PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = FULL;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA mmap_size = 0;"
                               "PRAGMA cache_size = -4096;"; /* KiB */

int store_check(Db *db, bool quickly) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = db_exec_text(db, quickly ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)", &text);
        if (r < 0)
                return r;
        return streq(text, "ok") ? 0 : -EUCLEAN;
}

/* Each step and its number are one transaction: a kill leaves the one before or the one after. */
static int migrate(Db *db) {
        int64_t version;
        int r;

        r = db_exec_int(db, "PRAGMA user_version", &version);
        if (r < 0)
                return r;
        if (version > (int64_t) schema_version)
                return -EPROTONOSUPPORT;
        for (unsigned i = (unsigned) MAX(version, (int64_t) 0); i < schema_version; i++) {
                _cleanup_transaction_ DbTransaction t = {};
                char number[64];

                (void) snprintf(number, sizeof(number), "PRAGMA user_version = %u", i + 1);
                r = db_begin(db, &t);
                if (r >= 0)
                        r = db_exec(db, schema_steps[i]);
                if (r >= 0)
                        r = db_exec(db, number);
                if (r >= 0)
                        r = db_commit(&t);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* For nobody else, whatever the umask; the log's files get the mode of this one. Closed before SQLite comes:
 * closing it later would end SQLite's locks (fcntl(2)). */
static int make_file(const char *path) {
        const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return -errno;
        (void) safe_close(fd);
        return 0;
}

static int open_file(const char *path, Db *ret) {
        const int r = make_file(path);

        return r < 0 ? r : db_open(ret, path);
}

/* frozen: why it is not to be changed; 0: it can be. */
static int try_open(const char *path, int frozen, Ledger *ledger, Db *ret) {
        Db db;
        int r;

        r = frozen < 0 ? frozen_load(path, &db) : open_file(path, &db);
        if (r < 0)
                return r;
        r = db_exec(&db, settings);
        if (r >= 0)
                r = store_check(&db, /* quickly= */ true);
        if (r >= 0)
                r = migrate(&db);
        if (r >= 0)
                r = ledger_attach(ledger, &db);
        if (r >= 0)
                r = db_exec(&db, schema_temporary);
        if (r < 0) {
                db_close(&db);
                return r;
        }
        *ret = db;
        db_settle(ret);
        if (frozen < 0)
                frozen_begin(ret, frozen);
        return 0;
}

/* What a disk may refuse, told by what is the matter with it. 0: it is something else. */
static int disk_problem(const char *dir, int error) {
        static const int refused[] = { -ENOSPC, -EDQUOT, -EROFS, -EACCES, -EPERM, -EIO };
        StateSpace space;

        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (error == refused[i]) {
                        if (state_space(dir, &space) < 0)
                                return error;
                        return space.read_only ? -EROFS : space.full ? -ENOSPC : error;
                }
        return 0;
}

/* "", ".1", ".2": the first with which nothing stands there, or the last there may be. */
static int free_number(const char *dir, char ret[static NUMBER_SIZE]) {
        char path[PATH_MAX];

        ret[0] = '\0';
        for (unsigned n = 1;; n++) {
                if ((size_t) snprintf(path, sizeof(path), "%s/" STORE_FILE_BROKEN "%s", dir, ret) >=
                    sizeof(path))
                        return -ENAMETOOLONG;
                if (n == STORE_BROKEN_MAX || access(path, F_OK) < 0)
                        return 0;
                (void) snprintf(ret, NUMBER_SIZE, ".%u", n);
        }
}

int store_set_aside(const char *dir) {
        static const char *const suffixes[] = { "", "-wal", "-shm" };
        char from[PATH_MAX], to[PATH_MAX], number[NUMBER_SIZE];
        int r;

        r = free_number(dir, number);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                if ((size_t) snprintf(from, sizeof(from), "%s/" STORE_FILE "%s", dir, suffixes[i]) >=
                            sizeof(from) ||
                    (size_t) snprintf(to, sizeof(to), "%s/" STORE_FILE_BROKEN "%s%s", dir, number,
                                      suffixes[i]) >= sizeof(to))
                        return -ENAMETOOLONG;
                if (rename(from, to) < 0) {
                        if (errno != ENOENT)
                                return -errno;
                        /* An older one's log does not belong to this file. */
                        if (unlink(to) < 0 && errno != ENOENT)
                                return -errno;
                }
        }
        return 0;
}

static int open_with_ledger(const char *dir, bool anew, int frozen, Ledger *ledger, Db *ret) {
        char path[PATH_MAX];
        struct stat st;
        int r;

        if ((size_t) snprintf(path, sizeof(path), "%s/" STORE_FILE, dir) >= sizeof(path))
                return -ENAMETOOLONG;
        r = frozen < 0 ? ledger_read(ledger, dir) : ledger_open(ledger, dir);
        /* SQLite takes an empty file, and none, for a database with nothing in it. */
        if (r >= 0 && !anew && ledger_exists(ledger) &&
            (stat(path, &st) < 0 ? errno == ENOENT : st.st_size == 0))
                r = -EUCLEAN;
        if (r >= 0)
                r = try_open(path, frozen, ledger, ret);
        if (r < 0)
                ledger_close(ledger);
        return r;
}

int store_open(const char *dir, bool anew, Ledger *ledger, Db *ret) {
        const int r = open_with_ledger(dir, anew, /* frozen= */ 0, ledger, ret);
        const int problem = anew ? 0 : disk_problem(dir, r);

        if (problem < 0 && open_with_ledger(dir, anew, problem, ledger, ret) >= 0)
                return 0;
        return problem < 0 ? problem : r;
}
