/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Making, looking at and putting back. SQLite writes a copy under a name that is none; it gets its own when
 * it is whole and on disk. */

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>

#include "hagw-tenantd/copies.h"

#define NEW_NAME "new"

static int path_of(char *out, const char *dir, const char *name) {
        return snprintf(out, PATH_MAX, "%s/" COPIES_DIR "/%s", dir, name) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static void name_of(uint64_t usec, char out[static COPY_NAME_LENGTH + 1]) {
        const time_t t = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;

        if (!gmtime_r(&t, &tm) || strftime(out, COPY_NAME_LENGTH + 1, "%Y-%m-%d", &tm) == 0)
                (void) strcpy(out, "0000-00-00");
}

/* When the day began that a copy has its name of. */
static uint64_t day_of(const char *name) {
        struct tm tm = {};

        return strptime(name, "%Y-%m-%d", &tm) ? (uint64_t) MAX(timegm(&tm), (time_t) 0) * USEC_PER_SEC : 0;
}

static bool name_is_copy(const char *s) {
        return strlen(s) == COPY_NAME_LENGTH && strspn(s, "0123456789-") == COPY_NAME_LENGTH;
}

static int sync_path(const char *path, int flags) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Reads only: neither a log nor locks are made beside it. */
static int open_copy(Db *db, const char *path) {
        _cleanup_free_ char *uri = NULL;
        int r;

        if (asprintf(&uri, "file:%s?immutable=1", path) < 0) {
                uri = NULL;
                return -ENOMEM;
        }
        *db = (Db) {};
        r = sqlite3_open_v2(uri, &db->sqlite, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                            /* vfs= */ NULL);
        if (r == SQLITE_OK)
                return 0;
        db_close(db);
        return -EUCLEAN;
}

/* SQLite's application id, which is nobody's here: when the copy was made, in seconds, so that it tells that
 * itself, whatever its name is and wherever its file was. It is in no checksum. */
#define MADE_AT 68

static int write_made(const char *path, uint64_t now_usec) {
        const uint32_t made = htobe32((uint32_t) (now_usec / USEC_PER_SEC));
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0)
                return -errno;
        return pwrite(fd, &made, sizeof(made), MADE_AT) == (ssize_t) sizeof(made) ? 0 : -EIO;
}

/* What it holds, and when it was made. -EUCLEAN: it is not whole. */
static int look(const char *path, bool quickly, Copy *ret) {
        int64_t tenants, made = 0;
        struct stat st;
        Db db;
        int r;

        if (stat(path, &st) < 0)
                return -errno;
        r = open_copy(&db, path);
        if (r < 0)
                return r;
        r = store_check(&db, quickly);
        if (r >= 0)
                r = db_exec_int(&db, "SELECT stamp FROM ledger", &ret->stamp);
        if (r >= 0)
                r = db_exec_int(&db, "SELECT count(*) FROM tenant", &tenants);
        if (r >= 0)
                r = db_exec_int(&db, "PRAGMA application_id", &made);
        db_close(&db);
        if (r < 0)
                return r == -ENOMEM ? r : -EUCLEAN;
        ret->dated = made != 0;
        ret->made_usec = (ret->dated ? (uint64_t) (uint32_t) made : (uint64_t) st.st_mtim.tv_sec) *
                         USEC_PER_SEC;
        ret->tenants = (uint64_t) tenants;
        return 0;
}

static int compare_newest_first(const void *a, const void *b) {
        return strcmp(b, a);
}

typedef char Name[COPY_NAME_LENGTH + 1];

/* The names, the newest first. */
static int names(const char *dir, Name **ret, size_t *ret_n) {
        _cleanup_free_ Name *list = NULL;
        size_t n = 0, allocated = 0;
        char path[PATH_MAX];
        struct dirent *e;
        DIR *d;
        int r;

        r = path_of(path, dir, "");
        if (r < 0)
                return r;
        d = opendir(path);
        if (!d && errno != ENOENT)
                return -errno;
        while (d && r >= 0 && (e = readdir(d))) {
                if (!name_is_copy(e->d_name))
                        continue;
                if (!GREEDY_REALLOC(list, allocated, n + 1))
                        r = -ENOMEM;
                else
                        memcpy(list[n++], e->d_name, sizeof(Name));
        }
        if (d)
                (void) closedir(d);
        if (r < 0)
                return r;
        if (n > 0)
                qsort(list, n, sizeof(Name), compare_newest_first);
        *ret = TAKE_PTR(list);
        *ret_n = n;
        return 0;
}

bool copies_are_due(const char *dir, uint64_t now_usec) {
        char name[COPY_NAME_LENGTH + 1], path[PATH_MAX];

        name_of(now_usec, name);
        return path_of(path, dir, name) >= 0 && access(path, F_OK) < 0;
}

/* Those that are too many; what remains says how far back the ledger must go, but for a long one, which only
 * goes back to the newest copy. */
static int drop_old(const char *dir, Ledger *ledger, int64_t newest) {
        _cleanup_free_ Name *list = NULL;
        int64_t oldest = newest;
        char path[PATH_MAX];
        size_t n;
        int r;

        r = names(dir, &list, &n);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                Copy c = {};
                r = path_of(path, dir, list[i]);
                if (r < 0)
                        break;
                if (i >= COPIES_MAX)
                        (void) unlink(path);
                else if (look(path, /* quickly= */ true, &c) >= 0)
                        oldest = MIN(oldest, c.stamp);
        }
        if (r < 0)
                return r;
        return ledger_prune(ledger, ledger->size > LEDGER_LONG ? newest : MAX(oldest, ledger->begins));
}

static int vacuum_into(Db *db, const char *path) {
        _cleanup_close_ int fd = -EBADF;
        char *quoted;
        int r;

        /* For nobody else, whatever the umask: SQLite takes an empty file. */
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        quoted = sqlite3_mprintf("VACUUM INTO %Q", path);
        if (!quoted)
                return -ENOMEM;
        r = db_exec(db, quoted);
        sqlite3_free(quoted);
        return r;
}

int copies_make(const char *dir, Db *db, Ledger *ledger, uint64_t now_usec) {
        char folder[PATH_MAX], new[PATH_MAX], path[PATH_MAX], name[COPY_NAME_LENGTH + 1];
        Copy c = {};
        int r;

        name_of(now_usec, name);
        r = path_of(folder, dir, "");
        if (r >= 0)
                r = path_of(new, dir, NEW_NAME);
        if (r >= 0)
                r = path_of(path, dir, name);
        if (r < 0)
                return r;
        if (mkdir(folder, 0700) < 0 && errno != EEXIST)
                return -errno;
        if (unlink(new) < 0 && errno != ENOENT)
                return -errno;
        r = vacuum_into(db, new);
        if (r >= 0)
                r = write_made(new, now_usec);
        if (r >= 0)
                r = look(new, /* quickly= */ false, &c);
        if (r >= 0)
                r = sync_path(new, 0);
        if (r >= 0 && rename(new, path) < 0)
                r = -errno;
        if (r >= 0)
                r = sync_path(folder, O_DIRECTORY);
        if (r < 0) {
                (void) unlink(new);
                return r;
        }
        return drop_old(dir, ledger, c.stamp);
}

int copies_list(const char *dir, const Ledger *ledger, Copy ret[static COPIES_MAX]) {
        _cleanup_free_ Name *list = NULL;
        char path[PATH_MAX];
        size_t n;
        int r;

        r = names(dir, &list, &n);
        if (r < 0)
                return r;
        n = MIN(n, (size_t) COPIES_MAX);
        for (size_t i = 0; i < n; i++) {
                Copy *c = &ret[i];
                *c = (Copy) {};
                memcpy(c->name, list[i], sizeof(c->name));
                r = path_of(path, dir, c->name);
                if (r >= 0)
                        r = look(path, /* quickly= */ true, c);
                /* One of before: a file that was copied or put back is younger than what it holds. */
                if (!c->dated && c->made_usec - day_of(c->name) >= USEC_PER_DAY)
                        c->made_usec = day_of(c->name);
                if (r < 0 && r != -EUCLEAN)
                        return r;
                c->good = r >= 0;
                c->complete = c->good && ledger_exists(ledger) && c->stamp >= ledger->begins;
        }
        return (int) n;
}

static int copy_file(const char *from, const char *to) {
        _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -EBADF;
        ssize_t n;

        if (in < 0)
                return -errno;
        out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (out < 0)
                return -errno;
        do
                n = sendfile(out, in, NULL, 1U << 20);
        while (n > 0);
        return n < 0 || fsync(out) < 0 ? -errno : 0;
}

int copies_restore(const char *dir, const char *name) {
        char from[PATH_MAX], new[PATH_MAX], path[PATH_MAX];
        int r;

        if (!name_is_copy(name))
                return -EINVAL;
        r = path_of(from, dir, name);
        if (r < 0)
                return r;
        if ((size_t) snprintf(path, sizeof(path), "%s/" STORE_FILE, dir) >= sizeof(path) ||
            (size_t) snprintf(new, sizeof(new), "%s/" STORE_FILE ".new", dir) >= sizeof(new))
                return -ENAMETOOLONG;
        r = copy_file(from, new);
        if (r >= 0)
                r = store_set_aside(dir);
        if (r >= 0 && rename(new, path) < 0)
                r = -errno;
        return r < 0 ? r : sync_path(dir, O_DIRECTORY);
}
