/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-ctl/remedy.h"
#include "libhagw/pure/special.h"
#include "tests/unit/test.h"

#define ATTACH "hagw-ctl attach RELAY CODE"

/* Every kind of special range, and which words its remedy has and has not. */
static const struct {
        const char *address, *has, *lacks;
} rows[] = {
        { "0.0.0.0", "The router shows", ATTACH },
        { "0.1.2.3", "The router shows", ATTACH },
        { "10.0.0.1", "where the router itself has a private one, a relay", NULL },
        { "100.64.3.4", "The provider shares it out to many houses, and a relay", "The router" },
        { "127.0.0.1", "The router shows", ATTACH },
        { "169.254.1.1", "The router shows", ATTACH },
        { "172.16.0.1", "where the router itself has a private one, a relay", NULL },
        { "192.0.0.2", "The provider shares it out to many houses, and a relay", "The router" },
        { "192.0.0.8", "The router shows", ATTACH },
        { "192.0.0.170", "The router shows", ATTACH },
        { "192.0.2.1", "It stands in examples", ATTACH },
        { "192.88.99.1", "The router shows", ATTACH },
        { "192.168.1.4", "where the router itself has a private one, a relay", NULL },
        { "198.18.0.1", "The router shows", ATTACH },
        { "198.51.100.1", "It stands in examples", ATTACH },
        { "203.0.113.1", "It stands in examples", ATTACH },
        { "224.0.0.1", "The router shows", ATTACH },
        { "240.0.0.1", "The router shows", ATTACH },
        { "255.255.255.255", "The router shows", ATTACH },
        { "::", "\"interface\"", "outer" },
        { "::1", "\"interface\"", "outer" },
        { "64:ff9b::a00:1", "\"interface\"", "outer" },
        { "64:ff9b:1::1", "\"interface\"", "outer" },
        { "100::1", "\"interface\"", "outer" },
        { "2001:0:a00:1::1", "\"interface\"", "outer" },
        { "2001:2::1", "\"interface\"", "outer" },
        { "2001:db8::1", "\"interface\"", "outer" },
        { "2002:a00:1::1", "\"interface\"", "outer" },
        { "3fff::1", "\"interface\"", "outer" },
        { "5f00::1", "\"interface\"", "outer" },
        { "fd00::1", "\"interface\"", "outer" },
        { "fe80::1", "\"interface\"", "outer" },
        { "fec0::1", "\"interface\"", "outer" },
        { "ff02::1", "\"interface\"", "outer" },
};

static void test_of_each_range(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *texts[2];
                IpAddress a;

                assert_int_equal(ip_parse(rows[i].address, &a), 0);
                assert_false(special_is_public(&a, /* documentation= */ false));
                texts[0] = remedy_of_setting(&a, REMEDY_HOUSE);
                texts[1] = remedy_of_answer(&a, REMEDY_HOUSE);
                for (size_t k = 0; k < ELEMENTSOF(texts); k++) {
                        assert_non_null(strcasestr(texts[k], rows[i].has));
                        assert_true(!rows[i].lacks || !strstr(texts[k], rows[i].lacks));
                        /* What is to be set is said to who has a file, and not to who is asked. */
                        assert_true(!strstr(texts[k], "hagw.conf") || k == 0);
                }
                /* No relay helps a relay, and it has no router. */
                texts[0] = remedy_of_setting(&a, REMEDY_RELAY);
                texts[1] = remedy_of_answer(&a, REMEDY_RELAY);
                for (size_t k = 0; k < ELEMENTSOF(texts); k++) {
                        assert_null(strstr(texts[k], "attach"));
                        assert_null(strstr(texts[k], "router"));
                        assert_null(strstr(texts[k], "house"));
                        assert_non_null(endswith(texts[k], "."));
                }
        }
}

TEST_MAIN(cmocka_unit_test(test_of_each_range))
