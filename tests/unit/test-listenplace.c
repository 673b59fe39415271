/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-dnsd/listenplace.h"
#include "tests/unit/test.h"

static LocalAddress locals[LISTEN_PLACES_MAX + 8];
static size_t n_locals;

static void has(const char *address, bool world) {
        assert_int_equal(ip_parse(address, &locals[n_locals].address), 0);
        locals[n_locals++].world = world;
}

/* As "ADDRESS#PORT ADDRESS#PORT". */
static const char *places(const Config *c) {
        static char out[1024];
        ListenPlace list[LISTEN_PLACES_MAX];
        size_t n = listen_places(c, locals, n_locals, list);
        char text[IP_TEXT_MAX];

        *out = '\0';
        for (size_t i = 0; i < n; i++) {
                size_t used = strlen(out);

                (void) snprintf(out + used, sizeof(out) - used, "%s%s#%u", used ? " " : "",
                                ip_format(&list[i].address, text), list[i].port);
        }
        return out;
}

static void test_places(void **state) {
        ConfZone zone = { .via = CONF_VIA_DIRECT };
        Config c = { .zones = &zone, .n_zones = 1, .dns = { .ipv4_port = 53, .ipv6_port = 53 } };
        Cidr listen[2];

        n_locals = 0;
        has("127.0.0.1", false);
        has("192.168.1.2", true);
        has("172.17.0.1", false);
        has("fd00::2", true);
        has("2a00:1::2", true);
        has("2001:db8::2", true);
        has("192.168.1.2", true);
        assert_string_equal(places(&c), "192.168.1.2#53 2a00:1::2#53");
        c.documentation_networks = true;
        assert_string_equal(places(&c), "192.168.1.2#53 2a00:1::2#53 2001:db8::2#53");
        c.dns.ipv4_port = 5300;
        c.dns.ipv6_port = 0;
        assert_string_equal(places(&c), "192.168.1.2#5300");
        c.dns.ipv6_port = 53;
        assert_int_equal(cidr_parse("127.0.0.0/8", &listen[0]), 0);
        assert_int_equal(cidr_parse("fd00::2", &listen[1]), 0);
        c.dns.listen = (ConfCidrs) { listen, 2 };
        assert_string_equal(places(&c), "127.0.0.1#5300 fd00::2#53");
}

/* Nobody asks here: the port is left to others. */
static void test_no_zone(void **state) {
        ConfZone zone = { .via = CONF_VIA_RELAY };
        Config c = { .zones = &zone, .n_zones = 1, .dns = { .ipv4_port = 53, .ipv6_port = 53 } };

        n_locals = 0;
        has("192.168.1.2", true);
        assert_string_equal(places(&c), "");
        c.n_zones = 0;
        assert_string_equal(places(&c), "");
}

static void test_limit(void **state) {
        ConfZone zone = { .via = CONF_VIA_DIRECT };
        Config c = { .zones = &zone, .n_zones = 1, .dns = { .ipv4_port = 53, .ipv6_port = 53 } };
        ListenPlace list[LISTEN_PLACES_MAX];
        char text[32];

        n_locals = 0;
        for (unsigned i = 0; i < LISTEN_PLACES_MAX + 8; i++) {
                (void) snprintf(text, sizeof(text), "10.0.0.%u", i + 1);
                has(text, true);
        }
        assert_int_equal(listen_places(&c, locals, n_locals, list), LISTEN_PLACES_MAX + 8);
}

TEST_MAIN(cmocka_unit_test(test_places), cmocka_unit_test(test_no_zone), cmocka_unit_test(test_limit))
