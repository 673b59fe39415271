/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-acmed/tries.h"
#include "tests/unit/test.h"

#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY
#define NOW (1000 * DAY)

static Settings settings(const char *first, const char *fallback) {
        return (Settings) { .authorities = { { .directory = (char *) first },
                                             { .directory = (char *) fallback } } };
}

static void rank(TriesList *l, const char *first, const char *fallback) {
        Settings s = settings(first, fallback);

        assert_int_equal(tries_list_rank(l, &s), 0);
}

static void lose(TriesList *l, AuthorityRank who, uint64_t now) {
        tries_fail(tries_list_find(l, who), RETRY_REFUSED, 0, 0, now, 0);
}

/* The fallback's turn comes with the first's failures alone, and both have their own patience. */
static void test_turns(void **state) {
        TriesList l = {};

        rank(&l, "a", "b");
        assert_int_equal(tries_list_get_next(&l, AUTHORITY_FIRST, NOW, 0), NOW);
        assert_int_equal(tries_list_get_next(&l, AUTHORITY_FIRST, UINT64_MAX, 0), UINT64_MAX);
        assert_int_equal(tries_list_get_next(&l, AUTHORITY_FALLBACK, NOW, 0), UINT64_MAX);
        lose(&l, AUTHORITY_FIRST, NOW);
        for (unsigned i = 0; i < 20; i++)
                lose(&l, AUTHORITY_FIRST, NOW + HOUR);
        assert_true(tries_list_get_next(&l, AUTHORITY_FIRST, NOW, 0) > NOW + 9 * HOUR);
        assert_int_equal(tries_list_get_next(&l, AUTHORITY_FALLBACK, NOW, 0), NOW + HOUR);
        assert_int_equal(tries_list_get_next(&l, AUTHORITY_FALLBACK, NOW, NOW + 30 * DAY), NOW + 15 * DAY);
        lose(&l, AUTHORITY_FALLBACK, NOW + HOUR);
        assert_true(tries_list_get_next(&l, AUTHORITY_FALLBACK, NOW, 0) < NOW + 2 * HOUR);
        assert_int_equal(tries_list_failures(&l), 22);
        tries_list_succeed(&l);
        assert_int_equal(tries_list_get_next(&l, AUTHORITY_FALLBACK, NOW, 0), UINT64_MAX);
        assert_int_equal(tries_list_failures(&l), 0);
        tries_list_done(&l);
}

static void test_describe(void **state) {
        TriesList l = {};
        char *text;

        rank(&l, "a", "b");
        assert_int_equal(tries_list_describe(&l, &text), 0);
        assert_null(text);
        (void) tries_set_error(tries_list_find(&l, AUTHORITY_FIRST), "no");
        assert_int_equal(tries_list_describe(&l, &text), 0);
        assert_string_equal(text, "no");
        free(text);
        (void) tries_set_error(tries_list_find(&l, AUTHORITY_FALLBACK), "neither");
        assert_int_equal(tries_list_describe(&l, &text), 0);
        assert_string_equal(text, "no; and of the fallback (b): neither");
        free(text);
        rank(&l, "c", NULL);
        assert_false(tries_list_has_error(&l));
        tries_list_done(&l);
}

/* What an authority still works on goes on when it is asked again, whatever its rank; there is room for a
 * few. */
static void test_other_authorities(void **state) {
        static const char *const others[] = { "c", "d", "e", "f", "g" };
        TriesList l = {};

        rank(&l, "a", "b");
        lose(&l, AUTHORITY_FIRST, NOW);
        tries_list_find(&l, AUTHORITY_FIRST)->order_url = strdup("https://a/order");
        rank(&l, "b", "a");
        assert_null(tries_list_find(&l, AUTHORITY_FIRST)->order_url);
        assert_string_equal(tries_list_find(&l, AUTHORITY_FALLBACK)->order_url, "https://a/order");
        assert_int_equal(l.n, 2);
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                rank(&l, others[i], NULL);
                assert_null(tries_list_find(&l, AUTHORITY_FALLBACK));
                assert_int_equal(tries_list_failures(&l), 0);
                assert_int_equal(l.n, MIN(3 + i, TRIES_MAX));
        }
        rank(&l, "e", "f");
        assert_string_equal(tries_list_find(&l, AUTHORITY_FIRST)->directory, "e");
        assert_int_equal(l.n, TRIES_MAX);
        rank(&l, "a", "b");
        assert_null(tries_list_find(&l, AUTHORITY_FIRST)->order_url);
        assert_int_equal(l.n, TRIES_MAX);
        tries_list_done(&l);
}

static void test_record(void **state) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL, *many = NULL;
        TriesList l = {}, copy = {};
        const Tries *t;

        rank(&l, "a", "b");
        lose(&l, AUTHORITY_FALLBACK, NOW);
        (void) tries_set_error(tries_list_find(&l, AUTHORITY_FALLBACK), "no");
        tries_list_find(&l, AUTHORITY_FALLBACK)->unreached_usec = NOW;
        assert_int_equal(tries_list_to_json(&l, &v), 0);
        assert_int_equal(tries_list_from_json(v, &copy), 0);
        assert_int_equal(tries_list_unreached(&copy), 0);
        assert_null(tries_list_find(&copy, AUTHORITY_FIRST));
        rank(&copy, "a", "b");
        t = tries_list_find(&copy, AUTHORITY_FALLBACK);
        assert_string_equal(t->error, "no");
        assert_int_equal(t->since_usec, NOW);
        assert_int_equal(t->next_usec, tries_list_find(&l, AUTHORITY_FALLBACK)->next_usec);
        assert_int_equal(tries_list_unreached(&copy), NOW);
        tries_list_clamp(&copy, NOW - DAY);
        assert_int_equal(tries_list_unreached(&copy), NOW - DAY);
        tries_list_forgive(&copy);
        assert_int_equal(tries_list_unreached(&copy), 0);
        tries_list_done(&copy);
        /* Twice the same, and more than there can be. */
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(sd_json_variant_append_array(&many, sd_json_variant_by_index(v, 0)), 0);
        assert_int_equal(tries_list_from_json(many, &copy), -EBADMSG);
        tries_list_done(&copy);
        for (size_t i = 0; i < TRIES_MAX; i++)
                assert_int_equal(sd_json_variant_append_array(&many, sd_json_variant_by_index(v, 1)), 0);
        assert_int_equal(tries_list_from_json(many, &copy), -EBADMSG);
        tries_list_done(&copy);
        tries_list_done(&l);
}

/* Noted by a clock that was three years ahead. */
static void test_clamp(void **state) {
        TriesList l = {};
        Tries *t;

        rank(&l, "a", "b");
        lose(&l, AUTHORITY_FIRST, NOW + 1000 * DAY);
        tries_list_clamp(&l, NOW);
        t = tries_list_find(&l, AUTHORITY_FIRST);
        assert_int_equal(t->next_usec, NOW + SCHEDULE_RETRY_MAX_USEC);
        assert_int_equal(t->since_usec, NOW);
        tries_list_done(&l);
}

TEST_MAIN(cmocka_unit_test(test_turns), cmocka_unit_test(test_describe),
          cmocka_unit_test(test_other_authorities), cmocka_unit_test(test_record),
          cmocka_unit_test(test_clamp))
