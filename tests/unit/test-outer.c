/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/wire/outer.h"
#include "tests/unit/test.h"

static Outer read_fields(const char *const (*fields)[2], size_t n) {
        Header items[8];
        HeaderList l = { .items = items, .max = ELEMENTSOF(items) };

        for (size_t i = 0; i < n; i++)
                assert_return_code(header_list_add(&l, fields[i][0], slice_from(fields[i][1])), 0);
        return outer_read(&l);
}

static Outer read_one(const char *value) {
        const char *const fields[][2] = { { "Accept", "*/*" }, { OUTER_FIELD, value } };

        return read_fields(fields, ELEMENTSOF(fields));
}

static void test_read(void **state) {
        static const struct {
                const char *value;
                bool told, asks;
                char depth;
        } rows[] = {
                { "login=required; depth=2", true, true, '2' },
                { "login=none; depth=w", true, false, 'w' },
                { "login=required; depth=9", true, true, '9' },
                /* One spelling, and a depth that there is. */
                { "login=required; depth=1", false, false, 'w' },
                { "login=required; depth=:", false, false, 'w' },
                { "login=required; depth=\"", false, false, 'w' },
                { "login=required; depth=", false, false, 'w' },
                { "login=required; depth=22", false, false, 'w' },
                { "login=maybe; depth=2", false, false, 'w' },
                { "login=required;depth=2", false, false, 'w' },
                { "LOGIN=required; depth=2", false, false, 'w' },
                { "login=required; depth=2; login=none; depth=2", false, false, 'w' },
                { "2", false, false, 'w' },
                { "", false, false, 'w' },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Outer o = read_one(rows[i].value);

                assert_int_equal(o.told, rows[i].told);
                assert_int_equal(o.asks, rows[i].asks);
                assert_int_equal(o.depth, rows[i].depth);
        }
}

static void test_read_other_fields(void **state) {
        static const char *const twice[][2] = { { OUTER_FIELD, "login=required; depth=2" },
                                                { "x-hagw-outer", "login=required; depth=2" } };
        static const char *const others[][2] = { { "X-Hagw-Own", "1" },
                                                 { "X_Hagw_Outer", "login=required; depth=2" },
                                                 { "X-Hagw-Outer2", "login=required; depth=2" } };

        assert_false(read_fields(twice, ELEMENTSOF(twice)).told);
        assert_true(read_fields(twice, 1).told);
        assert_true(read_fields(twice + 1, 1).told);
        assert_false(read_fields(others, ELEMENTSOF(others)).told);
        assert_false(read_fields(NULL, 0).told);
}

static InnerLogin read_answer(const char *name, const char *value, unsigned times) {
        Header items[4];
        HeaderList l = { .items = items, .max = ELEMENTSOF(items) };

        for (unsigned i = 0; i < times; i++)
                assert_return_code(header_list_add(&l, name, slice_from(value)), 0);
        return outer_read_answer(&l);
}

static void test_answer(void **state) {
        static const char *const others[] = { "login=maybe", "login=required ", "Login=none", "none", "" };

        for (unsigned asks = 0; asks < 2; asks++)
                assert_int_equal(read_answer(INNER_FIELD, outer_answer(asks).p, 1),
                                 asks ? INNER_LOGIN_REQUIRED : INNER_LOGIN_NONE);
        assert_int_equal(read_answer("x-hagw-inner", "login=none", 1), INNER_LOGIN_NONE);
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                assert_true(read_answer(INNER_FIELD, others[i], 1) < 0);
        assert_true(read_answer(INNER_FIELD, "login=none", 2) < 0);
        assert_true(read_answer("X_Hagw_Inner", "login=none", 1) < 0);
        assert_true(read_answer(INNER_FIELD, "", 0) < 0);
}

/* What one writes the next one reads, for as many as there are names for. */
static void test_in_a_row(void **state) {
        Outer o = read_fields(NULL, 0);
        char text[OUTER_SIZE_MAX];

        for (char depth = '2'; depth <= '9'; depth++) {
                size_t n = outer_write(&o, depth == '4', /* aside= */ false, text);

                assert_int_equal(n, strlen(text));
                o = read_one(text);
                assert_true(o.told);
                assert_int_equal(o.depth, depth);
                assert_int_equal(o.asks, depth >= '4'); /* somebody in front */
        }
        (void) outer_write(&o, false, /* aside= */ false, text);
        assert_string_equal(text, "login=required; depth=w");
        (void) outer_write(&o, false, /* aside= */ true, text);
        assert_string_equal(text, "login=required; depth=9");
}

TEST_MAIN(cmocka_unit_test(test_read), cmocka_unit_test(test_read_other_fields),
          cmocka_unit_test(test_answer), cmocka_unit_test(test_in_a_row))
