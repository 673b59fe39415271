/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What reaches the service, and what comes back: from bytes to bytes. */

#include <stdio.h>

#include "hagw-proxyd/wire/forward.h"
#include "hagw-proxyd/wire/h1.h"
#include "tests/unit/test.h"

#define FIELDS 160U

static const H1Limits limits = { .head_size = 32 * 1024, .header_count = FIELDS - HEADER_SPARE };
static Header fields[FIELDS];
static char buffer[64 * 1024], out[64 * 1024], scratch[FORWARD_SCRATCH];

/* What was added goes by what its name says. */
static void assert_ids(const HeaderList *l) {
        for (size_t i = 0; i < l->n; i++)
                assert_int_equal(l->items[i].id, header_id(l->items[i].name, l->items[i].name_size));
}

static void parse_request(const char *text, Request *r) {
        H1Scan scan = {};

        strcpy(buffer, text);
        *r = (Request) { .headers = { .items = fields, .max = FIELDS } };
        assert_int_equal(h1_read_request(&scan, buffer, strlen(text), &limits, r), H1_OK);
}

static const char *forwarded(const char *text, ForwardContext c) {
        Request r;
        size_t n;

        if (!c.address.p)
                c.address = SLICE("203.0.113.9");
        c.scratch = scratch;
        parse_request(text, &r);
        assert_int_equal(forward_request(&r, &c), 0);
        assert_ids(&r.headers);
        assert_int_equal(h1_write_request(&r, out, sizeof(out) - 1, &n), 0);
        out[n] = '\0';
        return out;
}

#define START "GET /x HTTP/1.1\r\nHost: ha.example\r\n"
#define OURS "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"

static void test_plain(void **state) {
        assert_string_equal(
                forwarded(
                        "GET /a%2f?b HTTP/1.1\r\nHost: HA.example:443\r\nAccept:  a\r\nX: 1\r\nx: 2\r\n\r\n",
                        (ForwardContext){}),
                "GET /a%2f?b HTTP/1.1\r\nHost: HA.example:443\r\nAccept: a\r\nX: 1\r\nx: 2\r\n" OURS "\r\n");
}

/* Whatever a visitor says about where he comes from, or who he is, is gone. */
static void test_spoofed(void **state) {
        static const char *const names[] = {
                "X-Forwarded-For",
                "x-forwarded-for",
                "X-FORWARDED-FOR",
                "X_Forwarded_For",
                "X-Forwarded_For",
                "x.forwarded.for",
                "X-Forwarded",
                "X-Forwarded-Proto",
                "X-Forwarded-Host",
                "X-Forwarded-Port",
                "X-Forwarded-Prefix",
                "X-Forwarded-User",
                "X-Forwarded-Server",
                "X_Forwarded_Host",
                "Forwarded",
                "forwarded",
                "X-Real-IP",
                "X_Real_Ip",
                "True-Client-IP",
                "CF-Connecting-IP",
                "X-Client-IP",
                "Client-IP",
                "X-Cluster-Client-IP",
                "Fastly-Client-IP",
                "Via",
                "X-Original-Forwarded-For",
                "X-Remote-User-Id",
                "X-Remote-User-Name",
                "X-Remote-User-Display-Name",
                "X_Remote_User_Id",
                "X-Remote-User",
                "Remote-User",
                "Remote_User",
                "X-WebAuth-User",
                "X-Hass-Source",
                "X_Hass_Source",
                "X-Ingress-Path",
                "X_Ingress_Path",
                "X-Hagw-User",
                "X-Original-URL",
                "X-Rewrite-URL",
                "X-Original-Host",
                "Proxy", /* httpoxy */
                "Proxy-Authorization",
                "Proxy-Connection",
                "TE",
                "Keep-Alive",
                "Trailer",
                "HTTP2-Settings",
                "Content_Length",
                "Transfer_Encoding",
                "Remote-Addr",
                "Fly-Client-IP",
                "X_Envoy_External_Address",
                "X-Forward-For",
                "WL-Proxy-Client-IP",
                "Tailscale-User-Login",
                "X-Auth-Request-Email",
                "X-authentik-username",
                "Cf-Access-Authenticated-User-Email",
                "X-WEBAUTH-EMAIL",
                "Remote-Groups",
                "X-Pomerium-Jwt-Assertion",
                "X-Goog-Authenticated-User-Email",
                "X-Goog-IAP-JWT-Assertion",
                "x-amzn-oidc-identity",
                "X-Vouch-User",
                "X-MS-CLIENT-PRINCIPAL-NAME",
                "X_MS_CLIENT_PRINCIPAL",
                "Teleport-Jwt-Assertion",
                "X-Remote-Group",
                "X-Authenticated-Userid",
                "OIDC_CLAIM_email",
                "SM_USER",
                "SM_USERDN",
                "iv-user",
                "X-User",
                "X-Userinfo",
                "Client-Cert",
                "X-SSL-Client-CN",
                "SSL_CLIENT_S_DN",
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char text[512];

                snprintf(text, sizeof(text),
                         "GET /x HTTP/1.1\r\nHost: ha.example\r\n%s: 192.168.1.1\r\n%s: 192.168.1.1\r\nA: "
                         "b\r\n\r\n",
                         names[i], names[i]);
                assert_string_equal(forwarded(text, (ForwardContext) {}), START "A: b\r\n" OURS "\r\n");
        }
}

/* What clients honestly send under names like those. */
static void test_not_spoofed(void **state) {
        static const char *const names[] = {
                "X-Goog-Channel-ID", "X-Amzn-Trace-Id", "X-Ms-Version",      "X-Auth-Token", "X-Auth-Key",
                "X-User-Id",         "X-User-Token",    "X-Requested-With",  "X-Api-Key",    "X-Access-Key",
                "X-Token",           "X-Email-Id",      "X-Hub-Signature",   "Cf-Ray",       "Remote",
                "X-GitHub-Event",    "X-Consumer",      "Sec-Fetch-User",    "Priority",     "If-None-Match",
                "X-Plex-Token",      "X-Emby-Token",    "X-Transmission-Session-Id",
        };
        char text[512], expected[512];

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                (void) snprintf(text, sizeof(text), START "%s: 1\r\n\r\n", names[i]);
                (void) snprintf(expected, sizeof(expected), START "%s: 1\r\n" OURS "\r\n", names[i]);
                assert_string_equal(forwarded(text, (ForwardContext) {}), expected);
        }
}

static void test_connection_options(void **state) {
        /* Names fields of one's own: dropped. Names others: nothing happens to them. */
        assert_string_equal(forwarded(START "X-Mine: 1\r\nConnection: close, x-mine, Host, Cookie, "
                                            "X-Forwarded-For, Authorization\r\n"
                                            "Cookie: a=b\r\nAuthorization: c\r\n\r\n",
                                      (ForwardContext){}),
                            START "Cookie: a=b\r\nAuthorization: c\r\n" OURS "\r\n");
        assert_string_equal(forwarded(START "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n",
                                      (ForwardContext){}),
                            START OURS "\r\n");
        /* h2c is not taken up and not passed on. */
        assert_string_equal(forwarded(START "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: "
                                            "h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
                                      (ForwardContext){}),
                            START OURS "\r\n");
}

static void test_cookie(void **state) {
        assert_string_equal(
                forwarded(START "Cookie: a=b; __Host-hagw=secret; c=d\r\nCookie: __Host-hagw=x\r\n\r\n",
                          (ForwardContext){}),
                START "Cookie: a=b; c=d\r\n" OURS "\r\n");
        assert_string_equal(forwarded(START "Cookie: a=b; __Host-hagw=secret\r\n\r\n",
                                      (ForwardContext){ .sees_cookie = true }),
                            START "Cookie: a=b; __Host-hagw=secret\r\n" OURS "\r\n");
}

/* A service that is a gateway as well gets its own cookies and pages, by the names it knows them by. */
static void test_inner(void **state) {
#define ASKED "GET /.hag2/auth/login?return=/ HTTP/1.1\r\nHost: ha.example\r\n"
#define COOKIES "Cookie: __Host-hagw=ours; __Host-hag2=its; a=b\r\n\r\n"
        assert_string_equal(forwarded(ASKED COOKIES, (ForwardContext) {}),
                            "GET /.hagw/auth/login?return=/ HTTP/1.1\r\nHost: ha.example\r\n"
                            "Cookie: __Host-hagw=its; a=b\r\n" OURS "\r\n");
        assert_string_equal(forwarded(ASKED COOKIES, (ForwardContext) { .sees_cookie = true }),
                            ASKED "Cookie: __Host-hagw=ours; __Host-hag2=its; a=b\r\n" OURS "\r\n");
}

static void test_address(void **state) {
        assert_string_equal(forwarded(START "\r\n", (ForwardContext) { .forwarded = true }),
                            START OURS "Forwarded: for=203.0.113.9;proto=https\r\n\r\n");
        assert_string_equal(forwarded(START "X-Hagw-Outer: login=none; depth=9\r\nx_hagw_outer: b\r\n\r\n",
                                      (ForwardContext) { .outer = SLICE("login=required; depth=2") }),
                            START OURS "X-Hagw-Outer: login=required; depth=2\r\n\r\n");
        assert_string_equal(forwarded(START "\r\n", (ForwardContext){ .forwarded = true,
                                                                      .address = SLICE("2001:db8::1") }),
                            START "X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: https\r\n"
                                  "Forwarded: for=\"[2001:db8::1]\";proto=https\r\n\r\n");
}

static void test_body(void **state) {
        assert_string_equal(
                forwarded("POST /x HTTP/1.1\r\nHost: ha.example\r\nContent-Length: 5\r\nExpect: "
                          "100-continue\r\n\r\n",
                          (ForwardContext){}),
                "POST /x HTTP/1.1\r\nHost: ha.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n" OURS
                "\r\n");
        assert_string_equal(
                forwarded("POST /x HTTP/1.1\r\nHost: ha.example\r\ntransfer-encoding: Chunked\r\n\r\n",
                          (ForwardContext){}),
                "POST /x HTTP/1.1\r\nHost: ha.example\r\n" OURS "Transfer-Encoding: chunked\r\n\r\n");
}

static void test_websocket(void **state) {
#define WS "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
           "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: chat\r\n"
        assert_string_equal(forwarded(START "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" WS
                                            "\r\n",
                                      (ForwardContext){}),
                            START WS OURS "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

/* As many fields as the limit allows still leave room for ours. */
static void test_full(void **state) {
        static char text[16 * 1024];
        size_t n = (size_t) sprintf(text, START);

        for (unsigned i = 1; i < limits.header_count; i++)
                n += (size_t) sprintf(text + n, "X-%u: y\r\n", i);
        strcpy(text + n, "\r\n");
        assert_non_null(
                strstr(forwarded(text, (ForwardContext){ .forwarded = true }), "X-Forwarded-Proto: https"));
        assert_non_null(strstr(out, "X-151: y"));
}

static const char *answered(const char *text, H1Asked asked, ForwardAnswer a, BodyKind expected) {
        Response r = { .headers = { .items = fields, .max = FIELDS } };
        H1Scan scan = {};
        BodyKind body;
        size_t n;

        strcpy(buffer, text);
        assert_int_equal(h1_read_response(&scan, buffer, strlen(text), &limits, asked, &r), H1_OK);
        a.http1 = true;
        assert_int_equal(forward_response(&r, &a, &body), 0);
        assert_ids(&r.headers);
        assert_int_equal(body, expected);
        assert_int_equal(h1_write_response(&r, out, sizeof(out) - 1, &n), 0);
        out[n] = '\0';
        return out;
}

static void test_response(void **state) {
        static const H1Asked plain = {};

        assert_string_equal(answered("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\nConnection: "
                                     "close, X-Hop\r\nX-Hop: 1\r\n"
                                     "Keep-Alive: 5\r\nAlt-Svc: h3=\":443\"\r\nSet-Cookie: "
                                     "a=b\r\nSet-Cookie: __Host-HAGW=evil; Path=/\r\n"
                                     "Strict-Transport-Security: max-age=1\r\nX_y: 1\r\n\r\n",
                                     plain, (ForwardAnswer){}, BODY_LENGTH),
                            "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n"
                            "Strict-Transport-Security: max-age=1\r\nX_y: 1\r\n\r\n");
        assert_string_equal(
                answered("HTTP/1.1 200 OK\r\nSet-Cookie: __Host-hagw=id\r\nContent-Length: 0\r\n\r\n", plain,
                         (ForwardAnswer){ .sees_cookie = true, .close = true }, BODY_NONE),
                "HTTP/1.1 200 OK\r\nSet-Cookie: __Host-hagw=id\r\nContent-Length: 0\r\nConnection: "
                "close\r\n\r\n");
        /* No length: chunks, so that the visitor's connection lives on. */
        assert_string_equal(answered("HTTP/1.0 200 OK\r\n\r\n", plain, (ForwardAnswer) {}, BODY_CHUNKED),
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_string_equal(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n",
                                     plain, (ForwardAnswer){}, BODY_CHUNKED),
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_string_equal(answered("HTTP/1.1 100 Continue\r\n\r\n", plain,
                                     (ForwardAnswer){ .close = true }, BODY_NONE),
                            "HTTP/1.1 100 Continue\r\n\r\n");
        assert_string_equal(answered("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", plain,
                                     (ForwardAnswer){}, BODY_NONE),
                            "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
        assert_string_equal(answered("HTTP/1.1 101 S\r\nupgrade: websocket\r\nConnection: "
                                     "upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
                                     (H1Asked){ .websocket = true }, (ForwardAnswer){ .close = true },
                                     BODY_NONE),
                            "HTTP/1.1 101 S\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: "
                            "websocket\r\n\r\n");
}

static void test_inner_answer(void **state) {
        static const H1Asked plain = {};
#define SEE "HTTP/1.1 303 See Other\r\nContent-Length: 0\r\n"
#define TO_LOGIN "Location: /.hagw/auth/login?return=/\r\n"
        InnerLogin inner = _INNER_LOGIN_INVALID;
        ForwardAnswer a = { .ret_inner = &inner };

        /* Anybody's: the visitor is sent to this gateway's. */
        assert_string_equal(answered(SEE TO_LOGIN "\r\n", plain, a, BODY_NONE), SEE TO_LOGIN "\r\n");
        assert_string_equal(answered(SEE "X-Hagw-Owner: 1\r\n" TO_LOGIN "\r\n", plain, a, BODY_NONE),
                            SEE TO_LOGIN "\r\n");
        assert_string_equal(answered(SEE FORWARD_OWN_FIELD ": 1\r\nLocation: /x\r\n\r\n", plain, a,
                                     BODY_NONE),
                            SEE "Location: /x\r\n\r\n");
        assert_true(inner < 0);
        /* Its word goes no further, in no spelling. */
        assert_string_equal(answered(SEE INNER_FIELD ": login=none\r\nx_hagw_inner: login=none\r\n"
                                     "x-hagw_own: 1\r\nConnection: " INNER_FIELD "\r\n\r\n", plain, a,
                                     BODY_NONE),
                            SEE "\r\n");
        assert_int_equal(inner, INNER_LOGIN_NONE);
        assert_string_equal(answered(SEE INNER_FIELD ": login=required\r\n"
                                     FORWARD_OWN_FIELD ": 1\r\n" TO_LOGIN "\r\n", plain, a, BODY_NONE),
                            SEE "Location: /.hag2/auth/login?return=/\r\n\r\n");
        assert_int_equal(inner, INNER_LOGIN_REQUIRED);
        /* A gateway's: to that one's. */
        assert_string_equal(answered(SEE TO_LOGIN FORWARD_OWN_FIELD ": 1\r\n"
                                     "Set-Cookie: __Host-hagw=its; Path=/\r\n\r\n", plain, a, BODY_NONE),
                            SEE "Location: /.hag2/auth/login?return=/\r\n"
                            "Set-Cookie: __Host-hag2=its; Path=/\r\n\r\n");
        assert_int_equal(inner, INNER_LOGIN_SEEN);
        /* hagw-webd's own are for a gateway further out to know. */
        assert_string_equal(answered(SEE TO_LOGIN "\r\n", plain,
                                     (ForwardAnswer) { .sees_cookie = true, .own = true }, BODY_NONE),
                            SEE TO_LOGIN FORWARD_OWN_FIELD ": 1\r\n\r\n");
}

TEST_MAIN(cmocka_unit_test(test_plain), cmocka_unit_test(test_spoofed),
          cmocka_unit_test(test_not_spoofed), cmocka_unit_test(test_connection_options),
          cmocka_unit_test(test_cookie),
          cmocka_unit_test(test_address), cmocka_unit_test(test_body), cmocka_unit_test(test_websocket),
          cmocka_unit_test(test_full), cmocka_unit_test(test_response), cmocka_unit_test(test_inner),
          cmocka_unit_test(test_inner_answer))
