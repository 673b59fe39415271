/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/relay/machine.h"
#include "tests/unit/test.h"

static Machine hear(const char *text) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Machine m = {};

        assert_true(sd_json_parse(text, 0, &v, NULL, NULL) >= 0);
        machine_hear(&m, v);
        return m;
}

static void test_an_older_house_serves_all(void **state) {
        Machine m = hear("{}");

        assert_true(machine_suits(&m, CHANNEL_VISITOR_PASSED, "a.example.org"));
        assert_true(machine_suits(&m, CHANNEL_VISITOR_OPENED, NULL));
        assert_false(machine_is_copy(&m, &m));
        machine_done(&m);
}

static void test_what_it_lacks(void **state) {
        Machine m = hear("{\"opened\":true,\"lacking\":[\"a.example.org\",\"*.example.net\"]}");

        assert_false(machine_suits(&m, CHANNEL_VISITOR_PASSED, "a.example.org"));
        assert_false(machine_suits(&m, CHANNEL_VISITOR_OPENED, "b.example.net"));
        assert_true(machine_suits(&m, CHANNEL_VISITOR_OPENED, "example.net"));
        assert_true(machine_suits(&m, CHANNEL_VISITOR_PASSED, "b.example.org"));
        assert_true(machine_suits(&m, CHANNEL_VISITOR_PASSED, NULL));
        machine_done(&m);
        assert_true(machine_suits(&m, CHANNEL_VISITOR_PASSED, "a.example.org"));
}

static void test_whom_it_takes(void **state) {
        Machine m = hear("{\"opened\":false}");

        assert_false(machine_suits(&m, CHANNEL_VISITOR_OPENED, "a.example.org"));
        assert_true(machine_suits(&m, CHANNEL_VISITOR_PASSED, "a.example.org"));
        machine_done(&m);
}

static void test_nonsense(void **state) {
        Machine m = hear("{\"opened\":\"no\",\"boot\":\"x\",\"lacking\":[7,\"\",\"A.example\",\"a b\","
                         "\"*.*\",\"ok.example\"]}");

        assert_false(m.opened_known);
        assert_string_equal(m.boot, "");
        assert_int_equal(sd_json_variant_elements(m.lacking), 1);
        machine_done(&m);
        m = hear("{\"lacking\":\"a.example\"}");
        assert_null(m.lacking);
        machine_done(&m);
}

/* No more than a tenant has domains. */
static void test_limit(void **state) {
        char text[4096];
        size_t n = (size_t) snprintf(text, sizeof(text), "{\"lacking\":[\"a0.example\"");
        Machine m;

        for (unsigned i = 1; i < 2 * MACHINE_LACKING_MAX; i++)
                n += (size_t) snprintf(text + n, sizeof(text) - n, ",\"a%u.example\"", i);
        (void) snprintf(text + n, sizeof(text) - n, "]}");
        m = hear(text);
        assert_int_equal(sd_json_variant_elements(m.lacking), MACHINE_LACKING_MAX);
        machine_done(&m);
}

static void test_copies(void **state) {
        Machine one = hear("{\"boot\":\"00000000000000000000000000000001\"}"),
                two = hear("{\"boot\":\"00000000000000000000000000000002\"}"), none = hear("{}");

        assert_true(machine_is_copy(&one, &two));
        assert_false(machine_is_copy(&one, &one));
        assert_false(machine_is_copy(&one, &none) || machine_is_copy(&none, &one));
}

TEST_MAIN(cmocka_unit_test(test_an_older_house_serves_all), cmocka_unit_test(test_what_it_lacks),
          cmocka_unit_test(test_whom_it_takes), cmocka_unit_test(test_nonsense),
          cmocka_unit_test(test_limit), cmocka_unit_test(test_copies))
