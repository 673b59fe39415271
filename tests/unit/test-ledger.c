/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is taken from tenants outlives the database that knew it. */

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hagw-tenantd/copies.h"
#include "hagw-tenantd/tenant.h"
#include "hagw-tenantd/token.h"
#include "libhagw/state.h"
#include "tests/unit/test.h"

#define NOW (UINT64_C(1795600000) * USEC_PER_SEC) /* 2026-11-25 */

static char dir[] = "/tmp/hagw-ledger-XXXXXX";
static Ledger ledger = { .fd = -EBADF };
static Db db;

static void open_again(void) {
        assert_int_equal(store_open(dir, /* anew= */ false, &ledger, &db), 0);
}

static void close_both(void) {
        db_close(&db);
        ledger_close(&ledger);
}

static int setup(void **state) {
        (void) strcpy(dir + sizeof(dir) - 7, "XXXXXX");
        return mkdtemp(dir) && store_open(dir, /* anew= */ false, &ledger, &db) >= 0 ? 0 : -1;
}

static int teardown(void **state) {
        char command[64];

        close_both();
        (void) snprintf(command, sizeof(command), "rm -r '%s'", dir);
        return system(command);
}

static int64_t add(const char *name) {
        const TenantSettings s = { .note = "", .agents = 1 };
        int64_t id;

        assert_int_equal(tenant_add(&db, name, &s, NOW, &id), 0);
        return id;
}

static const char *token(int64_t tenant, char out[static RELAY_TOKEN_ID_LENGTH + 1]) {
        const uint8_t key[RELAY_SECRET_SIZE] = { 1 };

        assert_int_equal(token_add(&db, tenant, key, false, NOW, USEC_INFINITY, out), 0);
        return out;
}

#define TOKENS \
        "ifnull((SELECT group_concat(id || ifnull('<' || expires, '')) FROM token WHERE tenant = t.id), '')"
#define EVERYTHING \
        "SELECT ifnull((SELECT group_concat(t.name || t.suspended || ':' || " TOKENS " || ':' || " \
        "ifnull((SELECT group_concat(name) FROM domain WHERE tenant = t.id), ''), ' ') FROM tenant t), '')"

/* The tokens, domains and so on of all, as text. */
static char *everything(void) {
        char *text;

        assert_int_equal(db_exec_text(&db, EVERYTHING, &text), 0);
        return text;
}

static void path_in(char *out, const char *name) {
        (void) snprintf(out, 128, "%s/%s", dir, name);
}

static void copy_file(const char *from, const char *to) {
        char a[128], b[128], command[300];

        path_in(a, from);
        path_in(b, to);
        (void) snprintf(command, sizeof(command), "cp '%s' '%s'", a, b);
        assert_int_equal(system(command), 0);
}

/* Everything that can be taken, and a database that never heard of it. */
static void test_an_older_database_catches_up(void **state) {
        char *domain[] = { (char *) "a.example", (char *) "b.example", NULL },
             *moved[] = { domain[1], NULL };
        char ids[4][RELAY_TOKEN_ID_LENGTH + 1];
        _cleanup_free_ char *before = NULL, *after = NULL, *expected = NULL;
        const int64_t anna = add("anna"), bob = add("bob"), carl = add("carl");
        TenantSettings suspended = { .note = "", .suspended = true };
        const char *taken;

        for (unsigned i = 0; i < 4; i++)
                (void) token(i < 2 ? anna : i == 2 ? bob : carl, ids[i]);
        assert_true(tenant_set_domains(&db, anna, domain, &taken) >= 0);
        assert_int_equal(copies_make(dir, &db, &ledger, NOW), 0);
        before = everything();

        assert_int_equal(token_revoke(&db, anna, ids[1]), 1);
        assert_true(tenant_set_domains(&db, anna, (char *[]) { domain[0], NULL }, &taken) >= 0);
        assert_true(tenant_set_domains(&db, bob, moved, &taken) >= 0);
        assert_int_equal(token_shorten(&db, bob, NOW + 5), 1);
        assert_true(tenant_set(&db, bob, &suspended) >= 0);
        assert_int_equal(tenant_remove(&db, carl), 1);
        expected = everything();
        assert_string_not_equal(before, expected);
        close_both();

        assert_int_equal(copies_restore(dir, "2026-11-25"), 0);
        open_again();
        after = everything();
        assert_string_equal(after, expected);
        /* A second time it has nothing left to do. */
        close_both();
        open_again();
        free(after);
        after = everything();
        assert_string_equal(after, expected);
}

/* One that goes and comes again is another one, also where both happened since. */
static void test_the_same_name_again(void **state) {
        char id[RELAY_TOKEN_ID_LENGTH + 1];
        _cleanup_free_ char *text = NULL, *now = NULL;
        const int64_t anna = add("anna");

        (void) token(anna, id);
        assert_int_equal(copies_make(dir, &db, &ledger, NOW - USEC_PER_DAY), 0);
        assert_int_equal(tenant_remove(&db, anna), 1);
        (void) token(add("anna"), id);
        assert_int_equal(copies_make(dir, &db, &ledger, NOW), 0);
        now = everything();
        close_both();
        assert_int_equal(copies_restore(dir, "2026-11-25"), 0);
        open_again();
        text = everything();
        assert_string_equal(text, now); /* removed before the copy: not again */
        close_both();
        assert_int_equal(copies_restore(dir, "2026-11-24"), 0);
        open_again();
        free(text);
        text = everything();
        assert_string_equal(text, "");
}

static void test_what_is_not_committed_is_not_noted(void **state) {
        char id[RELAY_TOKEN_ID_LENGTH + 1];
        const int64_t anna = add("anna");
        DbTransaction t = {};

        (void) token(anna, id);
        assert_int_equal(db_begin(&db, &t), 0);
        assert_int_equal(token_revoke(&db, anna, id), 1);
        db_transaction_end(&t);
        assert_int_equal(ledger_count_after(&ledger, 0, NULL), 0);
        assert_int_equal(token_revoke(&db, anna, id), 1);
        assert_int_equal(ledger_count_after(&ledger, 0, NULL), 1);
}

static void limit_files(rlim_t size) {
        const struct rlimit limit = { .rlim_cur = size, .rlim_max = RLIM_INFINITY };

        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The ledger has room for the line, and the database's log none for the rest. */
static void test_a_commit_that_fails_leaves_no_line(void **state) {
        char id[RELAY_TOKEN_ID_LENGTH + 1], path[128];
        _cleanup_free_ char *before = NULL, *after = NULL;
        const int64_t anna = add("anna"), bob = add("bob");
        DbTransaction t = {};
        struct stat st;

        (void) token(anna, id);
        assert_int_equal(tenant_remove(&db, bob), 1);
        before = everything();
        path_in(path, STORE_FILE "-wal");
        assert_int_equal(stat(path, &st), 0);
        assert_true((off_t) ledger.size + 512 < st.st_size);
        assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        limit_files((rlim_t) st.st_size);
        assert_true(token_revoke(&db, anna, id) < 0);
        limit_files(RLIM_INFINITY);
        assert_int_equal(ledger_count_after(&ledger, 0, NULL), 1);
        close_both();
        open_again();
        assert_int_equal(ledger.again, 0);
        after = everything();
        assert_string_equal(after, before);

        /* What was committed stays, whatever is taken back after it. */
        assert_int_equal(token_revoke(&db, anna, id), 1);
        assert_int_equal(db_begin(&db, &t), 0);
        (void) add("carl");
        db_transaction_end(&t);
        assert_int_equal(ledger_count_after(&ledger, 0, NULL), 2);
}

/* What could not be cut off goes before the next line is written. */
static void test_what_was_not_cut_off(void **state) {
        char id[RELAY_TOKEN_ID_LENGTH + 1];
        const int64_t anna = add("anna");
        const char left[] = "99 tenant anna - -\n";

        (void) token(anna, id);
        assert_int_equal(tenant_remove(&db, add("bob")), 1);
        assert_true(pwrite(ledger.fd, left, strlen(left), (off_t) ledger.size) == (ssize_t) strlen(left));
        ledger.uncut = true;
        assert_int_equal(token_revoke(&db, anna, id), 1);
        assert_false(ledger.uncut);
        assert_int_equal(ledger_count_after(&ledger, 0, NULL), 2);
}

/* The log of the database does not grow for ever. */
static void test_the_log_is_taken_over(void **state) {
        char path[128];
        struct stat st;

        for (unsigned i = 0; i < 3000; i++) {
                char name[16];
                (void) snprintf(name, sizeof(name), "t%u", i);
                (void) add(name);
        }
        path_in(path, STORE_FILE "-wal");
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_size < 1200 * 4200);
}

/* What cannot be noted is not done: it would come back with a copy. */
static void test_no_revocation_without_its_line(void **state) {
        char id[RELAY_TOKEN_ID_LENGTH + 1];
        const int64_t anna = add("anna");

        (void) token(anna, id);
        ledger.size = LEDGER_MAX;
        assert_int_equal(token_revoke(&db, anna, id), -EIO);
        ledger.size = lseek(ledger.fd, 0, SEEK_END);
        assert_int_equal(token_revoke(&db, anna, id), 1);
}

static void write_ledger(const char *text, size_t size) {
        char path[128];

        path_in(path, LEDGER_FILE);
        assert_int_equal(state_write(AT_FDCWD, path, text, size, 0600), 0);
}

static void test_damaged_ledger(void **state) {
        static const char *const bad[] = {
                "", "x", "hagw ledger \n", "hagw ledger 0x\n", "hagw ledger 5\n6 token anna x\n",
                "hagw ledger 5\n5 token anna x -\n", "hagw ledger 5\n7 token anna x -\n6 token anna x -\n",
                "hagw ledger 5\n6 token anna x - y\n", "hagw ledger 5\n6 unheard anna x -\n",
                "hagw ledger 5\nsix token anna x -\n", "hagw ledger -1\n",
        };
        char id[RELAY_TOKEN_ID_LENGTH + 1];

        (void) token(add("anna"), id);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                close_both();
                write_ledger(bad[i], strlen(bad[i]));
                assert_int_equal(store_open(dir, false, &ledger, &db), -EBADMSG);
        }
        write_ledger("hagw ledger 0\n1 token anna \0y -\n", 33);
        assert_int_equal(store_open(dir, false, &ledger, &db), -EBADMSG);
        /* Half a line was never acknowledged. */
        write_ledger("hagw ledger 0\n1 token an", 24);
        open_again();
        assert_int_equal(ledger.size, 14);
        assert_int_equal(ledger.stamp, 0);
}

/* Without it nothing is known of what was taken since the older copies. */
static void test_lost_ledger(void **state) {
        char id[RELAY_TOKEN_ID_LENGTH + 1], path[128];
        Copy copies[COPIES_MAX];
        const int64_t anna = add("anna");

        assert_int_equal(token_revoke(&db, anna, token(anna, id)), 1);
        assert_int_equal(copies_make(dir, &db, &ledger, NOW - USEC_PER_DAY), 0);
        assert_int_equal(token_revoke(&db, anna, token(anna, id)), 1);
        close_both();
        path_in(path, LEDGER_FILE);
        assert_int_equal(unlink(path), 0);
        open_again();
        assert_int_equal(ledger.begins, 2);
        assert_int_equal(copies_make(dir, &db, &ledger, NOW), 0);
        assert_int_equal(copies_list(dir, &ledger, copies), 2);
        assert_true(copies[0].good && copies[0].complete);
        assert_true(copies[1].good && !copies[1].complete);
}

/* Seven are kept, and the ledger only what the oldest one does not know. */
static void test_a_week(void **state) {
        char id[RELAY_TOKEN_ID_LENGTH + 1];
        const int64_t anna = add("anna");
        Copy copies[COPIES_MAX];

        for (unsigned day = 0; day < 10; day++) {
                assert_true(copies_are_due(dir, NOW + day * USEC_PER_DAY));
                assert_int_equal(copies_make(dir, &db, &ledger, NOW + day * USEC_PER_DAY), 0);
                assert_false(copies_are_due(dir, NOW + day * USEC_PER_DAY));
                assert_int_equal(token_revoke(&db, anna, token(anna, id)), 1);
        }
        assert_int_equal(copies_list(dir, &ledger, copies), COPIES_MAX);
        assert_string_equal(copies[0].name, "2026-12-04");
        assert_string_equal(copies[COPIES_MAX - 1].name, "2026-11-28");
        for (size_t i = 0; i < COPIES_MAX; i++)
                assert_true(copies[i].good && copies[i].complete && copies[i].tenants == 1);
        assert_int_equal(ledger_count_after(&ledger, 0, NULL), 7);
        assert_int_equal(ledger.begins, 3);
        /* It goes on in the shorter file. */
        assert_int_equal(token_revoke(&db, anna, token(anna, id)), 1);
        assert_int_equal(ledger_count_after(&ledger, 0, NULL), 8);
}

static void forget_when(const char *path) {
        static const uint8_t nothing[4];
        const int fd = open(path, O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0 && pwrite(fd, nothing, sizeof(nothing), 68) == sizeof(nothing));
        assert_int_equal(close(fd), 0);
}

/* It says itself when it was made, under whatever name. */
static void test_a_copy_under_another_day(void **state) {
        char path[PATH_MAX], other[PATH_MAX];
        Copy copies[COPIES_MAX];

        assert_int_equal(copies_make(dir, &db, &ledger, NOW), 0);
        (void) snprintf(path, sizeof(path), "%s/" COPIES_DIR "/2026-11-25", dir);
        (void) snprintf(other, sizeof(other), "%s/" COPIES_DIR "/2026-11-19", dir);
        assert_int_equal(rename(path, other), 0);
        assert_int_equal(copies_list(dir, &ledger, copies), 1);
        assert_string_equal(copies[0].name, "2026-11-19");
        assert_true(copies[0].good && copies[0].complete);
        assert_int_equal(copies[0].made_usec, NOW / USEC_PER_SEC * USEC_PER_SEC);
}

/* One of before says nothing: it was made when its name says so, whatever became of its file since. */
static void test_made(void **state) {
        const uint64_t day = NOW / USEC_PER_DAY * USEC_PER_DAY, hours = 7 * USEC_PER_HOUR;
        struct timespec times[2] = { { .tv_sec = (time_t) ((day + hours) / USEC_PER_SEC) } };
        Copy copies[COPIES_MAX];
        char path[PATH_MAX];

        assert_int_equal(copies_make(dir, &db, &ledger, NOW), 0);
        (void) snprintf(path, sizeof(path), "%s/" COPIES_DIR "/2026-11-25", dir);
        forget_when(path);
        times[1] = times[0];
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
        assert_int_equal(copies_list(dir, &ledger, copies), 1);
        assert_int_equal(copies[0].made_usec, day + hours);
        for (int off = -1; off <= 1; off += 2) {
                times[1].tv_sec = times[0].tv_sec + off * 86400;
                assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
                assert_int_equal(copies_list(dir, &ledger, copies), 1);
                assert_int_equal(copies[0].made_usec, day);
        }
}

/* Long, it goes back to the newest copy alone. */
static void test_long_ledger(void **state) {
        char id[RELAY_TOKEN_ID_LENGTH + 1];
        const int64_t anna = add("anna");
        Copy copies[COPIES_MAX];

        assert_int_equal(copies_make(dir, &db, &ledger, NOW), 0);
        assert_int_equal(token_revoke(&db, anna, token(anna, id)), 1);
        ledger.size += LEDGER_LONG;
        assert_int_equal(copies_make(dir, &db, &ledger, NOW + USEC_PER_DAY), 0);
        assert_true(ledger.size < 64);
        assert_int_equal(ledger_count_after(&ledger, 0, NULL), 0);
        assert_int_equal(copies_list(dir, &ledger, copies), 2);
        assert_true(copies[0].complete && copies[1].good && !copies[1].complete);
}

/* A copy that is damaged is named so, and the next one is there. */
static void test_damaged_copy(void **state) {
        Copy copies[COPIES_MAX];
        char path[128];

        (void) add("anna");
        assert_int_equal(copies_make(dir, &db, &ledger, NOW), 0);
        assert_int_equal(copies_make(dir, &db, &ledger, NOW + USEC_PER_DAY), 0);
        path_in(path, COPIES_DIR "/2026-11-26");
        assert_int_equal(truncate(path, 6000), 0);
        copy_file(STORE_FILE, COPIES_DIR "/no-copy");
        assert_int_equal(copies_list(dir, &ledger, copies), 2);
        assert_true(!copies[0].good && !copies[0].complete && copies[1].good);
        assert_int_equal(copies_restore(dir, "../tenants.db"), -EINVAL);
        assert_int_equal(copies_restore(dir, "2026-11-01"), -ENOENT);
}

/* SQLite takes an empty file, and none, for a new database. */
static void test_empty_is_not_new(void **state) {
        char path[128];

        close_both();
        path_in(path, STORE_FILE);
        assert_int_equal(truncate(path, 0), 0);
        assert_int_equal(store_open(dir, false, &ledger, &db), -EUCLEAN);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(store_open(dir, false, &ledger, &db), -EUCLEAN);
        assert_int_equal(store_open(dir, true, &ledger, &db), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
TEST_MAIN(TEST(test_an_older_database_catches_up), TEST(test_the_same_name_again),
          TEST(test_what_is_not_committed_is_not_noted), TEST(test_no_revocation_without_its_line),
          TEST(test_damaged_ledger), TEST(test_lost_ledger), TEST(test_a_week),
          TEST(test_a_copy_under_another_day),
          TEST(test_made),
          TEST(test_a_commit_that_fails_leaves_no_line), TEST(test_what_was_not_cut_off),
          TEST(test_the_log_is_taken_over), TEST(test_long_ledger), TEST(test_damaged_copy),
          TEST(test_empty_is_not_new))
