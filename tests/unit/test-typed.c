/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-ctl/typed.h"
#include "tests/unit/test.h"

typedef struct Row {
        TypedKind kind;
        const char *typed, *value; /* value: NULL where it is refused */
        const char *reason;        /* a part of it; NULL: none */
} Row;

static bool is_eth0(const char *name) {
        return streq(name, "eth0");
}

static void judge(const Row *rows, size_t n, const TypedContext *c) {
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *value = NULL, *reason = NULL;
                int r = typed_read(rows[i].kind, rows[i].typed, c, &value, &reason);

                if (rows[i].value ? r < 0 || (r > 0) != !!rows[i].reason : r != -EINVAL)
                        fail_msg("\"%s\": %d, %s", rows[i].typed, r, strempty(reason));
                if (rows[i].value)
                        assert_string_equal(value, rows[i].value);
                else
                        assert_null(value);
                if (rows[i].reason ? !reason || !strstr(reason, rows[i].reason) : !!reason)
                        fail_msg("\"%s\": \"%s\"", rows[i].typed, strempty(reason));
        }
}

/* What could still be meant, and what never leads to anything. */
static void test_vain(void **state) {
        static const struct {
                const char *zone;
                int doubt;
        } rows[] = { { "meier.org", 1 }, { "home.local", TYPED_VAIN }, { "me.duckdns.org", TYPED_VAIN },
                     { "co.uk", TYPED_VAIN } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *value = NULL, *reason = NULL;

                assert_int_equal(typed_read(TYPED_ZONE, rows[i].zone, &(TypedContext) {}, &value, &reason),
                                 rows[i].doubt);
        }
}

static void test_zones(void **state) {
        static const Row rows[] = {
                { TYPED_ZONE, "home.meier.org", "home.meier.org", NULL },
                { TYPED_ZONE, " Home.Meier.ORG. ", "home.meier.org", NULL },
                { TYPED_ZONE, "*.home.meier.org", "home.meier.org", NULL },
                { TYPED_ZONE, "https://home.meier.org/", "home.meier.org", NULL },
                { TYPED_ZONE, "home.meier.co.uk", "home.meier.co.uk", NULL },
                { TYPED_ZONE, "com", NULL, "single word" },
                { TYPED_ZONE, "203.0.113.4", NULL, "is an address" },
                { TYPED_ZONE, "2001:db8::1", NULL, "is an address" },
                { TYPED_ZONE, "bad..zone", NULL, "is no name" },
                { TYPED_ZONE, "my zone", NULL, "is no name" },
                { TYPED_ZONE, "192.168.1", NULL, "is no name" },
                { TYPED_ZONE, "", NULL, "is no name" },
                { TYPED_ZONE, "home.m\xc3\xbcller.de", NULL, "Write: home.xn--mller-kva.de" },
                { TYPED_ZONE, "home.m\xfcller.de", NULL, "begins with xn--." },
                { TYPED_NAME_SERVER, "ns.m\xc3\xbcller.de", NULL, "Write: ns.xn--mller-kva.de" },
                { TYPED_IPV4, "m\xc3\xbcller.myfritz.net", NULL, "Write: xn--mller-kva.myfritz.net" },
                { TYPED_ZONE, "meier.org", "meier.org", "home.meier.org" },
                { TYPED_ZONE, "meier.co.uk", "meier.co.uk", "whole domain" },
                { TYPED_ZONE, "Meier.Net.", "meier.net", "whole domain" },
                { TYPED_ZONE, "meier.photography", "meier.photography", "whole domain" },
                { TYPED_ZONE, "xn--mller-kva.de", "xn--mller-kva.de", "whole domain" },
                { TYPED_ZONE, "meier.or.at", "meier.or.at", "such as home.meier.or.at" },
                { TYPED_ZONE, "meier.id.au", "meier.id.au", "whole domain" },
                { TYPED_ZONE, "meier.eu.org", "meier.eu.org", "whole domain" },
                { TYPED_ZONE, "co.uk", "co.uk", "names are sold below it" },
                { TYPED_ZONE, "eu.org", "eu.org", "names are sold below it" },
                /* Short names, and words that are no country's, are domains as others. */
                { TYPED_ZONE, "home.ab.de", "home.ab.de", NULL },
                { TYPED_ZONE, "home.co.de.meier.org", "home.co.de.meier.org", NULL },
                { TYPED_ZONE, "home.com.photography", "home.com.photography", NULL },
                { TYPED_ZONE, "example.net", NULL, "is an example" },
                { TYPED_ZONE, "https://home.example.com/", NULL, "home.example.com is an example" },
                { TYPED_ZONE, "home.example", NULL, "home.example is an example" },
                { TYPED_ZONE, "home.my.example", NULL, "is an example" },
                { TYPED_ZONE, "example.myfritz.net", NULL, "is an example" },
                { TYPED_ZONE, "example.meier.org", "example.meier.org", NULL },
                { TYPED_ZONE, "ha.fritz.box", "ha.fritz.box", "inside houses" },
                { TYPED_ZONE, "homeassistant.local", "homeassistant.local", "inside houses" },
                { TYPED_ZONE, "meier.myfritz.net", "meier.myfritz.net", "dynamic DNS name" },
        };

        judge(rows, ELEMENTSOF(rows), &(TypedContext) {});
        judge(&(Row) { TYPED_ZONE, "home.example.com", "home.example.com", NULL }, 1,
              &(TypedContext) { .laboratory = true });
        judge(&(Row) { TYPED_ZONE, "example.com", "example.com", "whole domain" }, 1,
              &(TypedContext) { .laboratory = true });
}

static void test_sources(void **state) {
        static const Row rows[] = {
                { TYPED_IPV4, "8.8.8.8", "static:8.8.8.8", NULL },
                { TYPED_IPV4, "static:8.8.8.8", "static:8.8.8.8", NULL },
                { TYPED_IPV4, "meier.myfritz.net", "resolve:meier.myfritz.net", NULL },
                { TYPED_IPV4, "http://Meier.myfritz.net:8080/x", "resolve:meier.myfritz.net", NULL },
                { TYPED_IPV4, "resolve:meier.myfritz.net", "resolve:meier.myfritz.net", NULL },
                { TYPED_IPV4, "eth0", "interface:eth0", NULL },
                { TYPED_IPV4, "interface:eth9", "interface:eth9", "no interface eth9" },
                { TYPED_IPV4, "none", "none", NULL },
                { TYPED_IPV4, "no", "none", NULL },
                { TYPED_IPV4, "192.168.1.4", "static:192.168.1.4", "private use" },
                { TYPED_IPV4, "static:100.64.0.9", "static:100.64.0.9", "shared address space" },
                { TYPED_IPV4, "static:100.64.0.9", "static:100.64.0.9", "hagw-ctl attach RELAY CODE" },
                { TYPED_IPV4, "203.0.113.10", "static:203.0.113.10", "no public address" },
                { TYPED_IPV4, "2a02:8106::1", NULL, "IPv6 address" },
                { TYPED_IPV4, "static:300.1.1.1", NULL, "no address" },
                { TYPED_IPV4, "eth9", NULL, "nor an interface of this machine" },
                { TYPED_IPV4, "ns.home.meier.org", NULL, "ask itself" },
                { TYPED_IPV4, "house.dyn.example.org", NULL, "is an example" },
                { TYPED_IPV4, "example.myfritz.net", NULL, "is an example" },
                { TYPED_IPV4, "resolve:Example.DuckDNS.org", NULL, "example.duckdns.org is an example" },
                { TYPED_IPV4, "my-example.myfritz.net", "resolve:my-example.myfritz.net", NULL },
                { TYPED_IPV4, "8.8.8", NULL, "neither an address" },
                { TYPED_IPV4, "300.1.1.1", NULL, "neither an address" },
                { TYPED_NAME_SERVER, "8.8.8.300", NULL, "no whole name" },
                { TYPED_IPV4, "fritz.box", "resolve:fritz.box", "inside houses" },
                { TYPED_IPV4, "ha.local", "resolve:ha.local", "inside houses" },
                { TYPED_IPV6, "2a02:8106::1", "static:2a02:8106::1", NULL },
                { TYPED_IPV6, "fd00::1", "static:fd00::1", "no public address" },
                { TYPED_IPV6, "fe80::1", "static:fe80::1", "no public address" },
                { TYPED_IPV6, "fe80::1", "static:fe80::1", "\"interface\" takes this machine's public one" },
                { TYPED_IPV6, "8.8.8.8", NULL, "IPv4 address" },
                { TYPED_IPV6, "interface", "interface", NULL },
        };

        judge(rows, ELEMENTSOF(rows), &(TypedContext) { .zone = "home.meier.org", .is_interface = is_eth0 });
        judge(&(Row) { TYPED_IPV4, "203.0.113.10", "static:203.0.113.10", NULL }, 1,
              &(TypedContext) { .laboratory = true });
}

static void test_names(void **state) {
        static const Row rows[] = {
                { TYPED_NAME_SERVER, "NS.home.meier.org.", "ns.home.meier.org", NULL },
                { TYPED_NAME_SERVER, "8.8.8.8", NULL, "A record" },
                { TYPED_NAME_SERVER, "ns", NULL, "no whole name" },
                { TYPED_CONTACT, "", "", NULL },
                { TYPED_CONTACT, "me@meier.org", "mailto:me@meier.org", NULL },
                { TYPED_CONTACT, "mailto:me@meier.org", "mailto:me@meier.org", NULL },
                { TYPED_CONTACT, "me", NULL, "no mail address" },
                { TYPED_CONTACT, "me@meier", NULL, "no mail address" },
                { TYPED_CONTACT, "@meier.org", NULL, "no mail address" },
                { TYPED_CONTACT, "a@b.org, c@d.org", NULL, "no mail address" },
                { TYPED_NAME_SERVER, "ns.home.example.com", NULL, "is an example" },
                { TYPED_CONTACT, "me@example.com", NULL, "is an example" },
                { TYPED_USER, "", "", NULL },
                { TYPED_USER, " Anna", "anna", NULL },
                { TYPED_USER, "anna k", NULL, "no user's name" },
                { TYPED_USER, "änna", NULL, "no user's name" },
                { TYPED_USER, "N", "n", "would be the user's name" },
                { TYPED_USER, "yes", "yes", "would be the user's name" },
                { TYPED_CODE, "7K3M-Q9XT-2VBN-HD4W", "7K3M-Q9XT-2VBN-HD4W", NULL },
                { TYPED_CODE, "7k3mq9xt2vbnhd4w", "7k3mq9xt2vbnhd4w", NULL },
                { TYPED_CODE, "hagw_anna_x_y", "hagw_anna_x_y", NULL },
                { TYPED_CODE, "7K3M-Q9XT-2VBN", NULL, "no code" },
                { TYPED_CODE, "relay.meier.org!", NULL, "no code" },
                { TYPED_CODE, "", NULL, "no code" },
        };

        judge(rows, ELEMENTSOF(rows), &(TypedContext) { .zone = "home.meier.org" });
}

static void test_upstreams(void **state) {
        static const Row rows[] = {
                { TYPED_UPSTREAM, "", "", NULL },
                { TYPED_UPSTREAM, "192.168.1.4", "http://192.168.1.4:8123", NULL },
                { TYPED_UPSTREAM, "192.168.1.4:81", "http://192.168.1.4:81", NULL },
                { TYPED_UPSTREAM, "192.168.1.4:443", "https://192.168.1.4:443", NULL },
                { TYPED_UPSTREAM, "homeassistant.local", "http://homeassistant.local:8123", NULL },
                { TYPED_UPSTREAM, "HTTP://192.168.1.4:8123/lovelace/0", "http://192.168.1.4:8123", NULL },
                { TYPED_UPSTREAM, "http://192.168.1.4", "http://192.168.1.4", NULL },
                { TYPED_UPSTREAM, "fd00::4", "http://[fd00::4]:8123", NULL },
                { TYPED_UPSTREAM, "[fd00::4]:81", "http://[fd00::4]:81", NULL },
                { TYPED_UPSTREAM, "http://[fd00::4]", "http://[fd00::4]", NULL },
                { TYPED_UPSTREAM, "unix:/run/ha", "unix:/run/ha", NULL },
                { TYPED_UPSTREAM, "tcp://192.168.1.4:8443", "tcp://192.168.1.4:8443", NULL },
                { TYPED_UPSTREAM, "https://ha.home.meier.org", NULL, "this gateway itself" },
                { TYPED_UPSTREAM, "nas:5000/photo", "http://nas:5000", NULL },
                { TYPED_UPSTREAM, "http://", NULL, "\"http://\" names no service" },
                { TYPED_UPSTREAM, ":8123", NULL, "\":8123\" names no service" },
                { TYPED_UPSTREAM, "fe::1", "http://[fe::1]:8123", NULL },
                { TYPED_UPSTREAM, "tenant:anna", "tenant:anna", NULL },
        };

        judge(rows, ELEMENTSOF(rows), &(TypedContext) { .zone = "home.meier.org" });
}

/* One wording for each, with the nearest that is right. */
static void test_schemes(void **state) {
        static const Row rows[] = {
                { TYPED_UPSTREAM, "htp://192.168.1.4:81", NULL, "did you mean \"http://192.168.1.4:81\"?" },
                { TYPED_UPSTREAM, "HTPS://nas", NULL, "did you mean \"https://nas\"?" },
                { TYPED_UPSTREAM, "http:/nas:81", NULL, "did you mean \"http://nas:81\"?" },
                { TYPED_UPSTREAM, "https//nas", NULL, "did you mean \"https://nas\"?" },
                { TYPED_UPSTREAM, "http:192.168.1.4:81", NULL, "did you mean \"http://192.168.1.4:81\"?" },
                { TYPED_UPSTREAM, "tpc://nas:1", NULL, "did you mean \"tcp://nas:1\"?" },
                { TYPED_UPSTREAM, "unixx:/run/ha", NULL, "did you mean \"unix:/run/ha\"?" },
                { TYPED_UPSTREAM, "tenat:anna", NULL, "did you mean \"tenant:anna\"?" },
                { TYPED_UPSTREAM, "ftp://nas", NULL,
                  "\"ftp://nas\" does not begin as an address does: with http://, " },
                { TYPED_UPSTREAM, "htp://anna:secret@nas", NULL, "That does not begin as an address does" },
        };
        _cleanup_free_ char *value = NULL, *reason = NULL;

        judge(rows, ELEMENTSOF(rows), &(TypedContext) {});
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                free(reason);
                assert_int_equal(
                        typed_read(TYPED_UPSTREAM, rows[i].typed, &(TypedContext) {}, &value, &reason),
                        -EINVAL);
                assert_non_null(strstr(reason, "does not begin as an address does"));
                assert_null(strstr(reason, "secret"));
        }
}

static void test_paths(void **state) {
        static const struct {
                const char *typed, *path;
        } rows[] = {
                { "http://nas:81/lovelace/0?kiosk#x ", "/lovelace/0?kiosk#x" },
                { "192.168.1.4/x", "/x" },
                { "http://nas?x", "?x" },
                { "http://nas/", NULL },
                { "http://nas", NULL },
                { "unix:/run/ha", NULL },
                { "tenant:anna", NULL },
                { "http://anna:a/b@nas/x", NULL },
        };
        char out[TYPED_MAX + 1];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(typed_path(rows[i].typed, out), !!rows[i].path);
                if (rows[i].path)
                        assert_string_equal(out, rows[i].path);
        }
}

static void test_limit(void **state) {
        char text[TYPED_MAX + 2];

        memset(text, 'a', sizeof(text));
        text[TYPED_MAX + 1] = '\0';
        for (TypedKind k = 0; k < _TYPED_MAX; k++)
                judge(&(Row) { k, text, NULL, "more than 256" }, 1, &(TypedContext) {});
        /* With one less each says something else, or takes it. */
        text[TYPED_MAX] = '\0';
        for (TypedKind k = 0; k < _TYPED_MAX; k++) {
                _cleanup_free_ char *value = NULL, *reason = NULL;

                (void) typed_read(k, text, &(TypedContext) {}, &value, &reason);
                assert_true(!reason || !strstr(reason, "more than 256"));
        }
}

/* Of a relay, or a host. */
static void test_examples(void **state) {
        static const char *const examples[] = { "relay.example.com",  "relay.example.com:8443",
                                                "Example.ORG.",       "*.apps.example.net",
                                                "relay.example",      "example.myfritz.net" };
        static const char *const real[] = { "relay.meier.org", "relay.meier.org:443", "192.0.2.1:443",
                                            "example.meier.org", "notexample.com", "[2001:db8::1]:443", "",
                                            "a..b" };

        for (size_t i = 0; i < ELEMENTSOF(examples); i++) {
                _cleanup_free_ char *reason = NULL, *none = NULL;

                assert_int_equal(typed_judge_example(examples[i], /* laboratory= */ false, &reason),
                                 -EINVAL);
                assert_non_null(strstr(reason, " is an example; write your own in its place."));
                assert_int_equal(typed_judge_example(examples[i], /* laboratory= */ true, &none), 0);
                assert_null(none);
        }
        for (size_t i = 0; i < ELEMENTSOF(real); i++) {
                _cleanup_free_ char *reason = NULL;

                assert_int_equal(typed_judge_example(real[i], /* laboratory= */ false, &reason), 0);
                assert_null(reason);
        }
}

TEST_MAIN(cmocka_unit_test(test_vain), cmocka_unit_test(test_zones), cmocka_unit_test(test_sources),
          cmocka_unit_test(test_names),
          cmocka_unit_test(test_examples),
          cmocka_unit_test(test_upstreams), cmocka_unit_test(test_schemes), cmocka_unit_test(test_paths),
          cmocka_unit_test(test_limit))
