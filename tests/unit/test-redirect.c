/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <string.h>

#include "hagw-proxyd/wire/redirect.h"
#include "tests/unit/test.h"

static Led follow(Trail *t, const char *location, const char *more, char *text) {
        char answer[2048];

        (void) snprintf(answer, sizeof(answer),
                        "HTTP/1.1 301 Moved Permanently\r\nServer: x\r\n%s\r\n%s\r\n"
                        "Location: https://ha.test/\r\n",
                        location, more);
        return trail_follow(t, answer, 301, "ha.test", text);
}

/* From "/", and then whatever is given. */
static Led one(const char *location, const char *want) {
        char text[REDIRECT_TEXT_MAX], field[1024];
        Trail t;
        Led led;

        trail_begin(&t);
        (void) snprintf(field, sizeof(field), "Location: %s", location);
        led = follow(&t, field, "", text);
        if (want)
                assert_string_equal(led == LED_ON ? t.targets[1] : text, want);
        return led;
}

static void test_back(void **state) {
        static const char *const whole[] = {
                "https://ha.test/", "https://HA.test:443", "https://ha.test", "http://ha.test/",
                "http://ha.test:80/", "//ha.test/", "HTTPS://ha.test/#top",
        };
        static const char *const elsewhere[] = {
                "https://ha.test:8443/", "http://ha.test:443/", "https://nas.test/", "https://ha.test.evil/",
                "https://www.ha.test/", "https://ha.tes", "mailto:a@ha.test", "https://a@ha.test/",
                "https:///", "https://203.0.113.4/", "https://[2001:db8::1]/", "/a b", "/a\\b", "/../", "./",
        };
        char text[REDIRECT_TEXT_MAX];
        Trail t;

        for (size_t i = 0; i < ELEMENTSOF(whole); i++)
                assert_int_equal(one(whole[i], "/"), LED_BACK);
        assert_int_equal(one("/", "/ → /"), LED_ROUND);
        assert_int_equal(one("", ""), LED_NONE); /* as browsers have it */
        for (size_t i = 0; i < ELEMENTSOF(elsewhere); i++)
                assert_int_equal(one(elsewhere[i], ""), LED_NONE);
        trail_begin(&t);
        /* The next request has the cookie, and may get another answer. */
        assert_int_equal(follow(&t, "Location: https://ha.test/", "Set-Cookie: seen=1\r\n", text),
                         LED_NONE);
        assert_int_equal(follow(&t, "location:https://ha.test/", "Content-Length: 0\r\n", text),
                         LED_BACK);
        assert_int_equal(follow(&t, "Content-Location: https://ha.test/", "", text), LED_NONE);
        assert_int_equal(follow(&t, "Location", "", text), LED_NONE);
        assert_int_equal(trail_follow(&t, "HTTP/1.1 301 x\r\nLocation: /\r\n", 301, "ha.test", text),
                         LED_NONE);
        assert_int_equal(trail_follow(&t, "", 301, "ha.test", text), LED_NONE);
        for (unsigned status = 200; status < 600; status++) {
                bool leads = status == 301 || status == 302 || status == 303 || status == 307 ||
                             status == 308;

                trail_begin(&t);
                assert_int_equal(trail_follow(&t, "HTTP/1.1 x\r\nLocation: /\r\n\r\n", status, "ha.test",
                                              text),
                                 leads ? LED_ROUND : LED_NONE);
        }
}

static void test_inside(void **state) {
        static const char *const inside[] = {
                "http://192.168.1.4:9005/login", "https://10.0.0.1/", "//127.0.0.1/", "http://[fe80::1]/",
                "http://[fd00::4]:80/", "http://nas/", "http://homeassistant.local:8123/",
                "https://nas.fritz.box",
        };
        static const char *const shown[] = {
                "http://192.168.1.4:9005", "https://10.0.0.1", "https://127.0.0.1", "http://[fe80::1]",
                "http://[fd00::4]:80", "http://nas", "http://homeassistant.local:8123",
                "https://nas.fritz.box",
        };
        char text[REDIRECT_TEXT_MAX];
        Trail t;

        for (size_t i = 0; i < ELEMENTSOF(inside); i++)
                assert_int_equal(one(inside[i], shown[i]), LED_INSIDE);
        /* The cookie is for this host, and goes nowhere. */
        trail_begin(&t);
        assert_int_equal(follow(&t, "Location: http://192.168.1.4/", "Set-Cookie: a=b\r\n", text),
                         LED_INSIDE);
        assert_int_equal(follow(&t, "Location: /login", "", text), LED_ON);
        assert_int_equal(follow(&t, "Location: http://192.168.1.4/", "", text), LED_INSIDE);
}

static void test_circles(void **state) {
        static const struct {
                const char *steps[REDIRECTS_MAX + 2];
                Led led;
                const char *text;
        } rows[] = {
                { { "/a", "/" }, LED_ROUND, "/ → /a → /" },
                { { "/a", "/b?x=1", "/a" }, LED_ROUND, "/a → /b → /a" },
                { { "http://ha.test/x", "http://ha.test/x" }, LED_BACK, "/x" },
                { { "http://ha.test/x", "https://ha.test/" }, LED_ROUND, "/ → /x → /" },
                { { "a/b", "c", "../", NULL }, LED_NONE, "" },
                { { "/a/b", "c", "?q", "?q" }, LED_ROUND, "/a/c → /a/c" },
                { { "/a?1", "/a?2", "/a?3", "/a?4", "/a?5" }, LED_NONE, "" },
                { { "/a", "https://other.test/" }, LED_NONE, "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char text[REDIRECT_TEXT_MAX], field[256];
                Led led = LED_ON;
                Trail t;
                size_t n = 0;

                trail_begin(&t);
                for (; rows[i].steps[n]; n++) {
                        assert_int_equal(led, LED_ON);
                        (void) snprintf(field, sizeof(field), "Location: %s", rows[i].steps[n]);
                        led = follow(&t, field, "", text);
                        if (led != LED_ON)
                                break;
                }
                assert_int_equal(led, rows[i].led);
                assert_string_equal(text, rows[i].text);
        }
}

static void test_limits(void **state) {
        char text[REDIRECT_TEXT_MAX], field[REDIRECT_TARGET_MAX + 32] = "Location: ";
        const size_t begin = strlen(field);
        Trail t;

        /* The longest one that is followed, and one byte more. */
        memset(field + begin, 'a', REDIRECT_TARGET_MAX);
        field[begin] = '/';
        trail_begin(&t);
        assert_int_equal(follow(&t, field, "", text), LED_NONE);
        field[begin + REDIRECT_TARGET_MAX - 1] = '\0';
        assert_int_equal(follow(&t, field, "", text), LED_ON);
        assert_int_equal(strlen(t.targets[1]), REDIRECT_TARGET_MAX - 1);
        /* As many as there may be, in a text that has room for all. */
        trail_begin(&t);
        for (size_t i = 0; i < REDIRECTS_MAX; i++) {
                memset(field + begin, 'a' + (char) i, 100);
                field[begin] = '/';
                field[begin + 100] = '\0';
                assert_int_equal(follow(&t, field, "", text), LED_ON);
        }
        assert_int_equal(follow(&t, "Location: /more", "", text), LED_NONE);
        assert_int_equal(follow(&t, "Location: /", "", text), LED_ROUND);
        assert_non_null(endswith(text, " → /"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_back), cmocka_unit_test(test_inside),
                cmocka_unit_test(test_circles), cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
