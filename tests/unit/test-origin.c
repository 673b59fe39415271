/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What browsers say of the page that asks, row by row, and what nobody honest says. */

#include "libhagw/pure/origin.h"
#include "tests/unit/test.h"

#define OWN "https://ha.home.example.com"
#define CAM "https://cam.home.example.com"

typedef struct Row {
        const char *origin, *site, *mode, *dest;
        bool get;
        Origin expected;
} Row;

static Slice text(const char *s) {
        return slice_from(s);
}

static OriginClaim claim_of(const Row *row) {
        const char *const values[] = { row->origin, row->site, row->mode, row->dest };
        OriginClaim c = {};

        for (unsigned i = 0; i < ELEMENTSOF(values); i++)
                if (values[i])
                        origin_claim_add(&c, (OriginField) (ORIGIN_FIELD_ORIGIN + i), text(values[i]));
        return c;
}

static void check(const Row *rows, size_t n, const char *authority) {
        for (size_t i = 0; i < n; i++) {
                OriginClaim c = claim_of(&rows[i]);
                Origin o = origin_judge(&c, text(authority), rows[i].get);

                if (o != rows[i].expected)
                        fail_msg("row %zu: %s, not %s", i, origin_text(o), origin_text(rows[i].expected));
        }
}

static void test_what_browsers_say(void **state) {
        static const Row rows[] = {
                /* programs, browsers before Fetch Metadata */
                { NULL, NULL, NULL, NULL, true, ORIGIN_PROGRAM },
                { NULL, NULL, NULL, NULL, false, ORIGIN_PROGRAM },
                { OWN, NULL, NULL, NULL, false, ORIGIN_OWN },
                { "https://evil.example", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { "null", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                /* a typed address, a bookmark, another app */
                { NULL, "none", "navigate", "document", true, ORIGIN_OWN },
                /* the host's own page: a part, a fetch(), a form, a WebSocket, an EventSource, a worker */
                { NULL, "same-origin", "no-cors", "image", true, ORIGIN_OWN },
                { NULL, "same-origin", "cors", "empty", true, ORIGIN_OWN },
                { NULL, "same-origin", "same-origin", "serviceworker", true, ORIGIN_OWN },
                { NULL, "same-origin", "navigate", "iframe", true, ORIGIN_OWN },
                { OWN, "same-origin", "cors", "empty", false, ORIGIN_OWN },
                { OWN, "same-origin", "navigate", "document", false, ORIGIN_OWN },
                { OWN, "same-origin", "websocket", "empty", false, ORIGIN_OWN },
                { OWN, "same-origin", "websocket", "websocket", false, ORIGIN_OWN },
                { "null", "same-origin", "navigate", "document", false, ORIGIN_OWN },
                /* an extension with the right to reach the host, and without it */
                { "chrome-extension://abc", "none", "cors", "empty", false, ORIGIN_OWN },
                { "moz-extension://abc", "same-origin", "cors", "empty", false, ORIGIN_OWN },
                { "safari-web-extension://abc", "none", "cors", "empty", false, ORIGIN_OWN },
                { "chrome-extension://abc", "cross-site", "cors", "empty", false, ORIGIN_FOREIGN },
                { "chrome-extension://abc", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { "chrome-extension://", "none", "cors", "empty", false, ORIGIN_FOREIGN },
                { "https://evil.example", "none", "cors", "empty", false, ORIGIN_FOREIGN },
                { "null", "none", "cors", "empty", false, ORIGIN_FOREIGN },
                /* a link from anywhere, a form with GET, a prerendered page */
                { NULL, "cross-site", "navigate", "document", true, ORIGIN_NAVIGATION },
                { NULL, "same-site", "navigate", "document", true, ORIGIN_NAVIGATION },
                { "null", "cross-site", "navigate", "document", true, ORIGIN_NAVIGATION },
                /* a form with POST, a ping, a beacon */
                { CAM, "same-site", "navigate", "document", false, ORIGIN_FOREIGN },
                { "null", "cross-site", "navigate", "document", false, ORIGIN_FOREIGN },
                { "null", "same-site", "navigate", "document", false, ORIGIN_FOREIGN },
                { "https://evil.example", "cross-site", "no-cors", "empty", false, ORIGIN_FOREIGN },
                /* another page's WebSocket, fetch(), preflight, EventSource, prefetch */
                { CAM, "same-site", "websocket", "websocket", false, ORIGIN_FOREIGN },
                { CAM, NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { CAM, "same-site", "cors", "empty", true, ORIGIN_FOREIGN },
                { NULL, "same-site", "no-cors", "empty", true, ORIGIN_FOREIGN },
                { NULL, "cross-site", "no-cors", "empty", true, ORIGIN_FOREIGN },
                /* what another page shows, and what it takes in */
                { NULL, "same-site", "navigate", "iframe", true, ORIGIN_FRAMED },
                { NULL, "same-site", "navigate", "frame", true, ORIGIN_FRAMED },
                { NULL, "same-site", "no-cors", "image", true, ORIGIN_SHOWN },
                { NULL, "same-site", "no-cors", "video", true, ORIGIN_SHOWN },
                { NULL, "same-site", "no-cors", "audio", true, ORIGIN_SHOWN },
                { NULL, "same-site", "navigate", "object", true, ORIGIN_SHOWN },
                { NULL, "same-site", "navigate", "embed", true, ORIGIN_SHOWN },
                { NULL, "same-site", "no-cors", "script", true, ORIGIN_FOREIGN },
                { NULL, "same-site", "no-cors", "style", true, ORIGIN_FOREIGN },
                { CAM, "same-site", "cors", "image", true, ORIGIN_FOREIGN },
                { NULL, "cross-site", "navigate", "iframe", true, ORIGIN_FOREIGN },
                { NULL, "cross-site", "no-cors", "image", true, ORIGIN_FOREIGN },
                { NULL, "same-site", "navigate", "iframe", false, ORIGIN_FOREIGN },
                /* what contradicts itself: a request that was sent on by another site */
                { OWN, "cross-site", "navigate", "document", false, ORIGIN_FOREIGN },
                { OWN, "same-site", "cors", "empty", false, ORIGIN_FOREIGN },
        };

        check(rows, ELEMENTSOF(rows), "ha.home.example.com");
}

static void test_spellings(void **state) {
        static const Row rows[] = {
                { "https://HA.home.example.COM", NULL, NULL, NULL, false, ORIGIN_OWN },
                { "HTTPS://ha.home.example.com", NULL, NULL, NULL, false, ORIGIN_OWN },
                { OWN ":443", NULL, NULL, NULL, false, ORIGIN_OWN },
                { "wss://ha.home.example.com", NULL, NULL, NULL, false, ORIGIN_OWN },
                { "", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { "https://", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { "ha.home.example.com", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { "http://ha.home.example.com", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { "ws://ha.home.example.com", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { OWN "/", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { OWN ".", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { OWN ":8443", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { OWN ":4430", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { OWN ":443.evil.example", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { OWN ".evil.example", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { OWN "@evil.example", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { OWN " https://evil.example", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { OWN ", " OWN, NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { "https://xha.home.example.com", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { "NULL", "same-origin", NULL, NULL, false, ORIGIN_FOREIGN },
                { NULL, "", NULL, NULL, true, ORIGIN_FOREIGN },
                { NULL, "Same-Origin", NULL, NULL, true, ORIGIN_FOREIGN },
                { NULL, "same-origin, none", NULL, NULL, true, ORIGIN_FOREIGN },
                { NULL, "same-originx", NULL, NULL, true, ORIGIN_FOREIGN },
                { NULL, "cross-site", "navigate", NULL, true, ORIGIN_FOREIGN },
                { NULL, "cross-site", NULL, "document", true, ORIGIN_FOREIGN },
        };

        check(rows, ELEMENTSOF(rows), "ha.home.example.com");
}

static void test_ports(void **state) {
        static const Row at_8443[] = {
                { OWN ":8443", "same-origin", "websocket", "websocket", false, ORIGIN_OWN },
                { "wss://ha.home.example.com:8443", NULL, NULL, NULL, false, ORIGIN_OWN },
                { OWN ":8443:", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { OWN ":8443:443", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { OWN, "same-site", "websocket", "websocket", false, ORIGIN_FOREIGN },
                { OWN, NULL, NULL, NULL, false, ORIGIN_FOREIGN },
                { OWN ":443", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
        };
        static const Row said[] = {
                { OWN, NULL, NULL, NULL, false, ORIGIN_OWN },
                { OWN ":443", NULL, NULL, NULL, false, ORIGIN_OWN },
                { OWN ":8443", NULL, NULL, NULL, false, ORIGIN_FOREIGN },
        };
        static const Row bare[] = { { "https://[::1]", NULL, NULL, NULL, false, ORIGIN_OWN } };
        static const Row address[] = { { "https://[::1]:8443", NULL, NULL, NULL, false, ORIGIN_OWN } };

        check(at_8443, ELEMENTSOF(at_8443), "ha.home.example.com:8443");
        check(said, ELEMENTSOF(said), "ha.home.example.com:443");
        check(said, ELEMENTSOF(said), "ha.home.example.com:");
        check(address, ELEMENTSOF(address), "[::1]:8443");
        check(bare, ELEMENTSOF(bare), "[::1]:443");
}

/* One of the fields twice: whoever reads the first and whoever reads the last would differ. */
static void test_twice(void **state) {
        static const Row row = { OWN, "same-origin", "navigate", "document", true, ORIGIN_OWN };
        static const Row mute = { NULL, NULL, "navigate", "document", true, ORIGIN_PROGRAM };

        for (unsigned field = 0; field < _ORIGIN_FIELD_MAX; field++) {
                OriginClaim c = claim_of(&row), m = claim_of(&mute);

                origin_claim_add(&c, ORIGIN_FIELD_REFERER, SLICE(OWN "/"));
                assert_int_equal(origin_judge(&c, SLICE("ha.home.example.com"), true), ORIGIN_OWN);
                origin_claim_add(&c, (OriginField) field, c.values[field]);
                assert_int_equal(origin_judge(&c, SLICE("ha.home.example.com"), true), ORIGIN_FOREIGN);
                if (field == ORIGIN_FIELD_ORIGIN || field == ORIGIN_FIELD_SITE)
                        continue;
                origin_claim_add(&m, (OriginField) field, SLICE("x"));
                origin_claim_add(&m, (OriginField) field, SLICE("x"));
                assert_int_equal(origin_judge(&m, SLICE("ha.home.example.com"), true), ORIGIN_PROGRAM);
        }
}

static void test_listed(void **state) {
        static char *hosts[] = { (char *) "dash.example.com", (char *) "x.example", NULL };
        static const char *const yes[] = {
                "https://dash.example.com/", "https://dash.example.com", "https://DASH.example.com:8443/a",
                "https://x.example/?a@b", "https://x.example#a",
        };
        static const char *const no[] = {
                "",
                "https://",
                "https:///",
                "http://dash.example.com/",
                "https://dash.example.com.evil.example/",
                "https://evil.example/dash.example.com",
                "https://dash.example.com@evil.example/",
                "https://dash.example.com:x@evil.example/",
                "https://xx.example/",
                "dash.example.com",
                "https://:443/",
                "https:// dash.example.com/",
                "https://dash.example.com :8443/",
                "https://evil.example?https://dash.example.com/",
        };

        for (size_t i = 0; i < ELEMENTSOF(yes) + ELEMENTSOF(no); i++) {
                const char *s = i < ELEMENTSOF(yes) ? yes[i] : no[i - ELEMENTSOF(yes)];
                OriginClaim c = {};

                assert_false(origin_has_referer(&c));
                assert_false(origin_is_listed(&c, hosts));
                origin_claim_add(&c, ORIGIN_FIELD_REFERER, text(s));
                assert_true(origin_has_referer(&c));
                if (origin_is_listed(&c, hosts) != (i < ELEMENTSOF(yes)))
                        fail_msg("%s", s);
                assert_false(origin_is_listed(&c, NULL));
                assert_false(origin_is_listed(&c, (char *[]) { NULL }));
        }
}

TEST_MAIN(cmocka_unit_test(test_what_browsers_say), cmocka_unit_test(test_spellings),
          cmocka_unit_test(test_ports), cmocka_unit_test(test_twice), cmocka_unit_test(test_listed))
