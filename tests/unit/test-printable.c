/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "libhagw/pure/printable.h"
#include "tests/unit/test.h"

static void test_text(void **state) {
        static const char *const rows[][2] = {
                { "plain text, with \"quotes\" \\ and so on", "plain text, with \"quotes\" \\ and so on" },
                { "Grüße, 你好, 🏠", "Grüße, 你好, 🏠" },
                { "\033[31mred\033[0m", "\\x1b[31mred\\x1b[0m" },
                { "\033]0;title\007", "\\x1b]0;title\\x07" },
                { "a\r\nb\tc\b", "a\\x0d\\x0ab\\x09c\\x08" },
                { "del\x7f", "del\\x7f" },
                { "\xc2\x9b" "31m, \xc2\x85", "\\u009b31m, \\u0085" },      /* C1 in UTF-8 */
                { "\x9b" "31m \x80 \xff", "\\x9b31m \\x80 \\xff" },         /* C1 as bytes */
                { "abc\u202etxt.exe", "abc\\u202etxt.exe" },
                { "\u2066\u2069\u200e\u061c\ufeff\u2028\u200b",
                  "\\u2066\\u2069\\u200e\\u061c\\ufeff\\u2028\\u200b" },
                { "\U000e0041", "\\U000e0041" },
                { "\xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf",
                  "\\xc0\\xaf \\xe0\\x80\\xaf \\xf0\\x80\\x80\\xaf" },
                { "\xed\xa0\x80 \xf4\x90\x80\x80", "\\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80" },
                { "\xe4\xbd", "\\xe4\\xbd" },
                { "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = printable(rows[i][0], /* lines= */ false);
                assert_string_equal(text, rows[i][1]);
        }
}

static void test_lines(void **state) {
        _cleanup_free_ char *text = printable("a\n\tb\r\n\033", /* lines= */ true),
                            *none = printable(NULL, true);

        assert_string_equal(text, "a\n\tb\\x0d\n\\x1b");
        assert_string_equal(none, "(null)");
}

/* No byte or character gets through that could do more than stand there: also no half of one. */
static void test_every_character(void **state) {
        for (unsigned a = 1; a < 256; a++)
                for (unsigned b = 1; b < 256; b++) {
                        const char s[] = { (char) a, (char) b, '\0' };
                        _cleanup_free_ char *text = printable(s, /* lines= */ false);

                        for (const char *p = text; *p; p++)
                                assert_true((uint8_t) *p >= 0x20 && *p != 0x7f &&
                                            !((uint8_t) p[0] == 0xc2 && (uint8_t) p[1] < 0xa0));
                }
}

/* Default_Ignorable_Code_Point of Unicode 16, but for the selectors that emoji are written with: with
 * nothing to see of them, two texts look like one. */
static void test_what_shows_nothing(void **state) {
        static const char *const texts[][2] = {
                { "a\302\255b", "a\\u00adb" },           { "a\315\217b", "a\\u034fb" },
                { "\341\205\237", "\\u115f" },           { "\341\205\240", "\\u1160" },
                { "\341\236\265", "\\u17b5" },           { "\341\240\213", "\\u180b" },
                { "\341\240\217", "\\u180f" },           { "\343\205\244", "\\u3164" },
                { "\357\276\240", "\\uffa0" },           { "\357\277\260", "\\ufff0" },
                { "\360\233\262\240", "\\U0001bca0" },   { "\360\235\205\263", "\\U0001d173" },
                { "\363\240\204\200", "\\U000e0100" },   { "❤\357\270\217 ä 한", "❤\357\270\217 ä 한" },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_free_ char *text = printable(texts[i][0], /* lines= */ false);

                assert_string_equal(text, texts[i][1]);
        }
}

/* Still the same JSON, and nothing in it that a terminal obeys. */
static void test_json(void **state) {
        _cleanup_free_ char *text = printable_json("\033[1m{\"a\":\t\"ü\\n\\u001b\302\233\177\342\200\256"
                                                   "\363\240\201\201😀\"}\n"),
                            *broken = printable_json("\"\302\"");

        assert_string_equal(text, "\033[1m{\"a\":\t\"ü\\n\\u001b"
                                  "\\u009b\\u007f\\u202e\\udb40\\udc41😀\"}\n");
        assert_string_equal(broken, "\"\\ufffd\"");
}

static const char *formatted(const char *format, ...) _printf_(1, 2);
static const char *formatted(const char *format, ...) {
        static char out[1024];
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = printable_format(&text, format, ap);
        va_end(ap);
        assert_int_equal(n, strlen(text));
        (void) snprintf(out, sizeof(out), "%s", text);
        return out;
}

/* As printf() has it, but for what %s brings. */
static void test_format(void **state) {
        const char *nothing = NULL;
        char expected[1024];

#define SAME(...)                                                           \
        do {                                                                \
                (void) snprintf(expected, sizeof(expected), __VA_ARGS__);   \
                assert_string_equal(formatted(__VA_ARGS__), expected);      \
        } while (false)
        SAME("plain\n\033[0m%%");
        SAME("%s|%8s|%-8s|%.2s|%*s|%-*s|%.*s|", "abc", "abc", "abc", "abc", 5, "abc", -6, "abc", 1, "abc");
        SAME("%d %i %u %x %X %5d|%-5d|%05d|%+d %.3d", -1, 2, 3U, 0xbeefU, 0xbeefU, 4, 5, 6, 7, 8);
        SAME("%ld %lu %lld %llu %zu %zd %x", -1L, 2UL, -3LL, UINT64_MAX + 0ULL, (size_t) 5,
             (ssize_t) -6, UINT32_MAX);
        SAME("%.1f %5.2f %f", 1.25, 3.14159, -2.0);
        SAME("%hu %hhu %*d", 5, 6, 7, 8);
        errno = ENOENT;
        assert_string_equal(formatted("%m!"), "No such file or directory!");
        assert_string_equal(formatted("%s: %d\n", "a\nb\033", 5), "a\\x0ab\\x1b: 5\n");
        assert_string_equal(formatted("%-4s|%4s|", "ü", "ü"), "ü   |   ü|");
        assert_string_equal(formatted("%s", nothing), "(null)");
}

TEST_MAIN(cmocka_unit_test(test_text), cmocka_unit_test(test_lines), cmocka_unit_test(test_every_character),
          cmocka_unit_test(test_what_shows_nothing), cmocka_unit_test(test_json),
          cmocka_unit_test(test_format))
