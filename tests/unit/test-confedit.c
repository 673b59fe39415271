/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-ctl/confedit.h"
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

static void attach(char **text) {
        assert_int_equal(confedit_set(text, "relay", "address", "relay.test"), 0);
        assert_int_equal(confedit_set(text, "relay", "tenant", "anna"), 0);
        assert_int_equal(confedit_add_zone(text, "anna.relay.test", "relay"), 0);
}

static void detach(char **text) {
        assert_int_equal(confedit_unset(text, "relay", "address"), 0);
        assert_int_equal(confedit_unset(text, "relay", "tenant"), 0);
        assert_int_equal(confedit_remove_zone(text, "anna.relay.test"), 0);
}

/* Whatever stood there still stands there, and the rest is as it is meant. */
static void test_there_and_back(void **state) {
        static const char *const texts[] = {
                "",
                "# nothing but a comment",
                "zones = ();\n",
                "zones = ( { name = \"home.test\"; } ); # mine\n",
                "zones = ( { name = \"home.test\"; }, );\n",
                "zones = (\n  { name = \"home.test\"; } // ) not the end\n)\n",
                "relay: { channels_min = 3; } /* zones = ( */ lan = ( \"10.0.0.0/8\" );",
                "relay:\n{\n        #address = \"\"; \n        #address = \"\";\n}\n"
                "log = { level = \"de\" \"bug\"; }",
                "acme: { contact = \"mailto:a\\\"};@b.test\"; }",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_free_ char *text = strdup(texts[i]);
                _cleanup_(config_freep) Config *before = parse(text), *with = NULL, *after = NULL;
                const char *words[] = { "mine", "home.test", "not the end", "channels_min = 3",
                                        "\"de\" \"bug\"", "mailto:a\\\"}" };

                attach(&text);
                with = parse(text);
                assert_string_equal(with->relay.address, "relay.test");
                assert_string_equal(with->relay.tenant, "anna");
                assert_int_equal(with->n_zones, before->n_zones + 1);
                assert_string_equal(with->zones[before->n_zones].name, "anna.relay.test");
                assert_int_equal(with->zones[before->n_zones].via, CONF_VIA_RELAY);
                for (size_t k = 0; k < ELEMENTSOF(words); k++)
                        assert_true(!strstr(texts[i], words[k]) || strstr(text, words[k]));

                detach(&text);
                after = parse(text);
                assert_null(after->relay.address);
                assert_int_equal(after->n_zones, before->n_zones);
                assert_null(config_find_zone(after, "anna.relay.test"));
                assert_int_equal(after->relay.channels_min, before->relay.channels_min);
                assert_string_equal(after->log.level, before->log.level);
        }
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
                assert_int_equal(confedit_add_zone(&text, "x", NULL), -EBADMSG);
                assert_string_equal(text, texts[i]);
        }
}

/* One value, and not a byte besides. */
static void test_set_in_zone(void **state) {
        static const struct {
                size_t zone;
                const char *before, *after;
        } rows[] = {
                { 0, "zones = ( { name = \"a.test\"; name_server = \"old\" /* why */; } ); # mine",
                  "zones = ( { name = \"a.test\"; name_server = \"ns.x\" /* why */; } ); # mine" },
                { 1, "zones = ( { name = \"a\"; }, { name = \"b.test\"; name_server = \"o\" \"ld\"; } );",
                  "zones = ( { name = \"a\"; }, { name = \"b.test\"; name_server = \"ns.x\"; } );" },
                { 1, "# zones = ( { name_server\nzones = ( { name = \"},{\"; }\n, // {\n { name = \"b\" } )",
                  "# zones = ( { name_server\nzones = ( { name = \"},{\"; }\n, // {\n { name = \"b\"; "
                  "name_server = \"ns.x\"; } )" },
                { 0, "zones = (\n  {\n    ttl = \"1h\";\n    name = \"A.test\"; # }\n  }\n);\n",
                  "zones = (\n  {\n    ttl = \"1h\";\n    name = \"A.test\"; # }\n"
                  "    name_server = \"ns.x\";\n  }\n);\n" },
                { 0, "zones = (\n {\n\tname : \"a.test\"\n }\n)",
                  "zones = (\n {\n\tname : \"a.test\";\n\tname_server = \"ns.x\";\n }\n)" },
                { 0, "zones = ( {\n\t# its name\n\t#name_server = \"\";\n\tname = \"a.test\", } );",
                  "zones = ( {\n\t# its name\n\tname_server = \"ns.x\";\n\tname = \"a.test\", } );" },
                { 1, "zones = ( { ttl = 6name = \"a\" }, { ttl = 0x1Lname = \"b\"; x = -1.5e+3y = 2L } );",
                  "zones = ( { ttl = 6name = \"a\" }, { ttl = 0x1Lname = \"b\"; name_server = \"ns.x\"; "
                  "x = -1.5e+3y = 2L } );" },
                { 0, "name_server = \"top\"; zones = ( { name = \"a.test\"; } ); dns: { name_server = 1; };",
                  "name_server = \"top\"; zones = ( { name = \"a.test\"; name_server = \"ns.x\"; } ); "
                  "dns: { name_server = 1; };" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = strdup(rows[i].before);

                assert_int_equal(confedit_set_in_zone(&text, rows[i].zone, "name_server", "ns.x"), 0);
                assert_string_equal(text, rows[i].after);
                assert_int_equal(confedit_set_in_zone(&text, 2, "name_server", "ns.x"), -ENOENT);
                assert_string_equal(text, rows[i].after);
        }
}

/* In what hagw-ctl wrote itself a zone has a line for each setting. */
static void test_zone_in_the_default_file(void **state) {
        static const char *const issuers[] = { "ours", "pki.test" };
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *text = NULL, *before = NULL;
        _cleanup_(choices_done) Choices c = {};

        assert_int_equal(choices_add(&c, CONF_SCOPE_ZONE, 0, NULL, "name", "home.test"), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_ZONE, 1, NULL, "name", "other.test"), 0);
        assert_int_equal(choices_add(&c, CONF_SCOPE_ZONE, 1, NULL, "name_server", "ns.x"), 0);
        assert_int_equal(conf_text_main(&c, &text), 0);
        before = strdup(text);
        assert_int_equal(confedit_set_in_zone(&text, 1, "name_server", "ns.longer.test"), 0);
        assert_int_equal(strlen(text), strlen(before) + strlen("longer.test") - strlen("x"));
        assert_int_equal(confedit_set_in_zone(&text, 0, "name_server", "ns.first.test"), 0);
        assert_int_equal(confedit_set_list_in_zone(&text, 0, "caa", issuers, 2), 0);
        assert_non_null(strstr(text, "\n                name_server = \"ns.first.test\";\n"));
        config = parse(text);
        assert_string_equal(config->zones[0].name_server, "ns.first.test");
        assert_string_equal(config->zones[0].caa_issuers[1], "pki.test");
        assert_string_equal(config->zones[1].name_server, "ns.longer.test");
}

static void test_remove_zone(void **state) {
        static const struct {
                const char *before, *after;
        } rows[] = {
                { "zones = ( { name = \"a.test\"; }, { name = \"b.test\"; } );",
                  "zones = (  { name = \"b.test\"; } );" },
                { "zones = ( { name = \"b.test\"; }, { name = \"a.test\"; } );",
                  "zones = ( { name = \"b.test\"; }  );" },
                { "zones = ( { name = \"a.test\"; } );", "zones = (  );" },
                { "zones = ( { name = \"b.test\"; } );", "zones = ( { name = \"b.test\"; } );" },
                { "# zones", "# zones" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = strdup(rows[i].before);

                assert_int_equal(confedit_remove_zone(&text, "a.test"), 0);
                assert_string_equal(text, rows[i].after);
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

TEST_MAIN(cmocka_unit_test(test_group_within), cmocka_unit_test(test_there_and_back),
          cmocka_unit_test(test_in_the_default_file), cmocka_unit_test(test_host_file),
          cmocka_unit_test(test_text_that_is_not_closed), cmocka_unit_test(test_set_in_zone),
          cmocka_unit_test(test_zone_in_the_default_file), cmocka_unit_test(test_remove_zone))
