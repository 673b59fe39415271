/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/wire/cookie.h"
#include "tests/unit/test.h"

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
                { "__Host-hagw=1; __Host-hagw=2", "2", 2 },
                { "=__Host-hagw=abc", "", 0 },
                { "__Host-hagw =abc", "", 0 },
                { "__Host-hagw", "", 0 },
                { "x__Host-hagw=abc", "", 0 },
                { "__Host-hagw2=abc", "", 0 },
                { "__host-hagw=abc", "", 0 },
                { "a=__Host-hagw=abc", "", 0 },
                { "a=\"; __Host-hagw=abc\"", "abc\"", 1 }, /* a quote does not protect a ";" (RFC 6265) */
                { "", "", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Slice v = SLICE("");

                assert_int_equal(cookie_find(slice_from(rows[i].value), NAME, &v), rows[i].n);
                assert_true(slice_equal(v, slice_from(rows[i].found)));
        }
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
                { "x__Host-hagw=2; __Host-hag=1", "x__Host-hagw=2; __Host-hag=1" },
                { "__Host-hagw2=1; a=b", "a=b" },
                { "a=b; __Host-hagw-form=1", "a=b" },
                { "__HOST-HAGW=1; __host-hagw=1; a=b; __hOst-Hagw-Form=1", "a=b" },
                { "=__Host-hagw=1; a=b", "a=b" },
                { "==__Host-hagw=1; a=b; = __Host-hagw", "a=b" },
                { "\"__Host-hagw\"=1; a=b", "a=b" },
                { "\t __Host-hagw\t = 1; a=b", "a=b" },
                { "a==__Host-hagw=1; b=\"__Host-hagw\"", "a==__Host-hagw=1; b=\"__Host-hagw\"" },
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

/* What a Set-Cookie may not set, in any spelling that a browser would send back as ours. */
static void test_called(void **state) {
        static const char *const yes[] = {
                "__Host-hagw=x; Path=/", " __Host-hagw =x; Path=/", "__Host-hagw",      "__Host-hagw-form=x",
                "__HOST-hagw=x",         "__host-HAGW=x; Secure",   "=__Host-hagw=x",    "= __Host-hagw=x",
                "\t=\t__host-hagw=x",    "\"__Host-hagw\"=x",       "\x01__Host-hagw=x",
        };
        static const char *const no[] = {
                "a=__Host-hagw=x", "",       "=",              "a=b; __Host-hagw=x", "__Host-hag=x",
                "__Secure-hagw=x", "hagw=x", "=a=__Host-hagw",
        };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++)
                assert_true(cookie_is_called(slice_from(yes[i]), NAME));
        for (size_t i = 0; i < ELEMENTSOF(no); i++)
                assert_false(cookie_is_called(slice_from(no[i]), NAME));
}

TEST_MAIN(cmocka_unit_test(test_find), cmocka_unit_test(test_cut), cmocka_unit_test(test_called))
