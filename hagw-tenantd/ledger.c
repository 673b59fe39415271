/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* "hagw ledger BEGINS", then lines of "STAMP VERB TENANT A B", "-" for what a verb does not have. A line
 * without its end was never acknowledged: the commit waits for it. */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "hagw-tenantd/ledger.h"
#include "libhagw/state.h"
#include "libhagw/statefault.h"

#define HEAD "hagw ledger "
#define FIELDS 5U
#define LINE_MAX_ 512U
#define CHECKPOINT_PAGES 1000 /* of the log; as SQLite has it by itself */

typedef struct Line {
        int64_t stamp;
        const char *verb, *tenant, *a, *b;
} Line;

/* A verb is a row: what to do again. ?1 is the tenant, ?2 and ?3 are a and b. */
static const struct {
        const char *verb;
        Statement statement;
        unsigned values;
} verbs[] = {
        { "token", STATEMENT_AGAIN_TOKEN, 2 },         { "expires", STATEMENT_AGAIN_EXPIRES, 3 },
        { "code", STATEMENT_AGAIN_CODE, 2 },           { "tenant", STATEMENT_AGAIN_TENANT, 1 },
        { "suspended", STATEMENT_AGAIN_SUSPENDED, 2 }, { "terminate", STATEMENT_AGAIN_TERMINATE, 2 },
        { "domain", STATEMENT_AGAIN_DOMAIN, 2 },       { "owner", STATEMENT_AGAIN_OWNER, 2 },
};

/* --- reading ------------------------------------------------------------------------------------------- */

static int number(const char *s, int64_t *ret) {
        char *end;

        errno = 0;
        *ret = strtoll(s, &end, 10);
        return errno != 0 || end == s || *end || *ret < 0 ? -EBADMSG : 0;
}

/* In place. */
static int parse(char *text, Line *ret) {
        char *fields[FIELDS + 1] = {}, *rest = text;
        size_t n = 0;

        while (n <= FIELDS && (fields[n] = strsep(&rest, " ")))
                n++;
        if (n != FIELDS)
                return -EBADMSG;
        *ret = (Line) { .verb = fields[1], .tenant = fields[2], .a = fields[3], .b = fields[4] };
        return number(fields[0], &ret->stamp);
}

/* Each whole line; the handler may end it with a negative errno. *ret_size: of all that is whole. */
static int each(const Ledger *l, int (*handler)(const Line *line, void *userdata), void *userdata,
                int64_t *ret_begins, size_t *ret_size) {
        _cleanup_free_ char *text = NULL;
        int64_t last;
        char *end, *p;
        size_t size;
        int r;

        r = state_read(AT_FDCWD, l->path, &text, &size);
        if (r < 0)
                return r;
        end = strchr(text, '\n');
        if (!end || !startswith(text, HEAD))
                return -EBADMSG;
        *end = '\0';
        r = number(text + strlen(HEAD), &last);
        if (r < 0)
                return r;
        *ret_begins = last;
        for (p = end + 1; (end = strchr(p, '\n')); p = end + 1) {
                Line line;
                *end = '\0';
                r = parse(p, &line);
                if (r >= 0 && line.stamp <= last)
                        r = -EBADMSG;
                if (r >= 0)
                        r = handler(&line, userdata);
                if (r < 0)
                        return r;
                last = line.stamp;
        }
        *ret_size = (size_t) (p - text);
        /* A NUL would hide what follows it. */
        return strlen(p) + *ret_size == size ? 0 : -EBADMSG;
}

static int on_last(const Line *line, void *userdata) {
        *(int64_t *) userdata = line->stamp;
        return 0;
}

static int open_ledger(Ledger *l, const char *dir, bool read) {
        int64_t last = 0;
        int r;

        *l = LEDGER_NONE;
        l->read = read;
        if (asprintf(&l->path, "%s/" LEDGER_FILE, dir) < 0) {
                l->path = NULL;
                return -ENOMEM;
        }
        r = each(l, on_last, &last, &l->begins, &l->size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r == -EFBIG ? -EBADMSG : r;
        l->stamp = MAX(last, l->begins);
        l->fd = open(l->path, (read ? O_RDONLY : O_WRONLY) | O_CLOEXEC | O_NOFOLLOW);
        if (l->fd < 0 || (!read && ftruncate(l->fd, (off_t) l->size) < 0))
                return -errno;
        return 0;
}

int ledger_open(Ledger *l, const char *dir) {
        return open_ledger(l, dir, /* read= */ false);
}

int ledger_read(Ledger *l, const char *dir) {
        return open_ledger(l, dir, /* read= */ true);
}

void ledger_close(Ledger *l) {
        (void) safe_close(l->fd);
        free(l->path);
        free(l->pending);
        *l = LEDGER_NONE;
}

bool ledger_exists(const Ledger *l) {
        return l->fd >= 0;
}

typedef struct Collect {
        int64_t after;
        char **lines; /* NULL: only counted */
        size_t n, allocated;
        FILE *out; /* NULL: not written */
        bool wanted;
} Collect;

static int on_collect(const Line *line, void *userdata) {
        Collect *c = userdata;

        if (line->stamp <= c->after)
                return 0;
        if (c->out)
                fprintf(c->out, "%lld %s %s %s %s\n", (long long) line->stamp, line->verb, line->tenant,
                        line->a, line->b);
        if (c->wanted) {
                if (!GREEDY_REALLOC(c->lines, c->allocated, c->n + 2))
                        return -ENOMEM;
                if (asprintf(&c->lines[c->n], "%s %s%s%s%s%s", line->verb, line->tenant,
                             streq(line->a, "-") ? "" : " ", streq(line->a, "-") ? "" : line->a,
                             streq(line->b, "-") ? "" : " ", streq(line->b, "-") ? "" : line->b) < 0) {
                        c->lines[c->n] = NULL;
                        return -ENOMEM;
                }
                c->lines[c->n + 1] = NULL;
        }
        c->n++;
        return 0;
}

int ledger_count_after(const Ledger *l, int64_t stamp, char ***ret) {
        Collect c = { .after = stamp, .wanted = !!ret };
        int64_t begins;
        size_t size;
        int r;

        r = each(l, on_collect, &c, &begins, &size);
        if (r < 0) {
                for (size_t i = 0; c.lines && i < c.n; i++)
                        free(c.lines[i]);
                free(c.lines);
                return r == -ENOENT ? 0 : r;
        }
        if (ret)
                *ret = c.lines;
        return (int) c.n;
}

int ledger_prune(Ledger *l, int64_t stamp) {
        _cleanup_free_ char *text = NULL;
        Collect c = { .after = stamp };
        int64_t begins;
        size_t size;
        int fd, r;

        if (stamp <= l->begins)
                return 0;
        r = ledger_cut(l);
        if (r < 0)
                return r;
        c.out = open_memstream(&text, &size);
        if (!c.out)
                return -errno;
        fprintf(c.out, HEAD "%lld\n", (long long) stamp);
        r = each(l, on_collect, &c, &begins, &(size_t) {});
        if (fclose(c.out) != 0 && r >= 0)
                r = -ENOMEM;
        if (r >= 0)
                r = state_write(AT_FDCWD, l->path, text, size, 0600);
        if (r < 0)
                return r;
        fd = open(l->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        (void) safe_close(l->fd);
        l->fd = fd;
        l->begins = stamp;
        l->stamp = MAX(l->stamp, stamp);
        l->size = size;
        return 0;
}

/* --- noting -------------------------------------------------------------------------------------------- */

/* ledger_note(verb, tenant, a, b), from triggers: the stamp for the database. A row that goes with its
 * tenant has none any more; that the tenant went is noted. */
static void on_note(sqlite3_context *context, int n, sqlite3_value **values) {
        Ledger *l = sqlite3_user_data(context);
        char line[LINE_MAX_];
        const char *text[4];
        int size;

        for (int i = 0; i < 4; i++)
                text[i] = (const char *) sqlite3_value_text(values[i]) ?: "-";
        if (sqlite3_value_type(values[1]) != SQLITE_NULL) {
                size = snprintf(line, sizeof(line), "%lld %s %s %s %s\n", (long long) l->stamp + 1, text[0],
                                text[1], text[2], text[3]);
                if (size < 0 || (size_t) size >= sizeof(line) ||
                    !GREEDY_REALLOC(l->pending, l->allocated, l->n_pending + (size_t) size)) {
                        sqlite3_result_error_nomem(context);
                        return;
                }
                memcpy(l->pending + l->n_pending, line, (size_t) size);
                l->n_pending += (size_t) size;
                l->stamp++;
        }
        sqlite3_result_int64(context, l->stamp);
}

int ledger_cut(Ledger *l) {
        int r = 0;

        if (!l->uncut)
                return 0;
        /* On disk, too: after a loss of power it must not be there again. */
        if (ftruncate(l->fd, (off_t) l->size) < 0 || fdatasync(l->fd) < 0)
                r = -errno;
        state_fault_note(LEDGER_FILE, /* size= */ 0, r);
        l->uncut = r < 0;
        return r;
}

static int write_whole(const Ledger *l) {
        const ssize_t n = pwrite(l->fd, l->pending, l->n_pending, (off_t) l->size);
        int r = n < 0 ? -errno : 0;

        if (r >= 0 && (size_t) n != l->n_pending)
                r = -ENOSPC;
        if (r >= 0 && fdatasync(l->fd) < 0)
                r = -errno;
        return r;
}

/* Non-zero: the transaction is taken back. */
static int on_commit(void *userdata) {
        Ledger *l = userdata;
        int r;

        l->n_written = 0;
        if (l->n_pending == 0)
                return 0;
        if (l->fd < 0 || l->size + l->n_pending > LEDGER_MAX || ledger_cut(l) < 0)
                return 1;
        r = write_whole(l);
        if (r < 0) {
                l->uncut = true;
                (void) ledger_cut(l);
        }
        state_fault_note(LEDGER_FILE, l->n_pending, r);
        if (r < 0)
                return 1;
        l->n_written = l->n_pending;
        l->size += l->n_written;
        l->n_pending = 0;
        return 0;
}

/* Also where the commit failed after on_commit(), by a disk that had room for the line alone: whoever asked
 * is told that nothing was done. */
static void on_rollback(void *userdata) {
        Ledger *l = userdata;

        l->n_pending = 0;
        if (l->n_written == 0)
                return;
        l->size -= l->n_written;
        l->n_written = 0;
        l->uncut = true;
        (void) ledger_cut(l);
}

/* The commit is done. It takes the place of SQLite's own, which does the rest of this. */
static int on_committed(void *userdata, sqlite3 *sqlite, const char *name, int pages) {
        ((Ledger *) userdata)->n_written = 0;
        if (pages >= CHECKPOINT_PAGES)
                (void) sqlite3_wal_checkpoint_v2(sqlite, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        return SQLITE_OK;
}

/* --- catching up --------------------------------------------------------------------------------------- */

typedef struct CatchUp {
        Db *db;
        int64_t after;
        unsigned n;
} CatchUp;

static int on_again(const Line *line, void *userdata) {
        CatchUp *c = userdata;
        int r;

        if (line->stamp <= c->after)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                const DbValue values[] = { DB_TEXT(line->tenant), DB_TEXT(line->a), DB_TEXT(line->b) };
                if (!streq(verbs[i].verb, line->verb))
                        continue;
                r = db_run(c->db, verbs[i].statement, values, verbs[i].values);
                c->n++;
                return MIN(r, 0);
        }
        return -EBADMSG;
}

static int create(Ledger *l, int64_t begins) {
        char head[64];
        int n, r;

        n = snprintf(head, sizeof(head), HEAD "%lld\n", (long long) begins);
        r = state_write(AT_FDCWD, l->path, head, (size_t) n, 0600);
        if (r < 0)
                return r;
        l->fd = open(l->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        l->begins = l->stamp = begins;
        l->size = (size_t) n;
        return l->fd < 0 ? -errno : 0;
}

int ledger_attach(Ledger *l, Db *db) {
        _cleanup_transaction_ DbTransaction t = {};
        CatchUp c = { .db = db };
        int64_t begins;
        size_t size;
        int r;

        r = db_exec_int(db, "SELECT stamp FROM ledger", &c.after);
        if (r == -ENODATA)
                r = -EUCLEAN;
        if (r >= 0 && !ledger_exists(l) && !l->read)
                r = create(l, c.after);
        l->gap = r >= 0 && c.after < l->begins;
        if (r >= 0)
                r = db_begin(db, &t);
        if (r >= 0)
                r = each(l, on_again, &c, &begins, &size);
        if (r < 0)
                return r;
        l->again = c.n;
        l->stamp = MAX(l->stamp, c.after);
        r = db_run(db, STATEMENT_LEDGER_STAMP, DB_VALUES(DB_INT(l->stamp)));
        if (r >= 0)
                r = db_commit(&t);
        if (r < 0)
                return r;
        if (sqlite3_create_function(db->sqlite, "ledger_note", 4, SQLITE_UTF8, l, on_note, NULL, NULL) !=
            SQLITE_OK)
                return -ENOMEM;
        (void) sqlite3_commit_hook(db->sqlite, on_commit, l);
        (void) sqlite3_rollback_hook(db->sqlite, on_rollback, l);
        (void) sqlite3_wal_hook(db->sqlite, on_committed, l);
        return 0;
}
