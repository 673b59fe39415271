/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The database without a daemon: time is the test's, so that months turn and tokens end when it says. */

#include <stdio.h>
#include <unistd.h>

#include "hagw-tenantd/store.h"
#include "hagw-tenantd/tenant.h"
#include "hagw-tenantd/token.h"
#include "hagw-tenantd/usage.h"
#include "tests/unit/test.h"

#define NOVEMBER (UINT64_C(1795600000) * USEC_PER_SEC) /* 2026-11-25 */

static char dir[] = "/tmp/hagw-tenant-store-XXXXXX";
static Ledger ledger = { .fd = -EBADF };
static Db db;

static int setup(void **state) {
        (void) strcpy(dir + sizeof(dir) - 7, "XXXXXX");
        if (!mkdtemp(dir) || store_open(dir, /* anew= */ false, &ledger, &db) < 0)
                return -1;
        return 0;
}

static int teardown(void **state) {
        char command[64];

        db_close(&db);
        ledger_close(&ledger);
        (void) snprintf(command, sizeof(command), "rm -r '%s'", dir);
        return system(command);
}

static int64_t add(const char *name, uint64_t bytes_per_month) {
        const TenantSettings s = { .note = "", .agents = 1, .bytes_per_month = bytes_per_month };
        int64_t id;

        assert_int_equal(tenant_add(&db, name, &s, NOVEMBER, &id), 0);
        return id;
}

static bool exhausted(const char *name, uint64_t now) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        Tenant t;

        assert_int_equal(tenant_query_name(&db, name, now, &q), 0);
        assert_int_equal(tenant_next(q, &t), 1);
        return t.exhausted;
}

static unsigned told(void) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        unsigned n = 0;

        assert_int_equal(db_query(&db, STATEMENT_CHANGED_AFTER,
                                  DB_VALUES(DB_INT(0), DB_INT(0), DB_INT(1000)), &q), 0);
        while (db_step(q) > 0)
                n++;
        assert_true(db_run(&db, STATEMENT_CHANGED_CLEAR, NULL, 0) >= 0);
        return n;
}

static void test_month_turns(void **state) {
        const Month november = month_of(NOVEMBER);
        const uint64_t december = month_start_usec(november + 1);

        (void) add("anna", 1000);
        (void) add("bob", 1000);
        (void) add("eve", 0);
        (void) told();
        assert_int_equal(usage_add(&db, &(Usage) { .tenant = "anna", .received = 999 }, NOVEMBER), 0);
        assert_int_equal(usage_add(&db, &(Usage) { .tenant = "bob", .sent = 10 }, NOVEMBER), 0);
        assert_int_equal(usage_add(&db, &(Usage) { .tenant = "eve", .sent = 1 << 30 }, NOVEMBER), 0);
        assert_int_equal(usage_add(&db, &(Usage) { .tenant = "nobody", .sent = 1 }, NOVEMBER), 0);
        assert_int_equal(told(), 0);
        assert_int_equal(usage_add(&db, &(Usage) { .tenant = "anna", .sent = 1 }, december - 1), 0);
        assert_true(exhausted("anna", december - 1));
        assert_int_equal(told(), 1);
        assert_int_equal(usage_add(&db, &(Usage) { .tenant = "anna", .sent = 1 }, december - 1), 0);
        assert_int_equal(told(), 0);
        assert_false(exhausted("bob", december - 1));
        assert_false(exhausted("eve", december - 1));

        assert_false(exhausted("anna", december));
        assert_int_equal(usage_turn(&db, november + 1), 0);
        assert_int_equal(told(), 1);
        assert_int_equal(usage_add(&db, &(Usage) { .tenant = "anna", .sent = 5 }, december), 0);
        assert_false(exhausted("anna", december));
}

static void test_old_months_go(void **state) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        const Month last = month_of(NOVEMBER);
        unsigned n = 0;
        Usage u;

        (void) add("anna", 0);
        for (Month m = last - 49; m <= last; m++) {
                assert_int_equal(usage_turn(&db, m), 0);
                assert_int_equal(usage_add(&db, &(Usage) { .tenant = "anna", .sent = 1 },
                                           month_start_usec(m)), 0);
        }
        assert_int_equal(usage_query(&db, "", 0, "~", 0, 1000, &q), 0);
        for (Month m = last - USAGE_MONTHS_KEPT; usage_next(q, &u) > 0; m++, n++)
                assert_int_equal(u.month, m);
        assert_int_equal(n, USAGE_MONTHS_KEPT + 1);
}

/* However much is told, the sum stays a sum. */
static void test_sums_do_not_overflow(void **state) {
        (void) add("anna", UINT64_C(1) << 60);
        for (unsigned i = 0; i < 10000; i++)
                assert_int_equal(usage_add(&db, &(Usage) { .tenant = "anna", .sent = USAGE_REPORT_MAX,
                                                           .received = USAGE_REPORT_MAX }, NOVEMBER), 0);
        assert_true(exhausted("anna", NOVEMBER));
}

static void test_tokens_end(void **state) {
        const uint8_t key[RELAY_SECRET_SIZE] = { 1 };
        const int64_t anna = add("anna", 0);
        char id[RELAY_TOKEN_ID_LENGTH + 1];
        uint64_t next;

        assert_int_equal(next_expiry(&db, &next), 0);
        assert_true(next == USEC_INFINITY);
        assert_int_equal(token_add(&db, anna, key, false, NOVEMBER, USEC_INFINITY, id), 0);
        assert_int_equal(token_add(&db, anna, key, false, NOVEMBER, NOVEMBER + 10, id), 0);
        assert_int_equal(next_expiry(&db, &next), 0);
        assert_true(next == NOVEMBER + 10);
        assert_int_equal(token_expire(&db, NOVEMBER + 9), 0);
        assert_int_equal(token_expire(&db, NOVEMBER + 10), 1);
        assert_int_equal(token_shorten(&db, anna, NOVEMBER + 20), 1);
        /* A longer life is not given by it. */
        assert_int_equal(token_shorten(&db, anna, NOVEMBER + 30), 0);
        assert_int_equal(token_expire(&db, NOVEMBER + 20), 1);
        /* What has ended but was not taken away yet holds no place. */
        for (unsigned i = 0; i < TENANT_TOKENS_MAX; i++)
                assert_int_equal(token_add(&db, anna, key, false, NOVEMBER, NOVEMBER + 40, id), 0);
        assert_int_equal(token_add(&db, anna, key, false, NOVEMBER, NOVEMBER + 40, id), -E2BIG);
        assert_int_equal(token_add(&db, anna, key, false, NOVEMBER + 40, USEC_INFINITY, id), 0);
}

/* The secret 0…31, a binding of 0x42: the figures were computed with Python's hashlib and hmac. */
#define STORED_KEY "mmg42klgyqzwneiskrelxms3j72bfje4omw3fsflyg4fqg6xcdoq"
#define PROOF "bwp6ighwsjioojkxoup2ptr4ljpvo6rcd4okpqh7bfkrwdbgg5ia"
static void test_proof(void **state) {
        const uint8_t binding[RELAY_BINDING_SIZE] = { [0 ... 31] = 0x42 };
        uint8_t proof[RELAY_SECRET_SIZE], stored_key[RELAY_SECRET_SIZE];
        const int64_t anna = add("anna", 0);
        bool suspended = true;

        assert_int_equal(base32_decode(STORED_KEY, 52, stored_key, sizeof(stored_key)), 0);
        assert_int_equal(base32_decode(PROOF, 52, proof, sizeof(proof)), 0);
        assert_true(db_run(&db, STATEMENT_TOKEN_ADD,
                           DB_VALUES(DB_INT(anna), DB_TEXT("aaaaaaaa"), DB_BLOB(stored_key, 32), DB_INT(1),
                                     DB_INT(0), DB_USEC(USEC_INFINITY))) >= 0);
        assert_int_equal(token_check(&db, "anna", "aaaaaaaa", proof, binding, NOVEMBER, &suspended), 0);
        assert_false(suspended);
        for (unsigned i = 0; i < sizeof(proof); i++) {
                proof[i] ^= 1;
                assert_int_equal(token_check(&db, "anna", "aaaaaaaa", proof, binding, NOVEMBER, &suspended),
                                 -EKEYREJECTED);
                proof[i] ^= 1;
        }
        assert_int_equal(token_check(&db, "anna", "aaaaaaab", proof, binding, NOVEMBER, &suspended),
                         -EKEYREJECTED);
        assert_int_equal(token_check(&db, "bob", "aaaaaaaa", proof, binding, NOVEMBER, &suspended),
                         -EKEYREJECTED);
}

/* What stands in for a token that is not there has no proof either. */
static void test_nothing_is_not_a_token(void **state) {
        const uint8_t zeros[RELAY_SECRET_SIZE] = {};
        bool suspended;

        (void) add("anna", 0);
        assert_int_equal(token_check(&db, "anna", "aaaaaaaa", zeros, zeros, NOVEMBER, &suspended),
                         -EKEYREJECTED);
}

static void test_taken_back(void **state) {
        TenantCounts n;

        {
                _cleanup_transaction_ DbTransaction t = {};
                assert_int_equal(db_begin(&db, &t), 0);
                (void) add("anna", 0);
        }
        assert_int_equal(tenant_count(&db, &n), 0);
        assert_int_equal(n.tenants, 0);
        assert_int_equal(told(), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
TEST_MAIN(TEST(test_month_turns), TEST(test_old_months_go), TEST(test_sums_do_not_overflow),
          TEST(test_tokens_end), TEST(test_proof), TEST(test_nothing_is_not_a_token), TEST(test_taken_back))
