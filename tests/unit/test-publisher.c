/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-dnsd/publisher.h"
#include "tests/unit/test.h"

#define C "_acme-challenge."

static ConfZone zones[] = {
        { .name = (char *) "relay.test", .name_server = (char *) "ns.relay.test" },
        { .name = (char *) "home.test", .name_server = (char *) "ns2.relay.test" },
        { .name = (char *) "sub.relay.test", .name_server = (char *) "ns.relay.test" },
};
static ConfHost hosts[] = {
        { .name = (char *) "status.relay.test", .upstream_kind = CONF_UPSTREAM_HTTP },
        { .name = (char *) "a.deep.relay.test", .upstream_kind = CONF_UPSTREAM_HTTP },
        { .name = (char *) "*.apps.relay.test", .upstream_kind = CONF_UPSTREAM_HTTP },
        { .name = (char *) "x.anna.relay.test", .upstream_kind = CONF_UPSTREAM_TENANT },
};
static const Config relay = {
        .zones = zones, .n_zones = ELEMENTSOF(zones), .hosts = hosts, .n_hosts = ELEMENTSOF(hosts),
        .tenants = { .zone = (char *) "relay.test", .name = (char *) "door.relay.test" },
};

static void assert_rights(const Config *c, const char *name, bool gateway, bool tenants) {
        _cleanup_(names_freep) Names *n = NULL;

        assert_int_equal(names_new(c, &n), 0);
        if (publisher_may(n, PUBLISHER_GATEWAY, name) != gateway ||
            publisher_may(n, PUBLISHER_TENANTS, name) != tenants)
                fail_msg("%s", name);
}

static void test_relay(void **state) {
        static const struct {
                const char *name;
                bool gateway, tenants;
        } rows[] = {
                { C "relay.test", true, false },
                { C "home.test", true, false },
                { C "ha.home.test", true, false },
                { C "door.relay.test", true, false },
                { C "x.door.relay.test", true, false },
                { C "ns.relay.test", true, false },
                { C "ns2.relay.test", true, false },
                { C "status.relay.test", true, false },
                { C "a.deep.relay.test", true, false },
                { C "deep.relay.test", true, false },
                { C "apps.relay.test", true, false },
                { C "x.apps.relay.test", true, false },
                { C "sub.relay.test", true, false },
                { C "ha.sub.relay.test", true, false },
                { C "anna.relay.test", false, true },
                { C "ha.anna.relay.test", false, true },
                { C "bob.relay.test", false, true },
                { C "x.anna.relay.test", true, true }, /* opened here for the tenant */
                { C "y.x.anna.relay.test", false, true },
                /* No challenge, whoever asks. */
                { "relay.test", false, false },
                { "home.test", false, false },
                { "anna.relay.test", false, false },
                { "_dmarc.home.test", false, false },
                { "_acme-challenge", false, false },
                { "x._acme-challenge.home.test", false, false },
                { "x_acme-challenge.home.test", false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_rights(&relay, rows[i].name, rows[i].gateway, rows[i].tenants);
}

static void test_gateway(void **state) {
        Config c = { .zones = zones, .n_zones = ELEMENTSOF(zones) };

        assert_rights(&c, C "relay.test", true, false);
        assert_rights(&c, C "anna.relay.test", true, false);
        assert_rights(&c, "anna.relay.test", false, false);
}

TEST_MAIN(cmocka_unit_test(test_relay), cmocka_unit_test(test_gateway))
