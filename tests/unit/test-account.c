/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-dnsd/account.h"
#include "tests/unit/test.h"

/* values: NULL-ended; none: the label has no accounts. */
static void assert_values(const Accounts *a, const char *label, const char *const *values) {
        const Account *found = accounts_find(a, label);
        const char *value = found ? found->values : NULL;
        unsigned n = 0;

        for (; *values; values++, n++) {
                assert_non_null(found);
                assert_true(n < found->n);
                assert_string_equal(value, *values);
                value += strlen(value) + 1;
        }
        assert_int_equal(found ? found->n : 0, n);
}
#define VALUES(...) ((const char *const[]) { __VA_ARGS__ __VA_OPT__(,) NULL })

static int set(Accounts *a, const char *label, const char *issuer, const char *uri) {
        return accounts_set(a, label, &(AccountLine) { issuer, uri }, 1);
}

static void test_accounts(void **state) {
        static const AccountLine two[] = { { "ca.test", "https://ca.test/1" },
                                           { "b.test", "https://b.test/2" } };
        _cleanup_(accounts_freep) Accounts *a = accounts_new();
        char uri[ACCOUNT_VALUE_MAX + 1];

        assert_non_null(a);
        assert_null(accounts_find(NULL, "anna"));
        assert_values(a, "anna", VALUES());
        assert_int_equal(set(a, "anna", "ca.test", "https://ca.test/1"), 0);
        assert_values(a, "anna", VALUES("ca.test; accounturi=https://ca.test/1; validationmethods=dns-01"));
        assert_int_equal(accounts_set(a, "anna", two, 2), 0);
        assert_values(a, "anna",
                      VALUES("ca.test; accounturi=https://ca.test/1; validationmethods=dns-01",
                             "b.test; accounturi=https://b.test/2; validationmethods=dns-01"));
        assert_values(a, "ann", VALUES());
        assert_int_equal(accounts_set(a, "bob", NULL, 0), 0);
        assert_int_equal(accounts_set(a, "anna", NULL, 0), 0);
        assert_values(a, "anna", VALUES());
        assert_int_equal(a->table.n, 0);

        assert_int_equal(set(a, "", "ca.test", "https://ca.test/1"), -EINVAL);
        assert_int_equal(set(a, "anna", "ca.test; x=y", "https://ca.test/1"), -EINVAL);
        assert_int_equal(set(a, "anna", "", "https://ca.test/1"), -EINVAL);
        assert_int_equal(set(a, "anna", "ca.test", "https://ca.test/1;x"), -EINVAL);
        assert_int_equal(set(a, "anna", "ca.test", "https://ca.test/\xc3\xa4"), -EINVAL);
        memset(uri, 'x', sizeof(uri) - 1);
        uri[sizeof(uri) - 1] = '\0';
        assert_int_equal(set(a, "anna", "ca.test", uri), -EINVAL);
}

static void test_as_many_as_fit(void **state) {
        _cleanup_(accounts_freep) Accounts *a = accounts_new();
        AccountLine lines[ACCOUNT_LINES_MAX + 1];
        char uri[200];

        memset(uri, 'x', sizeof(uri) - 1);
        uri[sizeof(uri) - 1] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                lines[i] = (AccountLine) { "ca.test", uri };
        assert_non_null(a);
        assert_int_equal(accounts_set(a, "anna", lines, ACCOUNT_LINES_MAX), 0);
        assert_int_equal(accounts_find(a, "anna")->n, ACCOUNT_LINES_MAX);
        assert_int_equal(accounts_set(a, "anna", lines, ACCOUNT_LINES_MAX + 1), -EINVAL);
        assert_int_equal(accounts_find(a, "anna")->n, ACCOUNT_LINES_MAX);
}

static void test_many(void **state) {
        _cleanup_(accounts_freep) Accounts *a = accounts_new();
        char label[16];

        assert_non_null(a);
        for (unsigned i = 0; i < 100000; i++) {
                (void) snprintf(label, sizeof(label), "t%u", i);
                assert_int_equal(set(a, label, "ca.test", label), 0);
        }
        for (unsigned i = 0; i < 100000; i += 2) {
                (void) snprintf(label, sizeof(label), "t%u", i);
                assert_int_equal(accounts_set(a, label, NULL, 0), 0);
        }
        assert_int_equal(a->table.n, 50000);
        for (unsigned i = 0; i < 100000; i++) {
                char value[64];

                (void) snprintf(label, sizeof(label), "t%u", i);
                (void) snprintf(value, sizeof(value), "ca.test; accounturi=t%u; validationmethods=dns-01",
                                i);
                assert_values(a, label, VALUES(i % 2 ? value : NULL));
        }
}

TEST_MAIN(cmocka_unit_test(test_accounts), cmocka_unit_test(test_as_many_as_fit),
          cmocka_unit_test(test_many))
