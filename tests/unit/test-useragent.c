/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-ctl/useragent.h"
#include "tests/unit/test.h"

static void test_browsers(void **state) {
        static const char *const rows[][2] = {
                { "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
                  "Safari/537.36",
                  "Chrome on Linux" },
                { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                  "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.48",
                  "Edge on Windows" },
                { "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
                  "Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
                  "Safari on iPhone" },
                { "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
                  "Firefox on Android" },
                { "Home Assistant/2026.11.1-12345 (Android 14; Pixel 8)", "Home Assistant app on Android" },
                { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
                  "Version/18.1 Safari/605.1.15",
                  "Safari on macOS" },
                { "curl/8.11.0", "curl/8.11.0" },
                { "backup", "backup" },
                { "", "" },
        };
        char out[USERAGENT_TEXT_MAX + 1];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_equal(useragent_describe(rows[i][0], out), rows[i][1]);
}

static void test_limit(void **state) {
        char agent[USERAGENT_TEXT_MAX + 2], out[USERAGENT_TEXT_MAX + 1];

        memset(agent, 'x', sizeof(agent));
        agent[USERAGENT_TEXT_MAX + 1] = '\0';
        assert_int_equal(strlen(useragent_describe(agent, out)), USERAGENT_TEXT_MAX);
}

TEST_MAIN(cmocka_unit_test(test_browsers), cmocka_unit_test(test_limit))
