/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-tenantd/month.h"
#include "tests/unit/test.h"

static void test_months(void **state) {
        static const struct {
                uint64_t sec;
                const char *text;
        } rows[] = {
                { 0, "1970-01" },          { 951782399, "2000-02" },  { 951782400, "2000-02" }, /* 29th */
                { 951868799, "2000-02" },  { 951868800, "2000-03" },  { 1795651199, "2026-11" },
                { 1798761599, "2026-12" }, { 1798761600, "2027-01" }, { 4107542400, "2100-03" },
                { 253402300799, "9999-12" },
        };
        char text[MONTH_TEXT_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_equal(month_format(month_of(rows[i].sec * USEC_PER_SEC), text), rows[i].text);
        assert_string_equal(month_format(month_of(UINT64_MAX), text), "9999-12");
}

/* Each month begins where the one before ends, for four hundred years. */
static void test_starts(void **state) {
        for (Month m = 1970 * 12; m < 2370 * 12; m++) {
                const uint64_t start = month_start_usec(m);

                assert_int_equal(month_of(start), m);
                if (start > 0)
                        assert_int_equal(month_of(start - 1), m - 1);
        }
}

TEST_MAIN(cmocka_unit_test(test_months), cmocka_unit_test(test_starts))
