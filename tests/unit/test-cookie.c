/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cookie.h"
#include "test.h"

#define NAME SLICE("__Host-hagw")

static void test_find(void **state) {
        static const struct {
                const char *value, *found;
                size_t n;
        } rows[] = {
                { "__Host-hagw=abc", "abc", 1 },
                { "a=b; __Host-hagw=abc; c=d", "abc", 1 },
                { "a=b;__Host-hagw=abc", "abc", 1 },
                { " ; ;;__Host-hagw=\"a\" ;", "\"a\"", 1 },
                { "__Host-hagw=", "", 1 },
                { "__Host-hagw=a=b", "a=b", 1 },
                { "__Host-hagw=1; __Host-hagw=2", "1", 2 },
                { "__Host-hagw", "", 0 },
                { "x__Host-hagw=abc", "", 0 },
                { "__Host-hagw2=abc", "", 0 },
                { "__host-hagw=abc", "", 0 },
                { "a=__Host-hagw=abc", "", 0 },
                { "a=\"; __Host-hagw=abc\"", "abc\"", 1 }, /* a quote does not protect a ";" (RFC 6265) */
                { "", "", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Header items[1];
                HeaderList l = { .items = items, .max = 1 };
                Slice v = SLICE("");

                assert_int_equal(header_list_add(&l, "Cookie", slice_from(rows[i].value)), 0);
                assert_int_equal(cookie_find(&l, NAME, &v), rows[i].n);
                assert_true(slice_equal(v, slice_from(rows[i].found)));
        }
}

static void test_find_in_several_fields(void **state) {
        Header items[4];
        HeaderList l = { .items = items, .max = 4 };
        Slice v;

        assert_int_equal(header_list_add(&l, "Cookie", SLICE("a=b")), 0);
        assert_int_equal(header_list_add(&l, "X", SLICE("__Host-hagw=0")), 0);
        assert_int_equal(header_list_add(&l, "cookie", SLICE("__Host-hagw=1")), 0);
        assert_int_equal(header_list_add(&l, "Cookie", SLICE("__Host-hagw=2")), 0);
        assert_int_equal(cookie_find(&l, NAME, &v), 2);
        assert_true(slice_equal(v, SLICE("1")));
}

static void test_cut(void **state) {
        static const struct {
                const char *from, *to;
        } rows[] = {
                { "__Host-hagw=abc", "" },
                { "__Host-hagw=abc;", "" },
                { "a=b; __Host-hagw=abc", "a=b" },
                { "__Host-hagw=abc; a=b", "a=b" },
                { "__Host-hagw=abc; \t a=b", "a=b" },
                { "a=b\t; \t__Host-hagw=abc", "a=b" },
                { "a=b; __Host-hagw=abc; c=d", "a=b; c=d" },
                { "a=b;__Host-hagw=abc;c=d", "a=b;c=d" },
                { "__Host-hagw=1; a=b; __Host-hagw=2; c=\"x y\"; __Host-hagw=3", "a=b; c=\"x y\"" },
                { "__Host-hagw =1; a=b", "a=b" },
                { "__Host-hagw; a=b", "a=b" },
                { "a=b", "a=b" },
                { "a=b;", "a=b;" },
                { " a=b ; ", " a=b ; " },
                { "__Host-hagw2=1; x__Host-hagw=2", "__Host-hagw2=1; x__Host-hagw=2" },
                { "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char value[128];
                size_t n = strlen(rows[i].from);

                memcpy(value, rows[i].from, n + 1);
                n = cookie_cut(value, n, NAME);
                if (n != strlen(rows[i].to) || memcmp(value, rows[i].to, n) != 0)
                        fail_msg("\"%s\" became \"%.*s\"", rows[i].from, (int) n, value);
        }
}

static void test_set_name(void **state) {
        assert_true(slice_equal(cookie_set_name(SLICE(" __Host-hagw =x; Path=/")), NAME));
        assert_true(slice_equal(cookie_set_name(SLICE("a=__Host-hagw=x")), SLICE("a")));
        assert_true(slice_equal(cookie_set_name(SLICE("")), SLICE("")));
}

TEST_MAIN(cmocka_unit_test(test_find), cmocka_unit_test(test_find_in_several_fields),
          cmocka_unit_test(test_cut), cmocka_unit_test(test_set_name))
