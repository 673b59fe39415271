/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-ctl/conftext.h"
#include "tests/unit/test.h"

static const ConfHost *parse_host(const char *text, Config **ret) {
        _cleanup_free_ char *error = NULL;

        *ret = config_new();
        assert_non_null(*ret);
        if (config_parse_text(text, "t.conf", /* host= */ true, *ret, &error) < 0)
                fail_msg("%s in\n%s", error, text);
        return &(*ret)->hosts[0];
}

static void test_host(void **state) {
        static const char odd[] = "/a\"b\\c\td\xc3\xa9";
        _cleanup_(choices_done) Choices c = {};
        _cleanup_free_ char *text = NULL;
        _cleanup_(config_freep) Config *config = NULL;
        const ConfHost *h;

        assert_int_equal(choices_add(&c, CONF_SCOPE_HOST, 0, NULL, "name", "ha.home.test"), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_HOST, 0, NULL, "upstream", "http://old"), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_HOST, 0, NULL, "upstream", "http://127.0.0.1:8123"), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_HOST, 0, "access", "users", odd), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_HOST, 0, "access", "open_paths", "/b"), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_HOST, 0, "timeouts", "idle", "2h"), 0);
        assert_int_equal(conf_text_host(&c, &text), 0);
        h = parse_host(text, &config);
        assert_string_equal(h->upstream, "http://127.0.0.1:8123");
        assert_string_equal(h->access.users[0], odd);
        assert_string_equal(h->access.open_paths[0], "/b");
        assert_int_equal(h->timeouts.idle_usec, 2 * USEC_PER_HOUR);
}

static void test_main(void **state) {
        _cleanup_free_ char *text = NULL, *error = NULL;
        _cleanup_(choices_done) Choices c = {};
        _cleanup_(config_freep) Config *config = config_new(), *plain = config_new();

        assert_int_equal(choices_add(&c, CONF_SCOPE_ZONE, 0, NULL, "name", "a.test"), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_ZONE, 1, NULL, "name", "b.test"), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_ZONE, 1, NULL, "ttl", "5min"), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_MAIN, 0, "dns", "rate_limit", "7"), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_MAIN, 0, NULL, "lan", "10.0.0.0/8"), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_MAIN, 0, "acme.fallback", "profile", "p"), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_MAIN, 0, "acme", "profile", "q"), 0);
        assert_int_equal(conf_text_main(&c, &text), 0);
        if (config_parse_text(text, "t.conf", /* host= */ false, config, &error) < 0)
                fail_msg("%s in\n%s", error, text);
        assert_int_equal(config->n_zones, 2);
        assert_int_equal(config->zones[1].ttl_usec, 5 * USEC_PER_MINUTE);
        assert_int_equal(config->dns.rate_limit, 7);
        assert_int_equal(config->lan.n, 1);
        assert_string_equal(config->acme.first.profile, "q");
        assert_string_equal(config->acme.fallback.profile, "p");

        free(text);
        assert_int_equal(conf_text_main(NULL, &text), 0);
        assert_int_equal(config_parse_text(text, "t.conf", /* host= */ false, plain, &error), 0);
        assert_int_equal(plain->n_zones, 0);
}

TEST_MAIN(cmocka_unit_test(test_host), cmocka_unit_test(test_main))
