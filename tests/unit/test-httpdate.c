/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/wire/httpdate.h"
#include "tests/unit/test.h"

static void test_dates(void **state) {
        static const struct {
                time_t sec;
                const char *text;
        } rows[] = {
                { 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" }, /* RFC 9110's own example */
                { 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
                { 1709164800, "Thu, 29 Feb 2024 00:00:00 GMT" },
                { 4102444799, "Thu, 31 Dec 2099 23:59:59 GMT" },
                { 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
                { 253402300800, "" },
                { -1, "" },
        };
        HttpDate d = {};

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (unsigned twice = 0; twice < 2; twice++)
                        assert_string_equal(http_date(&d, rows[i].sec), rows[i].text);
}

TEST_MAIN(cmocka_unit_test(test_dates))
