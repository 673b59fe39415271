/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/outside.h"
#include "tests/unit/test.h"

static IpAddress address(const char *text) {
        IpAddress a = { .family = AF_UNSPEC };

        if (text)
                assert_int_equal(ip_parse(text, &a), 0);
        return a;
}

static Cidr lan[3];
static Hops hops;

/* As the name server knows it: the house's public addresses. */
static OutsideRules house(void) {
        const IpAddress four = address("81.2.3.4"), six = address("2a02:1:2:3::5");

        assert_int_equal(cidr_parse("192.168.0.0/16", &lan[0]), 0);
        assert_int_equal(cidr_parse("fd00::/8", &lan[1]), 0);
        assert_int_equal(cidr_parse("9.9.0.0/16", &lan[2]), 0);
        hops = (Hops) { .known = true, .n = 2, .items = { address("192.168.1.1"), address("81.2.3.1") } };
        return (OutsideRules) { .lan = lan, .n_lan = ELEMENTSOF(lan), .hops = &hops,
                                .own = { outside_own(&four, true), outside_own(&six, true) } };
}

static bool judge(const OutsideRules *o, const char *who) {
        IpAddress a = address(who);

        return outside_judge(o, &a);
}

static void test_who(void **state) {
        static const struct {
                const char *address;
                bool outside;
        } cases[] = {
                { "8.8.8.8", true },
                { "2001:4860:4860::8888", true },
                { "2a02:1:2:100::1", true }, /* another of the provider's customers */
                { "2a02:1:2:4::77", false }, /* in the house, another of its networks */
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
                { "::1", false },
                { "203.0.113.7", false },
                { NULL, false },
        };
        OutsideRules o = house();

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(judge(&o, cases[i].address), cases[i].outside);
}

/* As the door knows it: the address that the visitor came to. */
static void test_by_where_he_came(void **state) {
        const IpAddress inner = address("192.168.1.2"), six = address("2a00:1:2:3::1"),
                        public = address("8.8.8.8"), none = address(NULL);
        OutsideRules o = house();

        o.own[1] = (Cidr) {};
        o.own[0] = outside_own(&inner, true);
        assert_true(judge(&o, "8.8.8.8"));
        assert_false(judge(&o, "192.168.1.2"));
        o.own[0] = outside_own(&public, true);
        assert_false(judge(&o, "8.8.8.8"));
        assert_true(judge(&o, "8.8.8.9"));
        o.own[0] = outside_own(&six, true);
        assert_true(judge(&o, "2a00:1:2:100::1"));
        assert_false(judge(&o, "2a00:1:2:3::2"));
        assert_false(judge(&o, "2a00:1:2:ff::2"));
        o.own[0] = outside_own(&none, true);
        assert_true(judge(&o, "8.8.8.8"));
        assert_false(judge(&o, NULL));
}

static void test_what_is_not_known(void **state) {
        const IpAddress six = address("2a02:1:2:3::5");
        OutsideRules o = house();

        /* Before hagw-netd has spoken anybody may be the router. */
        hops.known = false;
        assert_false(judge(&o, "8.8.8.8"));
        o = house();
        o.hops = NULL;
        assert_false(judge(&o, "8.8.8.8"));
        o = house();
        o.documentation = true;
        assert_true(judge(&o, "203.0.113.7"));
        /* An address that was given by hand may be one of a network that strangers share. */
        o.own[1] = outside_own(&six, false);
        assert_true(judge(&o, "2a02:1:2:3::77"));
        assert_false(judge(&o, "2a02:1:2:3::5"));
        assert_false(judge(&(OutsideRules) {}, "8.8.8.8"));
}

TEST_MAIN(cmocka_unit_test(test_who), cmocka_unit_test(test_by_where_he_came),
          cmocka_unit_test(test_what_is_not_known))
