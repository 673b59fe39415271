/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "libhagw/pure/nametable.h"
#include "tests/unit/test.h"

typedef struct Thing {
        NameEntry entry;
        char name[16];
} Thing;

static const uint8_t key[SIPHASH_KEY_SIZE] = { 1, 2, 3 };

static void count(NameEntry *e, void *userdata) {
        ++*(size_t *) userdata;
}

static void remove_even(NameEntry *e, void *userdata) {
        if ((e->name[strlen(e->name) - 1] - '0') % 2 == 0)
                name_table_remove(userdata, e);
}

static void test_many(void **state) {
        enum { N = 5000 };
        Thing *things = calloc(N, sizeof(*things));
        NameTable t = {};
        size_t n = 0;

        assert_null(name_table_find(&t, "x", name_hash("x", key)));
        for (size_t i = 0; i < N; i++) {
                (void) snprintf(things[i].name, sizeof(things[i].name), "tenant-%zu", i);
                things[i].entry.name = things[i].name;
                things[i].entry.hash = name_hash(things[i].name, key);
                assert_int_equal(name_table_add(&t, &things[i].entry), 0);
        }
        for (size_t i = 0; i < N; i++)
                assert_ptr_equal(name_table_find(&t, things[i].name, things[i].entry.hash),
                                 &things[i].entry);
        assert_null(name_table_find(&t, "tenant-5000", name_hash("tenant-5000", key)));
        name_table_foreach(&t, remove_even, &t);
        name_table_foreach(&t, count, &n);
        assert_int_equal(n, N / 2);
        assert_int_equal(t.n, N / 2);
        for (size_t i = 0; i < N; i++)
                assert_true(!!name_table_find(&t, things[i].name, things[i].entry.hash) == (i % 2 == 1));
        name_table_done(&t);
        free(things);
}

/* Two names that share a hash are two names. */
static void test_same_hash(void **state) {
        Thing a = { .entry = { .hash = 7 }, .name = "a" }, b = { .entry = { .hash = 7 }, .name = "b" };
        NameTable t = {};

        a.entry.name = a.name;
        b.entry.name = b.name;
        assert_int_equal(name_table_add(&t, &a.entry), 0);
        assert_int_equal(name_table_add(&t, &b.entry), 0);
        assert_ptr_equal(name_table_find(&t, "a", 7), &a.entry);
        assert_ptr_equal(name_table_find(&t, "b", 7), &b.entry);
        assert_null(name_table_find(&t, "c", 7));
        name_table_remove(&t, &a.entry);
        assert_null(name_table_find(&t, "a", 7));
        assert_ptr_equal(name_table_find(&t, "b", 7), &b.entry);
        name_table_done(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_same_hash),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
