/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-dnsd/caa.h"
#include "tests/unit/test.h"

#define S(s) ((char *) (s))
#define OURS "ours.test; accounturi=1"
#define ANNA "a.test; accounturi=a; validationmethods=dns-01"
#define FREE CAA_FREE_TAG " " CAA_FREE_VALUE "\n"

static char *ours_only[] = { S("ours"), NULL }, *ours_and[] = { S("ours"), S("more.test"), NULL },
            *by_hand[] = { S("other.test"), NULL }, *cam[] = { S("cam.test"), NULL };
static ConfZone zones[] = {
        { .name = S("home.test"), .name_server = S("ns.home.test"), .caa_issuers = ours_only },
        { .name = S("hand.test"), .name_server = S("ns.home.test"), .caa_issuers = by_hand },
        { .name = S("plain.test"), .name_server = S("ns.home.test") },
        { .name = S("relay.test"), .name_server = S("ns.relay.test"), .caa_issuers = ours_and },
};
static ConfHost hosts[] = {
        { .name = S("*.apps.home.test"), .upstream_kind = CONF_UPSTREAM_TCP },
        { .name = S("*.lists.home.test"), .upstream_kind = CONF_UPSTREAM_TCP, .caa = cam },
        { .name = S("*.bob.relay.test"), .upstream_kind = CONF_UPSTREAM_TENANT },
        { .name = S("cam.home.test"), .upstream_kind = CONF_UPSTREAM_TCP },
        { .name = S("cam.plain.test"), .upstream_kind = CONF_UPSTREAM_TCP },
        { .name = S("ha.anna.relay.test"), .upstream_kind = CONF_UPSTREAM_TENANT },
        { .name = S("ha.home.test"), .upstream_kind = CONF_UPSTREAM_HTTP },
        { .name = S("listed.plain.test"), .upstream_kind = CONF_UPSTREAM_TCP, .caa = cam },
        { .name = S("own.apps.home.test"), .upstream_kind = CONF_UPSTREAM_HTTP },
        { .name = S("shop.relay.test"), .upstream_kind = CONF_UPSTREAM_HTTP },
};
static const Config config = {
        .zones = zones, .n_zones = ELEMENTSOF(zones), .hosts = hosts, .n_hosts = ELEMENTSOF(hosts),
        .tenants = { .zone = S("relay.test"), .name = S("door.relay.test") },
};

static void note(const char *tag, const char *value, void *userdata) {
        FILE *f = userdata;

        fprintf(f, "%s %s\n", tag, value);
}

static void assert_records(const CaaOurs *ours, const char *name, const char *expected) {
        _cleanup_(accounts_freep) Accounts *tenants = accounts_new();
        _cleanup_(names_freep) Names *names = NULL;
        static const AccountLine anna = { "a.test", "a" };
        _cleanup_free_ char *text = NULL;
        const ConfZone *zone = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        int r;

        assert_non_null(tenants);
        assert_non_null(f);
        assert_int_equal(names_new(&config, &names), 0);
        assert_int_equal(accounts_set(tenants, "anna", &anna, 1), 0);
        assert_int_equal(accounts_set(tenants, "bob", &anna, 1), 0);
        for (size_t i = 0; i < ELEMENTSOF(zones); i++)
                if (strlen(name) >= strlen(zones[i].name) &&
                    streq(name + strlen(name) - strlen(zones[i].name), zones[i].name))
                        zone = &zones[i];
        assert_non_null(zone);
        r = caa_find(&(CaaSource) { names, ours, tenants }, zone->name, name, note, f);
        fclose(f);
        if (!expected) {
                assert_int_equal(r, -ENODATA);
                assert_string_equal(text, "");
        }
        else if (r != !!*expected || !streq(text, expected))
                fail_msg("%s: %i\n%s", name, r, text);
}

static const CaaOurs known = { CAA_KNOWN, 1, { OURS } }, none = { CAA_KNOWN, 0, {} },
                     unnamed = { CAA_UNNAMED, 0, {} }, unknown = {};

static void test_zone(void **state) {
        assert_records(&known, "home.test", "issue " OURS "\n");
        assert_records(&known, "ha.home.test", "");
        assert_records(&known, "hand.test", "issue other.test\n");
        assert_records(&known, "plain.test", "");
        assert_records(&known, "relay.test", "issue more.test\nissue " OURS "\n");
        /* Not known yet is no answer; where nobody asks for accounts it does not matter. */
        assert_records(&unknown, "home.test", NULL);
        assert_records(&unknown, "ha.home.test", "");
        assert_records(&unknown, "hand.test", "issue other.test\n");
        assert_records(&unknown, "plain.test", "");
        /* Before the first account, and where an authority has no name, nobody is kept out. */
        assert_records(&none, "home.test", "");
        assert_records(&none, "relay.test", "issue more.test\n");
        assert_records(&unnamed, "home.test", "");
        assert_records(&unnamed, "relay.test", "");
}

/* A passing service orders for itself; exactly its names are left alone. */
static void test_passing(void **state) {
        assert_records(&known, "cam.home.test", FREE);
        assert_records(&known, "x.apps.home.test", FREE);
        assert_records(&known, "apps.home.test", FREE);
        assert_records(&known, "own.apps.home.test", "issue " OURS "\n");
        assert_records(&known, "x.cam.home.test", "issue " OURS "\n");
        assert_records(&unknown, "cam.home.test", FREE);
        assert_records(&unknown, "own.apps.home.test", NULL);
        assert_records(&unnamed, "cam.home.test", "");
        /* Where nothing restricts, nothing is said; and its owner may say who. */
        assert_records(&known, "cam.plain.test", "");
        assert_records(&known, "listed.plain.test", "issue cam.test\n");
        assert_records(&known, "x.lists.home.test", "issue cam.test\n");
        assert_records(&known, "lists.home.test", "issue " OURS "\nissuewild cam.test\n");
}

static void test_tenants(void **state) {
        assert_records(&known, "anna.relay.test", "issue " ANNA "\n");
        assert_records(&known, "x.anna.relay.test", "issue " ANNA "\n");
        /* This machine, at exactly the name that it opens. */
        assert_records(&known, "ha.anna.relay.test", "issue " ANNA "\nissue " OURS "\n");
        assert_records(&known, "x.ha.anna.relay.test", "issue " ANNA "\n");
        assert_records(&known, "bob.relay.test",
                       "issue " ANNA "\nissuewild " ANNA "\nissuewild " OURS "\n");
        assert_records(&unknown, "ha.anna.relay.test", NULL);
        assert_records(&unknown, "anna.relay.test", "issue " ANNA "\n");
        assert_records(&unnamed, "ha.anna.relay.test", "issue " ANNA "\n");
        /* Who has not said is not kept out by the relay's own. */
        assert_records(&known, "carol.relay.test", FREE);
        assert_records(&known, "x.carol.relay.test", FREE);
        assert_records(&known, "shop.relay.test", "");
        assert_records(&known, "door.relay.test", "");
        assert_records(&known, "ns.relay.test", "");
}

static void test_configuration(void **state) {
        static char value[CAA_ZONE_MAX + 1];
        static char *list[] = { value, NULL };
        ConfZone zone = { .name = S("home.test"), .caa_issuers = list };
        _cleanup_(names_freep) Names *names = NULL, *others = NULL;
        Config other = config;
        uint64_t before;

        assert_int_equal(names_new(&config, &names), 0);
        before = caa_hash(names, &zones[0]);
        assert_true(caa_wants_ours(&config));
        other.zones = &zones[1];
        other.n_zones = 2;
        assert_true(caa_wants_ours(&other)); /* for tenants' hosts */
        other.n_hosts = 2;
        assert_false(caa_wants_ours(&other));
        assert_int_equal(caa_check(&zones[0]), 0);
        memset(value, 'x', CAA_ZONE_MAX);
        assert_int_equal(caa_check(&zone), -E2BIG);
        other.zones = zones;
        assert_int_equal(names_new(&other, &others), 0);
        assert_int_not_equal(before, caa_hash(others, &zones[0]));
        assert_int_not_equal(before, caa_hash(names, &zones[1]));
}

TEST_MAIN(cmocka_unit_test(test_zone), cmocka_unit_test(test_passing), cmocka_unit_test(test_tenants),
          cmocka_unit_test(test_configuration))
