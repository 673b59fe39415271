/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is remembered of before: certificates (former.c) and accounts (account.c). */

#include <stdio.h>

#include "hagw-acmed/account.h"
#include "hagw-acmed/former.h"
#include "tests/unit/test.h"

static void add(Formers *f, const char *leaf, uint64_t not_after_usec) {
        char copy[8], key[] = "k";

        (void) snprintf(copy, sizeof(copy), "%s", leaf);
        assert_int_equal(formers_add(f, &(Former) { copy, key, NULL, NULL, not_after_usec, REVOKE_NONE }),
                         0);
}

/* Of more than there is room for, the one goes that would be over first. */
static void test_limit(void **state) {
        _cleanup_(formers_done) Formers f = {};
        char leaf[8];

        for (unsigned i = 0; i < FORMERS_MAX; i++) {
                (void) snprintf(leaf, sizeof(leaf), "l%u", i);
                add(&f, leaf, 100 - i);
        }
        add(&f, "new", 1);
        assert_int_equal(f.n, FORMERS_MAX);
        assert_null(formers_find(&f, leaf));
        assert_non_null(formers_find(&f, "l0"));
        assert_non_null(formers_find(&f, "new"));
}

static void test_prune(void **state) {
        _cleanup_(formers_done) Formers f = {};

        for (unsigned i = 1; i <= 5; i++)
                add(&f, "l", i);
        formers_prune(&f, 3);
        assert_int_equal(f.n, 2);
        assert_int_equal(f.items[0].not_after_usec, 4);
        formers_prune(&f, 0);
        assert_int_equal(f.n, 2);
        formers_prune(&f, UINT64_MAX);
        assert_int_equal(f.n, 0);
}

static void test_json(void **state) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        _cleanup_(formers_done) Formers f = {}, g = {};
        char text[] = "text";

        assert_int_equal(formers_to_json(&f, &v), 0);
        assert_null(v);
        add(&f, "a", 7);
        assert_int_equal(formers_add(&f, &(Former) { text, text, text, text, 8, 4 }), 0);
        assert_int_equal(formers_to_json(&f, &v), 0);
        assert_int_equal(formers_from_json(v, &g), 0);
        assert_int_equal(g.n, 2);
        assert_string_equal(g.items[0].leaf, "a");
        assert_null(g.items[0].account);
        assert_int_equal(g.items[0].revoke, REVOKE_NONE);
        assert_string_equal(g.items[1].directory, "text");
        assert_int_equal(g.items[1].revoke, 4);
        assert_int_equal(g.items[1].not_after_usec, 8);
}

static void test_broken(void **state) {
        static const char *const rows[] = { "{}", "1", "[1]", "[{}]", "[{\"leaf\":\"a\"}]",
                                            "[{\"leaf\":\"a\",\"keyId\":1,\"notAfterUSec\":1}]" };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
                _cleanup_(formers_done) Formers f = {};

                assert_true(sd_json_parse(rows[i], 0, &v, NULL, NULL) >= 0);
                assert_int_equal(formers_from_json(v, &f), -EBADMSG);
        }
}

/* An account that another takes the place of stays known until it is forgotten, over a restart as well. */
static void test_accounts(void **state) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Accounts a = {}, b = {};
        Account *account;
        char url[16];

        assert_int_equal(accounts_get(&a, "https://ca/dir", &account), 0);
        assert_int_equal(account_leave(account), 0);
        assert_int_equal(account->n_former, 0);
        for (unsigned i = 0; i < ACCOUNT_FORMER_MAX + 1; i++) {
                (void) snprintf(url, sizeof(url), "https://ca/%u", i);
                assert_int_equal(string_replace(&account->url, url), 0);
                assert_int_equal(string_replace(&account->key_id, url + 11), 0);
                assert_int_equal(account_leave(account), i < ACCOUNT_FORMER_MAX ? 0 : -ENOSPC);
        }
        assert_int_equal(string_replace(&account->next_key_id, "next"), 0);
        assert_true(accounts_use_key(&a, "0"));
        assert_true(accounts_use_key(&a, "next"));
        assert_false(accounts_use_key(&a, "9"));
        assert_int_equal(accounts_to_json(&a, &v), 0);
        assert_int_equal(accounts_from_json(v, &b), 0);
        account = accounts_find(&b, "https://ca/dir");
        assert_non_null(account);
        assert_int_equal(account->n_former, ACCOUNT_FORMER_MAX);
        assert_string_equal(account->next_key_id, "next");
        account_forget_former(account, 0);
        assert_string_equal(account->former[0].url, "https://ca/1");
        assert_false(accounts_use_key(&b, "0"));
        assert_null(accounts_find(&b, "https://other/dir"));
        accounts_done(&a);
        accounts_done(&b);
}

TEST_MAIN(cmocka_unit_test(test_limit), cmocka_unit_test(test_prune), cmocka_unit_test(test_json),
          cmocka_unit_test(test_broken), cmocka_unit_test(test_accounts))
