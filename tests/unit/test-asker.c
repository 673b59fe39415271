/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-dnsd/asker.h"
#include "tests/unit/test.h"

static IpAddress address(const char *text) {
        IpAddress a;

        assert_int_equal(ip_parse(text, &a), 0);
        return a;
}

static void test_seen(void **state) {
        IpAddress four = address("8.8.8.8"), six = address("2001:4860:4860::8888"),
                  inside = address("192.168.1.7");
        const OutsideRules o = { .hops = &(Hops) { .known = true } };
        AskersSeen seen = {};

        asker_note(&o, &seen, &inside, false, 10);
        assert_int_equal(seen.last_sec[0][0], 0);
        asker_note(&o, &seen, &four, false, 11);
        asker_note(&o, &seen, &six, true, 12);
        asker_note(&o, &seen, &inside, false, 13);
        assert_int_equal(seen.last_sec[0][0], 11);
        assert_int_equal(seen.last_sec[0][1], 0);
        assert_int_equal(seen.last_sec[1][0], 0);
        assert_int_equal(seen.last_sec[1][1], 12);
}

TEST_MAIN(cmocka_unit_test(test_seen))
