/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/wire/outsideway.h"
#include "tests/unit/test.h"

static void test_words(void **state) {
        assert_string_equal(outside_family(OUTSIDE_IPV4_HTTP), "ipv4");
        assert_string_equal(outside_family(OUTSIDE_IPV6_HTTPS), "ipv6");
        assert_string_equal(outside_door(OUTSIDE_IPV6_HTTP), "http");
        assert_string_equal(outside_door(OUTSIDE_IPV4_HTTPS), "https");
        assert_string_equal(outside_family(OUTSIDE_IPV4_RELAY), "ipv4");
        assert_string_equal(outside_door(OUTSIDE_IPV6_RELAY), "relay");
}

TEST_MAIN(cmocka_unit_test(test_words))
