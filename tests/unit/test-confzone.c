/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-ctl/conftext.h"
#include "hagw-ctl/confzone.h"
#include "tests/unit/test.h"

static Config *parse(const char *text) {
        Config *c = config_new();
        _cleanup_free_ char *error = NULL;

        assert_non_null(c);
        if (config_parse_text(text, "t.conf", /* host= */ false, c, &error) < 0)
                fail_msg("%s in\n%s", error, text);
        return c;
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

                assert_int_equal(confzone_set(&text, rows[i].zone, "name_server", "ns.x"), 0);
                assert_string_equal(text, rows[i].after);
                assert_int_equal(confzone_set(&text, 2, "name_server", "ns.x"), -ENOENT);
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
        assert_int_equal(confzone_set(&text, 1, "name_server", "ns.longer.test"), 0);
        assert_int_equal(strlen(text), strlen(before) + strlen("longer.test") - strlen("x"));
        assert_int_equal(confzone_set(&text, 0, "name_server", "ns.first.test"), 0);
        assert_int_equal(confzone_set_list(&text, 0, "caa", issuers, 2), 0);
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

                assert_int_equal(confzone_remove(&text, "a.test"), 0);
                assert_string_equal(text, rows[i].after);
        }
}

TEST_MAIN(cmocka_unit_test(test_set_in_zone), cmocka_unit_test(test_zone_in_the_default_file),
          cmocka_unit_test(test_remove_zone))
