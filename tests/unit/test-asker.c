/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "asker.h"
#include "test.h"

static IpAddress address(const char *text) {
        IpAddress a;

        assert_int_equal(ip_parse(text, &a), 0);
        return a;
}

static Cidr networks[3];
static const ConfCidrs lan = { .items = networks, .n = ELEMENTSOF(networks) };

static AskerRules house(void) {
        AskerRules o = { .known = true, .n_hops = 2, .own6_is_ours = true, .lan = &lan };

        assert_int_equal(cidr_parse("192.168.0.0/16", &networks[0]), 0);
        assert_int_equal(cidr_parse("fd00::/8", &networks[1]), 0);
        assert_int_equal(cidr_parse("9.9.0.0/16", &networks[2]), 0);
        o.hops[0] = address("192.168.1.1");
        o.hops[1] = address("81.2.3.1");
        o.own[0] = address("81.2.3.4");
        o.own[1] = address("2a02:1:2:3::5");
        return o;
}

static void test_who(void **state) {
        static const struct {
                const char *address;
                bool outside;
        } cases[] = {
                { "8.8.8.8", true },
                { "2001:4860:4860::8888", true },
                { "2a02:1:2:100::1", true },   /* another of the provider's customers */
                { "2a02:1:2:4::77", false },   /* in the house, another of its networks */
                { "2a02:1:2:3::5", false },  /* itself */
                { "81.2.3.4", false },       /* the router, in a device's place */
                { "81.2.3.1", false },       /* its public side */
                { "192.168.1.7", false },
                { "192.168.1.1", false },
                { "10.0.0.1", false }, /* not in lan, but nobody's on the internet */
                { "100.64.3.4", false },
                { "9.9.9.9", false }, /* in lan */
                { "fd00::1", false },
                { "fe80::1", false },
                { "127.0.0.1", false },
                { "203.0.113.7", false },
        };
        AskerRules o = house();

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                IpAddress a = address(cases[i].address);

                assert_int_equal(asker_is_outside(&o, &a), cases[i].outside);
        }
}

static void test_what_is_not_known(void **state) {
        IpAddress stranger = address("8.8.8.8"), laboratory = address("203.0.113.7"),
                  neighbour = address("2a02:1:2:3::77");
        AskerRules o = house();

        o.known = false;
        assert_false(asker_is_outside(&o, &stranger));
        o = house();
        o.documentation = true;
        assert_true(asker_is_outside(&o, &laboratory));
        /* An address that was given by hand may be one of a network that strangers share. */
        o.own6_is_ours = false;
        assert_true(asker_is_outside(&o, &neighbour));
        assert_false(asker_is_outside(&(AskerRules) {}, &stranger));
}

static void test_seen(void **state) {
        IpAddress four = address("8.8.8.8"), six = address("2001:4860:4860::8888"),
                  inside = address("192.168.1.7");
        AskersSeen seen = {};
        AskerRules o = house();

        asker_note(&o, &seen, &inside, false, 10);
        assert_int_equal(seen.last_sec[0][0], 0);
        asker_note(&o, &seen, &four, false, 11);
        asker_note(&o, &seen, &six, true, 12);
        asker_note(&o, &seen, &inside, false, 13);
        assert_int_equal(seen.last_sec[0][0], 11);
        assert_int_equal(seen.last_sec[0][1], 0);
        assert_int_equal(seen.last_sec[1][0], 0);
        assert_int_equal(seen.last_sec[1][1], 12);
}

TEST_MAIN(cmocka_unit_test(test_who), cmocka_unit_test(test_what_is_not_known), cmocka_unit_test(test_seen))
