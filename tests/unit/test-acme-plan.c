/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-acmed/plan.h"
#include "tests/unit/test.h"

static void parse(Config *c, const char *text, bool host) {
        char *error = NULL;

        assert_int_equal(config_parse_text(text, "test", host, c, &error), 0);
}

static void host(Config *c, const char *name) {
        char text[256];

        (void) snprintf(text, sizeof(text), "name = \"%s\"; upstream = \"http://x\";", name);
        parse(c, text, true);
}

static const Want *find(const Want *wants, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (streq(wants[i].names[0], name))
                        return &wants[i];
        return NULL;
}

static void test_plan(void **state) {
        _cleanup_(config_freep) Config *c = config_new();
        Want *wants;
        size_t n;

        parse(c, "zones = ( { name = \"home.example.com\"; }, { name = \"sub.home.example.com\"; } );",
              false);
        host(c, "ha.home.example.com");     /* covered by the zone's wildcard */
        host(c, "home.example.com");        /* the apex */
        host(c, "*.home.example.com");      /* the zone's wildcard itself */
        host(c, "a.b.home.example.com");    /* deeper than the wildcard */
        host(c, "x.apps.home.example.com"); /* covered by the next */
        host(c, "*.apps.home.example.com");
        host(c, "sub.home.example.com"); /* another zone's apex */
        host(c, "far.example.org");      /* outside */
        host(c, "*.far.example.org");    /* outside and a wildcard */
        host(c, "in.far.example.org");   /* would be covered by it */
        parse(c, "name = \"own.example.org\"; upstream = \"tcp://x:1\"; access: { login = \"none\"; };",
              true);
        assert_int_equal(plan_make(c, &wants, &n), 0);

        assert_null(find(wants, n, "own.example.org")); /* its service has one */
        assert_string_equal(find(wants, n, "home.example.com")->names[1], "*.home.example.com");
        assert_int_equal(find(wants, n, "home.example.com")->way, PROOF_DNS);
        assert_string_equal(find(wants, n, "sub.home.example.com")->names[1], "*.sub.home.example.com");
        assert_int_equal(find(wants, n, "a.b.home.example.com")->way, PROOF_DNS);
        assert_null(find(wants, n, "a.b.home.example.com")->names[1]);
        assert_int_equal(find(wants, n, "*.apps.home.example.com")->way, PROOF_DNS);
        assert_int_equal(find(wants, n, "far.example.org")->way, PROOF_HTTP);
        assert_int_equal(find(wants, n, "*.far.example.org")->way, PROOF_NONE);
        assert_null(find(wants, n, "x.apps.home.example.com"));
        assert_null(find(wants, n, "ha.home.example.com"));
        assert_int_equal(find(wants, n, "in.far.example.org")->way, PROOF_HTTP);
        assert_int_equal(n, 7);
        plan_free(wants, n);
}

#define RELAY "{ name = \"anna.relay.example.com\"; via = \"relay\"; }"

/* Behind a relay nobody reaches port 80: names elsewhere are shown by alias. */
static void test_relay(void **state) {
        _cleanup_(config_freep) Config *c = config_new();
        Want *wants;
        size_t n;

        parse(c, "relay: { address = \"relay.example.com\"; tenant = \"anna\"; };", false);
        parse(c, "zones = ( " RELAY ", { name = \"anna.example.org\"; via = \"relay\"; } );", false);
        host(c, "ha.anna.relay.example.com"); /* covered */
        host(c, "a.b.anna.relay.example.com");
        host(c, "a.b.anna.example.org");
        host(c, "far.example.org");
        host(c, "*.far.example.org");
        /* What the relay opens, and leads here by a host of its own. */
        host(c, "ha.relay.example.com");
        host(c, "*.bob.relay.example.com");
        assert_true(config_is_the_relays(c, "ha.relay.example.com"));
        assert_true(config_is_the_relays(c, "relay.example.com"));
        assert_false(config_is_the_relays(c, "a.anna.relay.example.com"));
        assert_false(config_is_the_relays(c, "far.example.org"));
        assert_int_equal(plan_make(c, &wants, &n), 0);
        assert_string_equal(plan_relay_zone(c)->name, "anna.relay.example.com");
        assert_int_equal(find(wants, n, "anna.relay.example.com")->way, PROOF_RELAY);
        assert_string_equal(find(wants, n, "anna.relay.example.com")->names[1], "*.anna.relay.example.com");
        assert_int_equal(find(wants, n, "a.b.anna.relay.example.com")->way, PROOF_RELAY);
        /* A further domain is the house's, but its name server is not the relay's. */
        assert_int_equal(find(wants, n, "anna.example.org")->way, PROOF_ALIAS);
        assert_int_equal(find(wants, n, "a.b.anna.example.org")->way, PROOF_ALIAS);
        assert_int_equal(find(wants, n, "far.example.org")->way, PROOF_ALIAS);
        assert_int_equal(find(wants, n, "*.far.example.org")->way, PROOF_ALIAS);
        assert_int_equal(n, 6);
        plan_free(wants, n);
}

/* A house with a door of its own as well: as without a relay, but for the relay's zone. */
static void test_relay_and_door(void **state) {
        _cleanup_(config_freep) Config *c = config_new();
        Want *wants;
        size_t n;

        parse(c, "relay: { address = \"relay.example.com\"; tenant = \"anna\"; };", false);
        parse(c, "zones = ( { name = \"home.example.com\"; }, " RELAY " );", false);
        host(c, "a.b.home.example.com");
        host(c, "far.example.org");
        host(c, "*.far.example.org");
        assert_int_equal(plan_make(c, &wants, &n), 0);
        assert_int_equal(find(wants, n, "home.example.com")->way, PROOF_DNS);
        assert_int_equal(find(wants, n, "anna.relay.example.com")->way, PROOF_RELAY);
        assert_int_equal(find(wants, n, "a.b.home.example.com")->way, PROOF_DNS);
        assert_int_equal(find(wants, n, "far.example.org")->way, PROOF_HTTP);
        assert_int_equal(find(wants, n, "*.far.example.org")->way, PROOF_NONE);
        plan_free(wants, n);
}

static void test_nothing(void **state) {
        _cleanup_(config_freep) Config *c = config_new();
        Want *wants;
        size_t n;

        assert_int_equal(plan_make(c, &wants, &n), 0);
        assert_int_equal(n, 0);
        plan_free(wants, n);
}

TEST_MAIN(cmocka_unit_test(test_plan), cmocka_unit_test(test_relay), cmocka_unit_test(test_relay_and_door),
          cmocka_unit_test(test_nothing))
