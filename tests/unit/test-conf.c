/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "libhagw/conf-schema.h"
#include "libhagw/conf-value.h"
#include "tests/unit/test.h"

static Config *parse(const char *text, bool host, char **error) {
        Config *c = config_new();

        *error = NULL;
        assert_non_null(c);
        if (config_parse_text(text, "t.conf", host, c, error) < 0)
                return config_free(c);
        return c;
}

static void assert_refused(const char *text, bool host, const char *what) {
        _cleanup_free_ char *error = NULL;

        assert_null(parse(text, host, &error));
        assert_non_null(error);
        if (!strstr(error, what))
                fail_msg("\"%s\" does not contain \"%s\"", error, what);
}

static void assert_refused_without(const char *text, const char *secret) {
        _cleanup_free_ char *error = NULL;

        assert_null(parse(text, true, &error));
        assert_non_null(error);
        assert_null(strstr(error, secret));
}

static void test_sample(void **state) {
        _cleanup_free_ char *error = NULL;
        _cleanup_(config_freep) Config *c = parse(
                "zones = ( { name = \"Home.Example.com.\"; ttl = \"2min\"; } );\n"
                "public_address: { ipv4 = \"resolve:example.myfritz.net\"; ipv6 = \"interface\"; };\n"
                "acme: { directory = \"letsencrypt-staging\"; contact = \"mailto:me@example.com\"; };\n"
                "lan = ( \"192.168.0.0/16\", \"fd00::/8\" );\n",
                false, &error);

        assert_non_null(c);
        assert_int_equal(c->n_zones, 1);
        assert_string_equal(c->zones[0].name, "home.example.com");
        assert_int_equal(c->zones[0].ttl_usec, 2 * USEC_PER_MINUTE);
        assert_string_equal(c->acme.first.directory,
                            "https://acme-staging-v02.api.letsencrypt.org/directory");
        assert_int_equal(c->lan.n, 2);
        assert_int_equal(c->proxy.head_size, 32 * 1024);
        assert_ptr_equal(config_find_zone(c, "a.home.example.com"), &c->zones[0]);
        assert_null(config_find_zone(c, "example.com"));
}

static void test_tunnel(void **state) {
        _cleanup_free_ char *error = NULL;
        _cleanup_(config_freep) Config *c =
                parse("relay: { address = \"relay.example.com:8443\"; tenant = \"Anna\"; "
                      "pin = \"sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"; };\n"
                      "tenants: { zone = \"relay.example.org\"; };\n"
                      "proxy: { drain = \"1min\"; proxy_protocol_from = ( \"10.0.0.0/8\" ); };\n",
                      false, &error);

        assert_non_null(c);
        assert_string_equal(c->relay.address, "relay.example.com:8443");
        assert_string_equal(c->relay.tenant, "anna");
        assert_string_equal(c->tenants.zone, "relay.example.org");
        assert_int_equal(c->proxy.drain_usec, USEC_PER_MINUTE);
        assert_int_equal(c->proxy.proxy_protocol_from.n, 1);
        assert_refused("relay: { tenant = \"a.b\"; };", false, "1 to 63");
        assert_refused("relay: { pin = \"sha256:abc\"; };", false, "base64");
        assert_refused("relay: { address = \"[::1\"; };", false, "bracket");
}

static void test_tunnel_hosts(void **state) {
        _cleanup_free_ char *error = NULL;
        _cleanup_(config_freep) Config *c =
                parse("name = \"a.example.org\"; upstream = \"tcp://192.168.1.4:8443\"; "
                      "proxy_protocol = \"v2\"; access: { login = \"none\"; from = \"lan\"; };\n",
                      true, &error);
        _cleanup_(config_freep) Config *t =
                parse("name = \"a.example.org\"; upstream = \"tenant:Anna\";\n", true, &error);

        assert_non_null(c);
        assert_int_equal(c->hosts[0].upstream_kind, CONF_UPSTREAM_TCP);
        assert_int_equal(c->hosts[0].upstream_port, 8443);
        assert_int_equal(c->hosts[0].proxy_protocol, CONF_PROXY_V2);
        assert_non_null(t);
        assert_int_equal(t->hosts[0].upstream_kind, CONF_UPSTREAM_TENANT);
        assert_string_equal(t->hosts[0].upstream_host, "anna");
        assert_refused("name = \"a.example.org\"; upstream = \"tcp://a\";", true, "tcp://HOST:PORT");
        assert_refused("name = \"a.example.org\"; upstream = \"tenant:a.b\";", true, "1 to 63");
}

static void test_host_field(void **state) {
        static const struct {
                const char *value, *stored; /* NULL: refused */
        } rows[] = {
                { "localhost", "localhost" },      { "127.0.0.1:8384", "127.0.0.1:8384" },
                { "[::1]:8384", "[::1]:8384" },    { "Service.lan:8384", "Service.lan:8384" },
                { "service.lan/", "service.lan" }, { "http://a", NULL },
                { "a b", NULL },                   { "a:0", NULL },
                { "a:", NULL },                    { "::1", NULL },
                { "a\\r\\nX: b", NULL },         { "", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *error = NULL;
                _cleanup_(config_freep) Config *c = NULL;
                char text[256];

                (void) snprintf(text, sizeof(text),
                                "name = \"a.b\"; upstream = \"http://x\"; upstream_host = \"%s\";",
                                rows[i].value);
                c = parse(text, true, &error);
                if (!rows[i].stored)
                        assert_null(c);
                else {
                        assert_non_null(c);
                        assert_string_equal(c->hosts[0].host_field, rows[i].stored);
                }
        }
}

/* What would do nothing is refused, with its line; what is left may say all that applies. */
static void test_settings_without_effect(void **state) {
        static const struct {
                const char *upstream, *settings, *name;
        } rows[] = {
                { "tcp://x:1", "access: { login = \"none\";\nusers = ( \"a\" ); };", "access.users" },
                { "tcp://x:1", "access: { login = \"none\";\ngroups = ( \"a\" ); };", "access.groups" },
                { "tcp://x:1", "access: { login = \"none\";\nopen_paths = ( \"/a\" ); };",
                  "access.open_paths" },
                { "tcp://x:1", "access: { login = \"none\"; };\ntls: { verify = \"system\"; };",
                  "tls.verify" },
                { "tcp://x:1", "access: { login = \"none\"; }; tls: {\nserver_name = \"a\"; };",
                  "tls.server_name" },
                { "tenant:x", "\ntls: { ca_file = \"/x\"; };", "tls.ca_file" },
                { "http://x", "\ntls: { verify = \"insecure\"; };", "tls.verify" },
                { "unix:/x", "\ntls: { verify = \"insecure\"; };", "tls.verify" },
                { "tcp://x:1", "access: { login = \"none\"; };\nupstream_host = \"a\";",
                  "upstream_host" },
                { "tenant:x", "\nupstream_host = \"a\";", "upstream_host" },
                { "http://x", "\nproxy_protocol = \"v1\";", "proxy_protocol" },
                { "tenant:x", "\nproxy_protocol = \"none\";", "proxy_protocol" },
        };
        _cleanup_free_ char *error = NULL;
        _cleanup_(config_freep) Config *c = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char text[512], expected[128];

                (void) snprintf(text, sizeof(text), "name = \"a.b\"; upstream = \"%s\"; %s",
                                rows[i].upstream, rows[i].settings);
                (void) snprintf(expected, sizeof(expected), "t.conf:2: host \"a.b\": %s does nothing",
                                rows[i].name);
                assert_refused(text, true, expected);
        }
        assert_refused("name = \"a.b\";\nupstream = \"tcp://x:1\";", true,
                       "t.conf:2: host \"a.b\": visitors");
        assert_refused("name = \"a.b\"; upstream = \"tcp://x:1\";\naccess: {\nlogin = \"required\"; };",
                       true, "t.conf:3: host \"a.b\": visitors");
        assert_refused("upstream = \"tcp://x:1\"; name = \"a.b\";", true,
                       "write access: { login = \"none\"; };");
        c = parse("name = \"a.b\"; upstream = \"tenant:x\"; timeouts: { idle = \"2h\"; };\n"
                  "access: { users = ( \"a\" ); groups = ( \"g\" ); open_paths = ( \"/a\" ); };",
                  true, &error);
        assert_non_null(c);
}

static void test_host(void **state) {
        _cleanup_free_ char *error = NULL;
        _cleanup_(config_freep) Config *c = parse(
                        "name = \"ha.home.example.com\"; upstream = \"https://[fd00::4]:8123\";\n"
                        "access: { login = \"none\"; open_paths = ( \"/api/webhook/\" ); };\n",
                        true, &error);

        assert_non_null(c);
        assert_int_equal(c->hosts[0].upstream_kind, CONF_UPSTREAM_HTTPS);
        assert_string_equal(c->hosts[0].upstream_host, "fd00::4");
        assert_int_equal(c->hosts[0].upstream_port, 8123);
        assert_int_equal(c->hosts[0].access.login, CONF_LOGIN_NONE);
        assert_string_equal(c->hosts[0].access.open_paths[0], "/api/webhook/");
        assert_int_equal(c->hosts[0].timeouts.connect_usec, 5 * USEC_PER_SEC);
}

static void test_refused(void **state) {
        assert_refused("\n\nzonse = ();", false,
                       "t.conf:3: unknown setting \"zonse\"; did you mean \"zones\"?");
        assert_refused("acme: { contcat = \"x\"; };", false, "in acme; did you mean \"contact\"?");
        assert_refused("acme: { fallback: { diretory = \"x\"; }; };", false,
                       "in acme.fallback; did you mean \"directory\"?");
        assert_refused("acme: { falback: { }; };", false, "in acme; did you mean \"fallback\"?");
        assert_refused("acme: { fallback = \"letsencrypt\"; };", false, "\"fallback\": expected a group");
        assert_refused("fallback: { };", false, "unknown setting \"fallback\"");
        assert_refused("proxy: { head_size = 1; };", false, "expected 4096 to 262144 bytes");
        assert_refused("log: { access = 3; };", false, "expected true or false");
        assert_refused("login: { language = \"xx\"; };", false, "expected one of: auto, en, de, fr");
        assert_refused("zones = ( { ttl = 60; } );", false, "a zone needs a \"name\"");
        assert_refused("zones = ( { name = \"a.b\"; }, { name = \"A.b\"; } );", false, "listed twice");
        assert_refused("lan = ( \"192.168.1.1/16\" );", false, "no network");
        assert_refused("lan = ( 1 );", false, "no string");
        assert_refused("@include \"/etc/passwd\"", false, "t.conf:");
        assert_refused("x = ", false,
                       "t.conf:1: syntax error in this line, or at the end of what stands before it");
        /* Where it began, not where it was noticed. */
        assert_refused("lan = (\n\"10.0.0.0/8\"\n);\nacme: {\n contact = \"mailto:a@b.test;\n};\n\n\n"
                       "log: {\n level = \"info\";\n};\n",
                       false, "t.conf:5: syntax error: the quote in this line is not closed in it");
        assert_refused("zones = (\n{ name = \"a.b\";\n);\n\nlan = ();\n", false,
                       "t.conf:2: syntax error: \"{\" is not closed before \")\" in line 3");
        assert_refused("acme: {\n contact = \"mailto:a@b.test\";\n\n\n\n", false,
                       "t.conf:1: syntax error: \"{\" is not closed");
        assert_refused("name = \"a.b\";", true, "needs an \"upstream\"");
        assert_refused("name = \"a.b\"; upstream = \"ftp://x\";", true, "expected \"http://HOST");
        assert_refused("name = \"a.b\"; upstream = \"http://x/y\";", true, "has no path");
        assert_refused("name = \"a.b\"; upstream = \"http://x:0\";", true, "no port");
        assert_refused("name = \"a.b\"; upstream = \"https://x\"; tls: { verify = \"ca\"; };", true,
                       "needs tls.ca_file");
        assert_refused("name = \"a.b\"; upstream = \"http://x\"; access: { open_paths = ( \"/\" ); };", true,
                       "open everything");
        assert_refused("name = \"a.b\"; upstream = \"http://x\"; access: { open_paths = ( \"x\" ); };", true,
                       "start with /");
}

/* hagw-proxyd opens no path like these, whatever stands there. */
static void test_open_paths_that_never_match(void **state) {
        static const char *const paths[] = { "/../x", "/a/./b", "/a/..", "/a/.. /b", "/a/ ",
                                             "/a/...", "/a//b", "/a%20b", "/a;b",
                                             "/a\\\\b", "/a?b", "/a#b", "/\xc3\xa9" };
        char text[256];

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                (void) snprintf(text, sizeof(text),
                                "name = \"a.b\";\nupstream = \"http://x\";\naccess: {\n"
                                "open_paths = ( \"/ok/\", \"%s\" );\n};\n",
                                paths[i]);
                assert_refused(text, true, "never matches");
                assert_refused(text, true, "t.conf:4: ");
        }
}

#define HOST "name = \"x.y\"; upstream = \"http://x\";\n"

static void test_host_names(void **state) {
        static const struct {
                const char *list, *said;
        } refused[] = {
                { "\"a b\"", "\"a b\" is no host name" },
                { "\"a.b\", \"\"", "\"\" is no host name" },
                { "\"*.a.b\"", "\"*.a.b\" is no host name" },
                { "\"dash\"", "\"dash\" is no host name" },
                { "\"https://a.b\"", "\"https://a.b\" is no host name" },
                { "\"a.b:8443\"", "\"a.b:8443\" is no host name" },
        };
        _cleanup_free_ char *error = NULL;
        _cleanup_(config_freep) Config *c =
                parse(HOST "access: { embedded_by = ( \"Dash.Example.com.\", \"b.c\" ); };", true, &error);
        char text[1024];

        assert_string_equal(c->hosts[0].access.embedded_by[0], "dash.example.com");
        assert_string_equal(c->hosts[0].access.embedded_by[1], "b.c");
        assert_null(c->hosts[0].access.embedded_by[2]);
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                (void) snprintf(text, sizeof(text),
                                HOST "access: { embedded_by = ( %s ); };", refused[i].list);
                assert_refused(text, true, refused[i].said);
        }
        (void) snprintf(text, sizeof(text), HOST "access: { embedded_by = ( ");
        for (size_t i = 0; i <= CONF_EMBEDDERS_MAX; i++)
                strcat(text, i > 0 ? ", \"a.b\"" : "\"a.b\"");
        strcat(text, " ); };");
        assert_refused(text, true, "expected 16 host names at most");
        assert_refused("name = \"x.y\"; upstream = \"tcp://x:1\";\n"
                       "access: { login = \"none\"; embedded_by = ( \"a.b\" ); };",
                       true, "embedded_by");
}

static void test_credentials_are_not_repeated(void **state) {
        assert_refused("name = \"a.b\"; upstream = \"http://me:secret@x\";", true,
                       "no user and no password");
        assert_refused_without("name = \"a.b\"; upstream = \"http://me:secret@x\";", "secret");
        assert_refused_without("name = \"a.b\"; upstream = \"htp://me:secret@x\";", "secret");
        assert_refused_without("name = \"a.b\"; upstream = \"http://me:se/cret@x\";", "cret");
}

static void test_units(void **state) {
        uint64_t v;

        assert_int_equal(conf_parse_usec("90", &v), 0);
        assert_int_equal(v, 90 * USEC_PER_SEC);
        assert_int_equal(conf_parse_usec("5min", &v), 0);
        assert_int_equal(v, 5 * USEC_PER_MINUTE);
        assert_int_equal(conf_parse_usec("-1s", &v), -EINVAL);
        assert_int_equal(conf_parse_usec("5 parsecs", &v), -EINVAL);
        assert_int_equal(conf_parse_usec("99999999999999999999", &v), -ERANGE);
        assert_int_equal(conf_parse_bytes("32K", &v), 0);
        assert_int_equal(v, 32768);
}

static void test_schema(void **state) {
        for (const ConfSetting *s = conf_settings; s->name; s++) {
                assert_non_null(s->help);
                assert_non_null(conf_type_text(s->type));
                assert_int_not_equal(s->readers, 0);
                assert_true((s->type == CONF_ENUM || s->type == CONF_WORD) == !!s->choices);
        }
}

TEST_MAIN(cmocka_unit_test(test_sample), cmocka_unit_test(test_host),
                cmocka_unit_test(test_tunnel),
                cmocka_unit_test(test_tunnel_hosts),
          cmocka_unit_test(test_host_field), cmocka_unit_test(test_settings_without_effect),
          cmocka_unit_test(test_refused),
          cmocka_unit_test(test_open_paths_that_never_match), cmocka_unit_test(test_host_names),
          cmocka_unit_test(test_credentials_are_not_repeated), cmocka_unit_test(test_units),
          cmocka_unit_test(test_schema))
