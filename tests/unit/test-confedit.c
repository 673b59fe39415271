/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-ctl/confedit.h"
#include "hagw-ctl/confzone.h"
#include "hagw-ctl/conftext.h"
#include "tests/unit/test.h"

static Config *parse(const char *text) {
        Config *c = config_new();
        _cleanup_free_ char *error = NULL;

        assert_non_null(c);
        if (config_parse_text(text, "t.conf", /* host= */ false, c, &error) < 0)
                fail_msg("%s in\n%s", error, text);
        return c;
}

/* In what hagw-ctl wrote itself, each setting goes where its comment stands, and comes back to it. */
static void test_in_the_default_file(void **state) {
        _cleanup_free_ char *text = NULL, *before = NULL;
        _cleanup_(choices_done) Choices c = {};
        const char *help, *line;

        assert_int_equal(choices_add(&c, CONF_SCOPE_ZONE, 0, NULL, "name", "home.test"), 0);
        assert_int_equal(conf_text_main(&c, &text), 0);
        before = strdup(text);
        assert_int_equal(confedit_set(&text, "relay", "address", "relay.test:444"), 0);
        help = strstr(text, "HOST[:PORT] of the relay");
        line = strstr(text, "\n        address = \"relay.test:444\";\n");
        assert_non_null(help);
        assert_ptr_equal(strchr(help, '\n'), line);
        assert_int_equal(confedit_set(&text, "relay", "address", "other.test"), 0);
        assert_null(strstr(text, "relay.test:444"));
        assert_int_equal(confedit_unset(&text, "relay", "address"), 0);
        assert_string_equal(text, before);
}

/* hagw-ctl host set, in a file that a person wrote. */
static void test_host_file(void **state) {
        static const char *const users[] = { "anna", "b\"n" };
        _cleanup_free_ char *text = strdup("name = \"a.test\"; # mine\n"
                                           "upstream = \"http://old\"; // theirs\n"
                                           "access: {\n"
                                           "        from = \"lan\";\n"
                                           "        open_paths = ( \"/a\" ); # why\n"
                                           "};");

        assert_int_equal(confedit_set(&text, NULL, "upstream", "http://new"), 0);
        assert_int_equal(confedit_set(&text, NULL, "proxy_protocol", "none"), 0);
        assert_int_equal(confedit_set_list(&text, "access", "users", users, ELEMENTSOF(users)), 0);
        assert_int_equal(confedit_set_list(&text, "access", "open_paths", users, 0), 0);
        assert_int_equal(confedit_cut(&text, "access", "from"), 0);
        assert_int_equal(confedit_cut(&text, "tls", "verify"), 0); /* not there */
        assert_string_equal(text, "name = \"a.test\"; # mine\n"
                                  "upstream = \"http://new\"; // theirs\n"
                                  "access: {\n"
                                  "        users = ( \"anna\", \"b\\\"n\" );\n"
                                  "        open_paths = (  ); # why\n"
                                  "};\n"
                                  "proxy_protocol = \"none\";\n");
        assert_int_equal(confedit_cut(&text, "access", "open_paths"), 0);
        assert_null(strstr(text, "open_paths"));
        assert_non_null(strstr(text, "# why"));
}

static void test_text_that_is_not_closed(void **state) {
        static const char *const texts[] = { "x = 1; \"", "/* ", "a = \"\\\"", "log: {}; /*/" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_free_ char *text = strdup(texts[i]);

                assert_int_equal(confedit_set(&text, "relay", "address", "x"), -EBADMSG);
                assert_int_equal(confedit_unset(&text, "relay", "address"), -EBADMSG);
                assert_int_equal(confedit_cut(&text, "relay", "address"), -EBADMSG);
                assert_int_equal(confzone_add(&text, "x", NULL), -EBADMSG);
                assert_int_equal(confzone_remove(&text, "x"), -EBADMSG);
                assert_string_equal(text, texts[i]);
        }
}

/* What stands in a group within the group is another setting. */
static void test_group_within(void **state) {
        char *text = strdup("acme: {\n  fallback: {\n    #contact = \"\";\n    directory = \"https://b/\";\n"
                            "  };\n};\n");

        assert_int_equal(confedit_set(&text, "acme", "contact", "mailto:me@b.test"), 0);
        assert_int_equal(confedit_set(&text, "acme", "directory", "https://a/"), 0);
        assert_string_equal(text, "acme: {\n        directory = \"https://a/\";\n"
                                  "        contact = \"mailto:me@b.test\";\n"
                                  "  fallback: {\n    #contact = \"\";\n"
                                  "    directory = \"https://b/\";\n  };\n};\n");
        free(text);
}

/* A value as the file has it, in the place of hagw-ctl's own comment; what a person has put into one
 * stays. */
static void test_values(void **state) {
        static const char *const networks[] = { "10.0.0.0/8" };
        const ConfSetting *lan = conf_find_setting(CONF_SCOPE_MAIN, NULL, "lan"),
                          *laboratory = conf_find_setting(CONF_SCOPE_MAIN, NULL, "documentation_networks");
        _cleanup_free_ char *text = NULL, *list = NULL, *yes = NULL,
                            *own = strdup("relay: {\n        # which\n"
                                          "        #address = \"old.test\";\n};\n");
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_(choices_done) Choices choices = {};

        assert_int_equal(conf_text_main(&choices, &text), 0);
        assert_int_equal(conf_text_values(lan, (char **) networks, 1, &list), 0);
        assert_int_equal(conf_text_values(laboratory, (char *[]) { (char *) "true" }, 1, &yes), 0);
        assert_string_equal(yes, "true");
        assert_int_equal(confedit_set_text(&text, NULL, "lan", list), 0);
        assert_int_equal(confedit_set_text(&text, NULL, "documentation_networks", yes), 0);
        assert_non_null(strstr(text, "\nlan = ( \"10.0.0.0/8\" );\n\n#"));
        assert_non_null(strstr(text, "\ndocumentation_networks = true;\n\npublic_address"));
        c = parse(text);
        assert_true(c->documentation_networks && c->lan.n == 1);

        assert_int_equal(confedit_set(&own, "relay", "address", "new.test"), 0);
        assert_string_equal(own, "relay: {\n        address = \"new.test\";\n        # which\n"
                                 "        #address = \"old.test\";\n};\n");
}

TEST_MAIN(cmocka_unit_test(test_group_within), cmocka_unit_test(test_in_the_default_file),
          cmocka_unit_test(test_host_file), cmocka_unit_test(test_text_that_is_not_closed),
          cmocka_unit_test(test_values))
