/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-ctl/findname.h"
#include "tests/unit/test.h"

static char *name(const char *format, ...) _printf_(1, 2);
static char *name(const char *format, ...) {
        char text[512], *ret;
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        va_start(ap, format);
        assert_int_equal(finding_name(format, ap, text, &ret), 0);
        va_end(ap);
        return ret;
}

static void assert_same(char *a, char *b, bool same) {
        if (streq(a, b) != same)
                fail_msg("\"%s\", \"%s\"", a, b);
        free(a);
        free(b);
}

static void test_names(void **state) {
#define FAILS "The service behind %s fails: %s"
#define PORT "Port %u is shut."
        assert_same(name(FAILS, "a.test", "no route"), name(FAILS, "a.test", "refused"), true);
        assert_same(name(FAILS, "a.test", "refused"), name(FAILS, "b.test", "refused"), false);
        assert_same(name(PORT, 443U), name(PORT, 80U), true);
        assert_same(name("A %s", "x"), name("B %s", "x"), false);
}

static void test_texts(void **state) {
        assert_same(name("%s", "Nobody came since 5 min ago, at all."),
                    name("%s", "Nobody came since 2 h ago, at all."), true);
        assert_same(name("%s", "Last seen just now."), name("%s", "Last seen 12 d ago."), true);
        assert_same(name("%s", "The zone is wrong."), name("%s", "The zone is gone."), false);
        assert_same(name("%s", ""), name("%s", "5"), true);
}

TEST_MAIN(cmocka_unit_test(test_names), cmocka_unit_test(test_texts))
