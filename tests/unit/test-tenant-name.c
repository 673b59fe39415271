/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-tenantd/name.h"
#include "tests/unit/test.h"

#define ZONE "relay.example.com"

static void test_names(void **state) {
        static const char *const good[] = {
                "anna", "a", "7", "a-b", "hub-7k3m", "ns-1", "mails",
                "a23456789-123456789-123456789-123456789-123456789-123456789-123",
        };
        static const struct {
                const char *name, *word;
        } bad[] = {
                { "", "label" },     { "a.b", "label" },    { "-a", "label" },        { "a-", "label" },
                { "A", "label" },    { "a_b", "label" },    { "a b", "label" },    { "\xc3\xa4", "label" },
                { "ab--", "label" }, { "www", "kept" },     { "mail", "kept" },    { "ns", "kept" },
                { "localhost", "kept" }, { "xn--a", "encodings" }, { "ab--c", "encodings" },
        };
        char long_zone[HOSTNAME_MAX + 1];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_null(tenant_name_problem(good[i], ZONE));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_non_null(strstr(tenant_name_problem(bad[i].name, ZONE), bad[i].word));
        /* _acme-challenge.NAME.ZONE must be a name. */
        memset(long_zone, 'z', sizeof(long_zone) - 1);
        long_zone[HOSTNAME_MAX - strlen("_acme-challenge.anna.")] = '\0';
        assert_null(tenant_name_problem("anna", long_zone));
        assert_non_null(strstr(tenant_name_problem("annab", long_zone), "too long"));
}

static void test_covers(void **state) {
        assert_true(tenant_name_covers("shop", ZONE, "shop." ZONE));
        assert_true(tenant_name_covers("shop", ZONE, "a.shop." ZONE));
        assert_true(tenant_name_covers("shop", ZONE, "*.shop." ZONE));
        assert_false(tenant_name_covers("shop", ZONE, "*." ZONE));
        assert_false(tenant_name_covers("shop", ZONE, "workshop." ZONE));
        assert_false(tenant_name_covers("shop", ZONE, ZONE));
        assert_false(tenant_name_covers("shop", ZONE, "shop.example.org"));
}

static void test_domains(void **state) {
        static const struct {
                const char *domain, *normalized; /* NULL: refused */
        } rows[] = {
                { "a.example.org", "a.example.org" },
                { "A.Example.ORG.", "a.example.org" },
                { "*.Example.org", "*.example.org" },
                { "relay.example.com.example.org", "relay.example.com.example.org" },
                { "example.com", "example.com" }, /* above the zone: the operator's to decide */
                { "example", NULL },
                { "192.0.2.1", NULL }, /* an address */
                { "*.0.2.1", NULL },
                { "*", NULL },
                { "*.", NULL },
                { "*.org", NULL },
                { "a.*.org", NULL },
                { "*.*.example.org", NULL },
                { "_a.example.org", NULL },
                { "a b.example.org", NULL },
                { "", NULL },
                { ZONE, NULL },
                { "x." ZONE, NULL },
                { "*." ZONE, NULL },
        };
        char out[TENANT_DOMAIN_MAX + 1];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *problem = tenant_domain_problem(rows[i].domain, ZONE, out);

                assert_int_equal(!problem, !!rows[i].normalized);
                if (!problem)
                        assert_string_equal(out, rows[i].normalized);
        }
}

static void test_challenge_names(void **state) {
        static const char *const good[] = {
                "_acme-challenge.anna." ZONE,
                "_ACME-challenge.HA.anna." ZONE ".",
                "_acme-challenge.a.b.c.anna." ZONE,
        };
        static const char *const bad[] = {
                "anna." ZONE,
                "_acme-challenge." ZONE,
                "_acme-challenge.bob." ZONE,
                "_acme-challenge.joanna." ZONE,
                "_acme-challenge.anna",
                "_acme-challenge.anna." ZONE ".example.org",
                "_acme-challenge._x.anna." ZONE,
                "x._acme-challenge.anna." ZONE,
                "_acme-challengeanna." ZONE,
                "_dmarc.anna." ZONE,
                "",
        };
        char out[HOSTNAME_MAX + 1];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(challenge_name_is_tenants(good[i], "anna", ZONE, out));
        assert_true(challenge_name_is_tenants(good[1], "anna", ZONE, out));
        assert_string_equal(out, "_acme-challenge.ha.anna." ZONE);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(challenge_name_is_tenants(bad[i], "anna", ZONE, out));
        assert_true(challenge_value_is_valid("LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ"));
        assert_false(challenge_value_is_valid("LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmC"));
        assert_false(challenge_value_is_valid("LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmC="));
        assert_false(challenge_value_is_valid(""));
}

static void test_accounts(void **state) {
        char out[HOSTNAME_MAX + 1], uri[ACCOUNT_URI_MAX + 2];

        assert_true(account_issuer_normalize("LetsEncrypt.org", out));
        assert_string_equal(out, "letsencrypt.org");
        assert_false(account_issuer_normalize("letsencrypt.org; x=y", out));
        assert_false(account_issuer_normalize("", out));
        assert_true(account_uri_is_valid("https://acme-v02.api.letsencrypt.org/acme/acct/1234567890"));
        assert_true(account_uri_is_valid("https://[2001:db8::1]:14000/my-account/1?a=b"));
        assert_false(account_uri_is_valid("https://"));
        assert_false(account_uri_is_valid("http://ca.example/1"));
        assert_false(account_uri_is_valid("https://ca.example/1; validationmethods=http-01"));
        assert_false(account_uri_is_valid("https://ca.example/1;x"));
        assert_false(account_uri_is_valid("https://ca.example/\"1"));
        assert_false(account_uri_is_valid("https://ca.example/\xc3\xa4"));
        memset(uri, 'a', sizeof(uri));
        memcpy(uri, "https://", 8);
        uri[ACCOUNT_URI_MAX + 1] = '\0';
        assert_false(account_uri_is_valid(uri));
        uri[ACCOUNT_URI_MAX] = '\0';
        assert_true(account_uri_is_valid(uri));
}

TEST_MAIN(cmocka_unit_test(test_names), cmocka_unit_test(test_covers), cmocka_unit_test(test_domains),
          cmocka_unit_test(test_challenge_names), cmocka_unit_test(test_accounts))
