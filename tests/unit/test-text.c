/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <locale.h>

#include "hagw-ctl/text.h"
#include "tests/unit/test.h"

static void test_width(void **state) {
        if (!setlocale(LC_ALL, "C.UTF-8"))
                skip();
        assert_int_equal(text_width(""), 0);
        assert_int_equal(text_width("abc…é"), 5);
        assert_int_equal(text_width("\xff\xfe!"), 3); /* no UTF-8: a column a byte */
}

static void test_fit(void **state) {
        assert_int_equal(text_fit("one two three", 7), 7);
        assert_int_equal(text_fit("one two three", 6), 3);
        assert_int_equal(text_fit("one", 2), 3); /* a word at least */
        assert_int_equal(text_fit("one  two", 2), 3);
        assert_int_equal(text_fit("one two", 3), 3);
        assert_int_equal(text_fit("one  ", 3), 3);
        assert_int_equal(text_fit("one  ", 4), 3);
        assert_int_equal(text_fit("one  ", 5), 5);
        assert_int_equal(text_fit("   one two", 2), 6);
        assert_int_equal(text_fit("   one two", 4), 6);
        assert_int_equal(text_fit("", 5), 0);
        assert_int_equal(text_fit_cell("one two", 5), 3);
        assert_int_equal(text_fit_cell("ha.home.test", 9), 8);
        assert_int_equal(text_fit_cell("abcdef", 4), 4);
        assert_int_equal(text_fit_cell("a", 0), 1);
}

/* What a stranger wrote may be long, and take no columns: each byte is looked at a few times. */
static void test_long(void **state) {
        static char text[4 << 20];

        if (!setlocale(LC_ALL, "C.UTF-8"))
                skip();
        for (size_t i = 0; i + 3 < sizeof(text); i += 3)
                memcpy(text + i, " \xcc\x81", 3); /* a mark on nothing */
        assert_int_equal(text_fit(text, sizeof(text)), strlen(text));
        memset(text, 'a', sizeof(text) - 1);
        for (size_t at = 0; text[at];)
                at += text_fit_cell(text + at, 1);
}

static void test_sentences(void **state) {
        static const struct {
                const char *text, *broken;
                size_t columns;
        } rows[] = {
                { "This is said in a line that is longer.\n", "This is said in a\nline that is longer.\n",
                  21 },
                { "This is said in a line that is longer.\n", "This is said in a line that is longer.\n",
                  0 },
                { "No end", "No end\n", 40 },
                { "Type this:\n\n  hagw-ctl setup --zone=home.meier.test --yes\nand then wait for a while.",
                  "Type this:\n\n  hagw-ctl setup --zone=home.meier.test --yes\nand then wait for "
                  "a\nwhile.\n",
                  21 },
                { "A-word-that-is-longer-than-the-line stays.",
                  "A-word-that-is-longer-than-the-line\nstays.\n", 21 },
                { "", "", 21 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *broken = text_break(rows[i].text, rows[i].columns);

                assert_string_equal(broken, rows[i].broken);
        }
}

TEST_MAIN(cmocka_unit_test(test_width), cmocka_unit_test(test_fit), cmocka_unit_test(test_long),
          cmocka_unit_test(test_sentences))
