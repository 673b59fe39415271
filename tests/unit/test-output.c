/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <locale.h>

#include "hagw-ctl/output.h"
#include "tests/unit/test.h"

static void test_times(void **state) {
        const uint64_t now = 1000 * USEC_PER_DAY;
        char t[TIME_TEXT_MAX];

        assert_string_equal(format_span(0, t), "0 s");
        assert_string_equal(format_span(59 * USEC_PER_SEC, t), "59 s");
        assert_string_equal(format_span(USEC_PER_MINUTE, t), "1 min");
        assert_string_equal(format_span(47 * USEC_PER_HOUR, t), "47 h");
        assert_string_equal(format_span(64 * USEC_PER_DAY + USEC_PER_HOUR, t), "64 days");
        assert_string_equal(format_when(0, now, t), "never");
        assert_string_equal(format_when(now, now, t), "just now");
        assert_string_equal(format_when(now - 3 * USEC_PER_MINUTE, now, t), "3 min ago");
        assert_string_equal(format_when(now + 64 * USEC_PER_DAY, now, t), "in 64 days");
        assert_string_equal(format_when(UINT64_MAX, 0, t), "in 213503982 days");
}

/* What stdout gets, in a file. */
static void test_table(void **state) {
        static const char *const titles[] = { "A", "LONG", NULL };
        _cleanup_(table_freep) Table *t = table_new(titles, 0);
        char text[256] = {}, path[] = "/tmp/test-output-XXXXXX";
        int file = mkstemp(path), kept = dup(STDOUT_FILENO);

        if (!setlocale(LC_ALL, "C.UTF-8"))
                skip();
        assert_true(file >= 0 && kept >= 0);
        (void) unlink(path);
        table_add(t, TONE_GOOD, "%s", "xx");
        table_add(t, TONE_PLAIN, "%d", 7);
        table_add(t, TONE_PLAIN, "%s", "\033[2Jé");
        table_add(t, TONE_PLAIN, "%s", "z");
        table_note(t, TONE_WARN, "why: %s", "é");
        (void) fflush(stdout);
        assert_true(dup2(file, STDOUT_FILENO) >= 0);
        assert_int_equal(table_print(t, 2), 0);
        /* It goes on where it was. */
        table_add(t, TONE_PLAIN, "%s", "y");
        table_add(t, TONE_PLAIN, "%s", "w");
        assert_int_equal(table_print(t, 2), 0);
        (void) fflush(stdout);
        assert_true(dup2(kept, STDOUT_FILENO) >= 0);
        assert_true(pread(file, text, sizeof(text) - 1, 0) > 0);
        /* No colours in a file, and no escape sequences of others'. */
        assert_string_equal(text, "  A         LONG\n  xx        7\n  \\x1b[2Jé  z\n    why: é\n"
                                  "  y         w\n");
        (void) close(file);
        (void) close(kept);
}

static void test_bytes(void **state) {
        char t[TIME_TEXT_MAX];

        assert_string_equal(format_bytes(0, t), "0 B");
        assert_string_equal(format_bytes(1023, t), "1023 B");
        assert_string_equal(format_bytes(1536, t), "1.5 KiB");
        assert_string_equal(format_bytes(500ULL << 30, t), "500 GiB");
        assert_string_equal(format_bytes(UINT64_MAX, t), "16384 PiB");
}

TEST_MAIN(cmocka_unit_test(test_times), cmocka_unit_test(test_bytes), cmocka_unit_test(test_table))
