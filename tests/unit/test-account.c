/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "account.h"
#include "test.h"

#define ZONE "relay.test"

static void assert_value(const Accounts *a, const char *name, const char *value) {
        uint8_t wire[DNAME_MAX];
        const int n = dname_from_text(name, wire);
        const Account *found;

        assert_true(n > 0);
        found = accounts_find(a, wire, (size_t) n);
        assert_int_equal(!found, !value);
        if (value) {
                assert_int_equal(found->value_size, strlen(value));
                assert_memory_equal(found->value, value, strlen(value));
        }
}

static void test_accounts(void **state) {
        _cleanup_(accounts_freep) Accounts *a = NULL;
        uint8_t wire[DNAME_MAX];
        char uri[ACCOUNT_VALUE_MAX + 1];

        assert_null(accounts_find(NULL, wire, (size_t) dname_from_text("anna." ZONE, wire)));
        assert_int_equal(accounts_new(ZONE, &a), 0);
        assert_value(a, "anna." ZONE, NULL);
        assert_int_equal(accounts_set(a, "anna", "ca.test", "https://ca.test/1"), 0);
        assert_value(a, "anna." ZONE, "ca.test; accounturi=https://ca.test/1; validationmethods=dns-01");
        assert_int_equal(accounts_set(a, "anna", "b.test", "https://b.test/2"), 0);
        assert_value(a, "anna." ZONE, "b.test; accounturi=https://b.test/2; validationmethods=dns-01");
        assert_value(a, "ha.anna." ZONE, NULL);
        assert_value(a, "ann." ZONE, NULL);
        assert_value(a, "annab." ZONE, NULL);
        assert_value(a, ZONE, NULL);
        assert_value(a, "anna.other.test", NULL);
        assert_value(a, "anna", NULL);
        assert_int_equal(accounts_set(a, "bob", "", ""), 0);
        assert_int_equal(accounts_set(a, "anna", "", ""), 0);
        assert_value(a, "anna." ZONE, NULL);
        assert_int_equal(a->table.n, 0);

        assert_int_equal(accounts_set(a, "", "ca.test", "https://ca.test/1"), -EINVAL);
        assert_int_equal(accounts_set(a, "anna", "ca.test; x=y", "https://ca.test/1"), -EINVAL);
        assert_int_equal(accounts_set(a, "anna", "ca.test", "https://ca.test/1;x"), -EINVAL);
        assert_int_equal(accounts_set(a, "anna", "ca.test", "https://ca.test/\xc3\xa4"), -EINVAL);
        memset(uri, 'x', sizeof(uri) - 1);
        uri[sizeof(uri) - 1] = '\0';
        assert_int_equal(accounts_set(a, "anna", "ca.test", uri), -EINVAL);
}

static void test_many(void **state) {
        _cleanup_(accounts_freep) Accounts *a = NULL;
        char label[16], name[32];

        assert_int_equal(accounts_new(ZONE, &a), 0);
        for (unsigned i = 0; i < 100000; i++) {
                (void) snprintf(label, sizeof(label), "t%u", i);
                assert_int_equal(accounts_set(a, label, "ca.test", label), 0);
        }
        for (unsigned i = 0; i < 100000; i += 2) {
                (void) snprintf(label, sizeof(label), "t%u", i);
                assert_int_equal(accounts_set(a, label, "", ""), 0);
        }
        assert_int_equal(a->table.n, 50000);
        for (unsigned i = 0; i < 100000; i++) {
                char value[64];

                (void) snprintf(name, sizeof(name), "t%u." ZONE, i);
                (void) snprintf(value, sizeof(value), "ca.test; accounturi=t%u; validationmethods=dns-01",
                                i);
                assert_value(a, name, i % 2 ? value : NULL);
        }
}

TEST_MAIN(cmocka_unit_test(test_accounts), cmocka_unit_test(test_many))
