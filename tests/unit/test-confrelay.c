/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-ctl/confedit.h"
#include "hagw-ctl/confrelay.h"
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

static void attach(char **text, bool pinned) {
        const char *pin = pinned ? "sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" : NULL;

        /* As the verb does: without the zone first. */
        assert_int_equal(confrelay_attach(text, "relay.test", "anna", pin, NULL), 0);
        assert_int_equal(confrelay_attach(text, "relay.test", "anna", pin, "anna.relay.test"), 0);
}

/* What is there and back again is the same to the byte, and is what it is meant to be between. */
static void test_there_and_back(void **state) {
        static const char *const texts[] = {
                "",
                "\n",
                "# nothing but a comment",
                "# nothing but a comment\n",
                "zones = ();\n",
                "zones = (\n);\n",
                "zones = (\n        # none yet\n        );",
                "zones = ( { name = \"home.test\"; } ); # mine\n",
                "zones = ( { name = \"home.test\"; }, );\n",
                "zones = ({name=\"home.test\"},{name=\"b.test\"})\n",
                "zones = (\n  { name = \"home.test\"; } // ) not the end\n)\n",
                "zones = (\n        {\n                name = \"home.test\";\n        },\n        {\n"
                "                name = \"b.test\";\n        }\n);\n",
                "zones = (\r\n  { name = \"home.test\"; }, # one\r\n  );\r\n",
                "relay: { channels_min = 3; } /* zones = ( */ lan = ( \"10.0.0.0/8\" );",
                "relay: {channels_min = 3;};\n",
                "relay: {}\n",
                "relay = { };\n\n\n",
                "\nrelay: {\n};\n",
                "relay: { # my relay\n        channels_min = 3; # more\n        # and less\n};\n",
                "relay:\r\n{\r\n        channels_min = 3;\r\n};\r\n",
                "relay:\n{\n        #address = \"\"; \n        #address = \"\";\n}\n"
                "log = { level = \"de\" \"bug\"; }",
                "relay: {\n        # which\n        #address = \"\";\n        # who\n"
                "        #tenant = \"old\";\n        channels_min = 3;\n};\n",
                "acme: { contact = \"mailto:a\\\"};@b.test\"; }",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts) * 2; i++) {
                const char *from = texts[i / 2];
                _cleanup_free_ char *text = strdup(from);
                _cleanup_(config_freep) Config *before = parse(text), *with = NULL;
                const char *words[] = { "mine", "home.test", "not the end", "channels_min = 3",
                                        "\"de\" \"bug\"", "mailto:a\\\"}", "my relay", "and less",
                                        "none yet" };

                attach(&text, /* pinned= */ i % 2);
                with = parse(text);
                assert_string_equal(with->relay.address, "relay.test");
                assert_string_equal(with->relay.tenant, "anna");
                assert_int_equal(!!with->relay.pin, i % 2);
                assert_int_equal(with->n_zones, before->n_zones + 1);
                assert_string_equal(with->zones[before->n_zones].name, "anna.relay.test");
                assert_int_equal(with->zones[before->n_zones].via, CONF_VIA_RELAY);
                for (size_t k = 0; k < ELEMENTSOF(words); k++)
                        assert_true(!strstr(from, words[k]) || strstr(text, words[k]));

                assert_int_equal(confrelay_detach(&text, with), 0);
                assert_string_equal(text, from);
        }
}

/* The same with what hagw-ctl itself writes, with and without a zone. */
static void test_in_the_default_file(void **state) {
        for (unsigned zones = 0; zones < 3; zones++) {
                _cleanup_free_ char *text = NULL, *before = NULL;
                _cleanup_(config_freep) Config *with = NULL;
                _cleanup_(choices_done) Choices c = {};

                for (unsigned i = 0; i < zones; i++)
                        assert_int_equal(choices_add(&c, CONF_SCOPE_ZONE, i, NULL, "name",
                                                     i > 0 ? "other.test" : "home.test"),
                                         0);
                assert_int_equal(conf_text_main(&c, &text), 0);
                before = strdup(text);
                attach(&text, /* pinned= */ true);
                assert_non_null(strstr(text, "\n        address = \"relay.test\";\n        # this house's"));
                with = parse(text);
                assert_int_equal(confrelay_detach(&text, with), 0);
                assert_string_equal(text, before);
        }
}

/* What was changed meanwhile stays. */
static void test_changed_between(void **state) {
        static const char *const issuers[] = { "ours" };
        _cleanup_free_ char *text = strdup("");
        _cleanup_(config_freep) Config *with = NULL, *after = NULL;

        attach(&text, /* pinned= */ false);
        assert_int_equal(confedit_set_text(&text, "relay", "channels_min", "3"), 0);
        assert_int_equal(confzone_add(&text, "home.test", NULL), 0);
        assert_int_equal(confzone_set_list(&text, 0, "caa", issuers, 1), 0);
        with = parse(text);
        assert_int_equal(with->n_zones, 2);
        assert_int_equal(confrelay_detach(&text, with), 0);
        after = parse(text);
        assert_int_equal(after->relay.channels_min, 3);
        assert_null(after->relay.address);
        assert_int_equal(after->n_zones, 1);
        assert_string_equal(after->zones[0].name, "home.test");
        assert_null(strstr(text, "\n\n\n"));
}

TEST_MAIN(cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_in_the_default_file),
          cmocka_unit_test(test_changed_between))
