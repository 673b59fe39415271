/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who passes, and the tricks that must not work. */

#include "hagw-proxyd/wire/h1.h"
#include "hagw-proxyd/wire/policy.h"
#include "tests/unit/test.h"

static char *open_paths[] = { (char *) "/api/webhook/", (char *) "/auth", NULL };

static bool is_open(const char *target) {
        return policy_path_is_open(slice_from(target), open_paths);
}

static void test_open_paths(void **state) {
        static const char *const yes[] = {
                "/api/webhook/abc",
                "/api/webhook/",
                "/api/webhook/abc/def?x=/../../",
                "/api/%77ebhook/abc",
                "/api/webhook/a%20b",
                "/auth",
                "/auth?x",
                "/auth/authorize",
                "/auth/",
                "/api/webhook/a..b",
                "/api/webhook/..a",
                "/api/webhook/a.",
                "/api/webhook/%20a",
                "/api/webhook/~a!$&'()*+,=:@",
        };
        static const char *const no[] = {
                "",
                "/",
                "*",
                "/api",
                "/api/webhook",
                "/api/webhookx",
                "/authorize",
                "/API/webhook/x",
                "api/webhook/x",
                "/x?/api/webhook/",
                "//api/webhook/x",
                "/api//webhook/x",
                "/api/webhook//x",
                "/./api/webhook/x",
                "/api/webhook/../states",
                "/api/webhook/..",
                "/api/webhook/.",
                "/api/webhook/./x",
                "/auth/../api",
                "/auth/..",
                "/api/webhook/%2e%2e/states",
                "/api/webhook/.%2e/states",
                "/api/webhook/%2E./x",
                "/api/webhook/%2e",
                "/api/webhook/..%20/states",
                "/api/webhook/..%20",
                "/api/webhook/.%20/x",
                "/api/webhook/.%20.%20/x",
                "/api/webhook/%20../states",
                "/api/webhook/%20/states",
                "/api/webhook/.../states",
                "/api/webhook/....",
                "/api/webhook/..%2fstates",
                "/api/webhook/%2f..%2f",
                "/api/webhook%2fabc",
                "/api%2fwebhook/abc",
                "/api/webhook/..%5cstates",
                "/api/webhook/..\\states",
                "/api/webhook/\\x",
                "/api/webhook/%5c",
                "/api/webhook/..;/states",
                "/api/webhook/;/../states",
                "/api/webhook/x;y=z",
                "/api/webhook/%3b",
                "/;x/api/webhook/y",
                "/api/webhook/%252e%252e/states",
                "/api/webhook/%25",
                "/api/webhook/%",
                "/api/webhook/%2",
                "/api/webhook/%zz",
                "/api/webhook/%00",
                "/api/webhook/%0a",
                "/api/webhook/%7f",
                "/api/webhook/%09x",
                "/api/webhook/%c3%a4",
                "/api/webhook/%c0%ae%c0%ae/",
                "/api/webhook/%ef%bc%8e%ef%bc%8e/",
                "/api/webhook/%u002e",
                "/api/webhook/%3f",
                "/api/webhook/%23",
                "/api/webhook/x#y",
                "/api/webhook/\xc3\xa4",
                "https://a/api/webhook/x",
        };
        char long_path[8192];

        for (size_t i = 0; i < ELEMENTSOF(yes); i++)
                if (!is_open(yes[i]))
                        fail_msg("not open: %s", yes[i]);
        for (size_t i = 0; i < ELEMENTSOF(no); i++)
                if (is_open(no[i]))
                        fail_msg("open: %s", no[i]);
        memset(long_path, 'a', sizeof(long_path));
        memcpy(long_path, "/api/webhook/", 13);
        long_path[sizeof(long_path) - 1] = '\0';
        assert_false(is_open(long_path));
        assert_false(policy_path_is_open(SLICE("/x"), NULL));
        assert_false(policy_path_is_open(SLICE("/x"), (char *[]) { NULL }));
        assert_false(policy_path_is_open(SLICE("/x"), (char *[]) { (char *) "", NULL }));
        assert_true(policy_path_is_open(SLICE("/x"), (char *[]) { (char *) "/", NULL }));
}

static Cidr lan;
static Route walled = { .host = { .access = { .login = CONF_LOGIN_REQUIRED, .open_paths = open_paths } } };
static Route open_host = { .host = { .access = { .login = CONF_LOGIN_NONE } } };
static Route lan_host = { .host = { .access = { .login = CONF_LOGIN_NONE, .from = CONF_FROM_LAN } } };
static Route framed = { .host = { .access = { .embedded_by = (char *[]) { (char *) "d.a", NULL } } } };
static PolicyFinding finding;

#define UNASKED _POLICY_SESSION_MAX /* hagw-webd has not answered */

static PolicyVerdict decide(const Route *route, const char *head, const char *address,
                            PolicySession session) {
        static const H1Limits limits = { .head_size = 8192, .header_count = 32 };
        static Header fields[64];
        static char buffer[8192];
        Request r = { .headers = { .items = fields, .max = ELEMENTSOF(fields) } };
        H1Scan scan = {};
        PolicyVerdict v;
        IpAddress a;

        assert_int_equal(cidr_parse("192.168.0.0/16", &lan), 0);
        assert_int_equal(ip_parse(address, &a), 0);
        strcpy(buffer, head);
        assert_int_equal(h1_read_request(&scan, buffer, strlen(head), &limits, &r), H1_OK);
        v = policy_judge(route, &r, cidr_contains(&lan, &a), &finding);
        return v == POLICY_ASK && session != UNASKED ? policy_settle(&r, session) : v;
}

#define OUT "203.0.113.9"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n"
#define HTML "Accept: text/html,*/*;q=0.8\r\n"

static void test_decide(void **state) {
        static const struct {
                const Route *route;
                const char *head, *address;
                PolicySession session;
                PolicyVerdict verdict;
        } rows[] = {
                { &walled, GET("/") HTML "\r\n", OUT, UNASKED, POLICY_LOGIN },
                { &walled, GET("/") HTML "Cookie: __Host-hagw=abc\r\n\r\n", OUT, UNASKED,
                  POLICY_ASK },
                { &walled, GET("/") HTML "Cookie: __Host-hagw=abc\r\n\r\n", OUT, POLICY_SESSION_NONE,
                  POLICY_LOGIN },
                { &walled, GET("/") HTML "Cookie: __Host-hagw=abc\r\n\r\n", OUT, POLICY_SESSION_ALLOWED,
                  POLICY_PASS },
                { &walled, GET("/") HTML "Cookie: __Host-hagw=abc\r\n\r\n", OUT, POLICY_SESSION_DENIED,
                  POLICY_FORBIDDEN },
                /* Two of them, none, or what ours never looks like: not asked about. */
                { &walled, GET("/") HTML "Cookie: __Host-hagw=abc; __Host-hagw=abc\r\n\r\n", OUT,
                  UNASKED, POLICY_LOGIN },
                { &walled, GET("/") HTML "Cookie: __Host-hagw=\r\n\r\n", OUT, UNASKED,
                  POLICY_LOGIN },
                { &walled, GET("/") HTML "Cookie: __Host-hagw=a\"b\r\n\r\n", OUT, UNASKED,
                  POLICY_LOGIN },
                { &walled, GET("/") HTML "Cookie: hagw=abc\r\n\r\n", OUT, UNASKED,
                  POLICY_LOGIN },
                /* A token stands in for the cookie, and goes before it; not twice, in no other spelling. */
                { &walled, GET("/") "X-Hagw-Token: abc\r\n\r\n", OUT, UNASKED,
                  POLICY_ASK },
                { &walled, GET("/") "x-hagw-token: abc\r\nCookie: __Host-hagw=other\r\n\r\n", OUT,
                  UNASKED, POLICY_ASK },
                { &walled, GET("/") "X-Hagw-Token: abc\r\nX-Hagw-Token: abc\r\n\r\n", OUT,
                  UNASKED, POLICY_UNAUTHORIZED },
                { &walled, GET("/") "X-Hagw-Token: a b\r\n\r\n", OUT, UNASKED,
                  POLICY_UNAUTHORIZED },
                { &walled, GET("/") "X-Hagw-Token:\r\nCookie: __Host-hagw=abc\r\n\r\n", OUT,
                  UNASKED, POLICY_UNAUTHORIZED },
                { &walled, GET("/") "X_Hagw_Token: abc\r\n\r\n", OUT, UNASKED,
                  POLICY_UNAUTHORIZED },
                { &walled, GET("/") "X-Hagw-Token: abc\r\n\r\n", OUT, POLICY_SESSION_NONE,
                  POLICY_UNAUTHORIZED },
                /* What is no page gets no redirect. */
                { &walled, GET("/") "\r\n", OUT, UNASKED, POLICY_UNAUTHORIZED },
                { &walled, GET("/") "Accept: application/json\r\n\r\n", OUT, UNASKED,
                  POLICY_UNAUTHORIZED },
                { &walled, GET("/") HTML "Sec-Fetch-Mode: cors\r\n\r\n", OUT, UNASKED,
                  POLICY_UNAUTHORIZED },
                { &walled, GET("/") "Sec-Fetch-Mode: navigate\r\n\r\n", OUT, UNASKED,
                  POLICY_LOGIN },
                { &walled, "POST / HTTP/1.1\r\nHost: a\r\n" HTML "\r\n", OUT, UNASKED,
                  POLICY_UNAUTHORIZED },
                { &walled,
                  GET("/api/websocket") HTML
                  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                  OUT, UNASKED, POLICY_UNAUTHORIZED },
                /* Being at home is no login. */
                { &walled, GET("/") HTML "\r\n", "192.168.1.7", UNASKED, POLICY_LOGIN },
                { &walled, GET("/api/webhook/x") "\r\n", OUT, UNASKED, POLICY_PASS },
                { &walled, GET("/api/webhook/../x") "\r\n", OUT, UNASKED,
                  POLICY_UNAUTHORIZED },
                { &walled, GET("https://a/api/webhook/x") "\r\n", OUT, UNASKED, POLICY_PASS },
                { &walled, GET("/.hagw/auth/login") HTML "\r\n", OUT, UNASKED, POLICY_OWN },
                { &walled, GET("/.hagwx") HTML "\r\n", OUT, UNASKED, POLICY_LOGIN },
                { &walled, GET("//.hagw/auth/login") HTML "\r\n", OUT, UNASKED, POLICY_LOGIN },
                { &open_host, GET("/") "\r\n", OUT, UNASKED, POLICY_PASS },
                { &lan_host, GET("/") "\r\n", OUT, POLICY_SESSION_ALLOWED, POLICY_CLOSE },
                { &lan_host, GET("/") "\r\n", "192.168.1.7", UNASKED, POLICY_PASS },
                { &lan_host, GET("/.hagw/auth/login") "\r\n", OUT, UNASKED, POLICY_CLOSE },
                { &lan_host, GET("/") "\r\n", "::ffff:192.168.1.7", UNASKED, POLICY_PASS },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                PolicyVerdict v = decide(rows[i].route, rows[i].head, rows[i].address, rows[i].session);

                if (v != rows[i].verdict)
                        fail_msg("row %zu: %s, not %s", i, policy_verdict_text(v),
                                 policy_verdict_text(rows[i].verdict));
                if (v == POLICY_ASK) {
                        assert_int_equal(finding.secret.n, 3);
                        assert_int_equal(finding.token, !!strcasestr(rows[i].head, "X-Hagw-Token"));
                }
        }
}

#define COOKIE "Cookie: __Host-hagw=abc\r\n"
#define SITE(site, mode, dest) \
        "Sec-Fetch-Site: " site "\r\nSec-Fetch-Mode: " mode "\r\nSec-Fetch-Dest: " dest "\r\n"
#define POST(path) "POST " path " HTTP/1.1\r\nHost: a\r\n"
#define UPGRADE                                                                    \
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define IN "192.168.1.7"

/* Everybody here has a session; what counts is the page that asks. */
static void test_pages(void **state) {
        static const struct {
                const char *head;
                bool foreign;
                PolicyVerdict walled, lan; /* inside */
        } rows[] = {
                /* no browser */
                { GET("/") COOKIE "\r\n", false, POLICY_ASK, POLICY_PASS },
                { POST("/") COOKIE "\r\n", false, POLICY_ASK, POLICY_PASS },
                { GET("/") COOKIE UPGRADE "\r\n", false, POLICY_ASK, POLICY_PASS },
                { GET("/") UPGRADE "X-Hagw-Token: abc\r\n\r\n", false, POLICY_ASK, POLICY_PASS },
                { GET("/") UPGRADE COOKIE "Origin: wss://a\r\n\r\n", false, POLICY_ASK, POLICY_PASS },
                /* the host's own page */
                { GET("/") COOKIE SITE("same-origin", "cors", "empty") "\r\n",
                  false, POLICY_ASK, POLICY_PASS },
                { POST("/") COOKIE SITE("same-origin", "cors", "empty") "Origin: https://a\r\n\r\n", false,
                  POLICY_ASK, POLICY_PASS },
                { POST("/") COOKIE SITE("same-origin", "navigate", "document") "Origin: null\r\n\r\n", false,
                  POLICY_ASK, POLICY_PASS },
                { GET("/") COOKIE UPGRADE "Origin: https://a\r\n\r\n", false, POLICY_ASK, POLICY_PASS },
                { GET("/") COOKIE SITE("none", "navigate", "document") "\r\n",
                  false, POLICY_ASK, POLICY_PASS },
                /* a link */
                { GET("/") COOKIE SITE("cross-site", "navigate", "document") "\r\n", false, POLICY_ASK,
                  POLICY_PASS },
                { "HEAD / HTTP/1.1\r\nHost: a\r\n" COOKIE SITE("same-site", "navigate", "document") "\r\n",
                  false, POLICY_ASK, POLICY_PASS },
                /* another page */
                { GET("/") COOKIE UPGRADE "Origin: https://b.a\r\n\r\n",
                  true, POLICY_FOREIGN, POLICY_CLOSE },
                { GET("/") COOKIE UPGRADE "Origin: https://a:8443\r\n\r\n",
                  true, POLICY_FOREIGN, POLICY_CLOSE },
                { GET("/") COOKIE UPGRADE SITE("cross-site", "navigate", "document") "\r\n",
                  true, POLICY_FOREIGN, POLICY_CLOSE },
                { GET("/") UPGRADE "X-Hagw-Token: abc\r\nOrigin: https://b.a\r\n\r\n",
                  true, POLICY_FOREIGN, POLICY_CLOSE },
                { POST("/") COOKIE "Origin: https://b.a\r\n\r\n", true, POLICY_FOREIGN, POLICY_CLOSE },
                { POST("/") COOKIE SITE("same-site", "navigate", "document") "Origin: https://b.a\r\n\r\n",
                  true, POLICY_FOREIGN, POLICY_CLOSE },
                { POST("/") COOKIE SITE("cross-site", "navigate", "document") "\r\n",
                  true, POLICY_FOREIGN, POLICY_CLOSE },
                { POST("/") COOKIE "Origin: null\r\n\r\n", true, POLICY_FOREIGN, POLICY_CLOSE },
                { POST("/") COOKIE "Origin: https://a\r\nOrigin: https://a\r\n\r\n",
                  true, POLICY_FOREIGN, POLICY_CLOSE },
                { "OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: https://b.a\r\n"
                  "Access-Control-Request-Method: PUT\r\n\r\n", true, POLICY_FOREIGN, POLICY_CLOSE },
                { "PUT / HTTP/1.1\r\nHost: a\r\n" COOKIE SITE("same-site", "navigate", "document") "\r\n",
                  true, POLICY_FOREIGN, POLICY_CLOSE },
                { GET("/") HTML COOKIE SITE("same-site", "navigate", "iframe") "\r\n",
                  true, POLICY_FOREIGN, POLICY_CLOSE },
                { GET("/") COOKIE SITE("same-site", "no-cors", "script") "\r\n",
                  true, POLICY_FOREIGN, POLICY_CLOSE },
                /* open paths, our own pages: as they are, but nobody from outside comes in by them */
                { POST("/api/webhook/x") COOKIE "Origin: https://b.a\r\n\r\n",
                  true, POLICY_PASS, POLICY_CLOSE },
                { POST("/.hagw/auth/login") COOKIE "Origin: https://b.a\r\n\r\n",
                  true, POLICY_OWN, POLICY_CLOSE },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (unsigned k = 0; k < 2; k++) {
                        PolicyVerdict v = decide(k == 0 ? &walled : &lan_host, rows[i].head, IN, UNASKED);

                        if (v != (k == 0 ? rows[i].walled : rows[i].lan))
                                fail_msg("row %zu, %s: %s", i, k == 0 ? "walled" : "lan",
                                         policy_verdict_text(v));
                        assert_int_equal(finding.foreign, rows[i].foreign);
                }
        /* Where everybody may come, every page may. */
        assert_int_equal(decide(&open_host, GET("/") UPGRADE "Origin: https://b.a\r\n\r\n", OUT, UNASKED),
                         POLICY_PASS);
        assert_int_equal(decide(&open_host, POST("/.hagw/auth/login") "Origin: https://b.a\r\n\r\n", IN,
                                UNASKED),
                         POLICY_OWN);
        assert_true(finding.foreign);
}

/* embedded_by = ( "d.a" ) */
static void test_embedded(void **state) {
        static const struct {
                const char *head;
                PolicyVerdict verdict;
        } rows[] = {
                { GET("/") COOKIE SITE("same-site", "navigate", "iframe") "Referer: https://d.a/\r\n\r\n",
                  POLICY_ASK },
                { GET("/") COOKIE SITE("same-site", "navigate", "iframe") "\r\n", POLICY_ASK },
                { GET("/") COOKIE SITE("same-site", "navigate", "iframe") "Referer: https://b.a/\r\n\r\n",
                  POLICY_FOREIGN },
                { GET("/") COOKIE SITE("cross-site", "navigate", "iframe") "Referer: https://d.a/\r\n\r\n",
                  POLICY_FOREIGN },
                { "HEAD / HTTP/1.1\r\nHost: a\r\n" COOKIE SITE("same-site", "no-cors", "image")
                  "Referer: https://d.a:8443/\r\n\r\n", POLICY_ASK },
                { GET("/") COOKIE SITE("same-site", "no-cors", "image") "\r\n", POLICY_FOREIGN },
                { GET("/") COOKIE SITE("same-site", "no-cors", "image") "Referer: https://b.a/\r\n\r\n",
                  POLICY_FOREIGN },
                { GET("/") COOKIE SITE("same-site", "no-cors", "script") "Referer: https://d.a/\r\n\r\n",
                  POLICY_FOREIGN },
                { GET("/") COOKIE SITE("same-site", "cors", "empty")
                  "Origin: https://d.a\r\nReferer: https://d.a/\r\n\r\n", POLICY_FOREIGN },
                { GET("/") COOKIE UPGRADE "Origin: https://d.a\r\nReferer: https://d.a/\r\n\r\n",
                  POLICY_FOREIGN },
                { POST("/") COOKIE SITE("same-site", "navigate", "iframe") "Referer: https://d.a/\r\n\r\n",
                  POLICY_FOREIGN },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                PolicyVerdict v = decide(&framed, rows[i].head, OUT, UNASKED);

                if (v != rows[i].verdict)
                        fail_msg("row %zu: %s", i, policy_verdict_text(v));
                assert_int_equal(finding.foreign, v == POLICY_FOREIGN);
        }
}

static const char *location(const char *target) {
        static char out[POLICY_LOCATION_MAX];
        Request r = { .target = slice_from(target) };

        policy_login_location(&r, out);
        return out;
}

static void test_location(void **state) {
        char target[6000];

        assert_string_equal(location("/"), "/.hagw/auth/login?return=/");
        assert_string_equal(location("/lovelace/0?a=b&c=%20#"),
                            "/.hagw/auth/login?return=/lovelace/0%3Fa%3Db%26c%3D%2520%23");
        assert_string_equal(location("//evil.example/"), "/.hagw/auth/login");
        assert_string_equal(location("/\\evil.example/"), "/.hagw/auth/login");
        assert_string_equal(location("/a\\b"), "/.hagw/auth/login");
        assert_string_equal(location("*"), "/.hagw/auth/login");
        assert_string_equal(location("/\r\nX: y\x80"), "/.hagw/auth/login?return=/%0D%0AX%3A%20y%80");
        memset(target, '&', sizeof(target));
        target[0] = '/';
        for (size_t n = 1300; n < 1400; n++) {
                char c = target[n];

                target[n] = '\0';
                assert_true(strlen(location(target)) < POLICY_LOCATION_MAX);
                target[n] = c;
        }
        target[sizeof(target) - 1] = '\0';
        assert_string_equal(location(target), "/.hagw/auth/login");
}

TEST_MAIN(cmocka_unit_test(test_open_paths), cmocka_unit_test(test_decide), cmocka_unit_test(test_pages),
          cmocka_unit_test(test_embedded), cmocka_unit_test(test_location))
