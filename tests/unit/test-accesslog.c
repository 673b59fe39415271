/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/accesslog.h"
#include "tests/unit/test.h"

static void assert_target(const char *target, bool query, const char *expected) {
        char out[2048];
        size_t n = accesslog_target(slice_from(target), query, out, sizeof(out) - 1);

        out[n] = '\0';
        assert_string_equal(out, expected);
}

static void test_target(void **state) {
        assert_target("/lovelace/0", false, "/lovelace/0");
        assert_target("/a?token=secret", false, "/a");
        assert_target("/a?x=1&authSig=abc&ACCESS_TOKEN=d&flag", true,
                      "/a?x=1&authSig=...&ACCESS_TOKEN=...&flag");
        assert_target("/a?%74oken=abc", true, "/a?%74oken=...");
        assert_target("/a?x=eyJhbGciOiJIUzI1NiJ9_eyJpc3MiOiJ1", true, "/a?x=...");
        assert_target("/a?0123456789abcdef0123456789abcdef", true, "/a?...");
        assert_target("/api/webhook/my-own-id", false, "/api/webhook/...");
        assert_target("/api/webhook/my-own-id/more", false, "/api/webhook/.../more");
        assert_target("//api/webhook/id", false, "//api/webhook/...");
        assert_target("/API/Webhook/id", false, "/API/Webhook/...");
        assert_target("/api/webhook/", false, "/api/webhook/");
        assert_target("/api/hassio_ingress/tok/x", false, "/api/hassio_ingress/.../x");
        assert_target("/.well-known/acme-challenge/tok", false, "/.well-known/acme-challenge/...");
        assert_target("/x/0123456789abcdef01234567/y", false, "/x/.../y");
        assert_target("/frontend_latest/app.0123456789abcdef0123456789.js", false,
                      "/frontend_latest/app.0123456789abcdef0123456789.js");
        assert_target("/a-very-long-but-readable-name-of-a-page", false,
                      "/a-very-long-but-readable-name-of-a-page");
        assert_target("/\r\n\x1b[31m\xc3", false, "/???[31m?");
        assert_target("*", false, "*");
        assert_target("", true, "");
}

static const char *field(const struct iovec *iov, size_t n, const char *name) {
        static char value[ACCESSLOG_TEXT_MAX];
        size_t k = strlen(name);

        for (size_t i = 0; i < n; i++)
                if (iov[i].iov_len > k && memcmp(iov[i].iov_base, name, k) == 0 &&
                    ((char *) iov[i].iov_base)[k] == '=') {
                        memcpy(value, (char *) iov[i].iov_base + k + 1, iov[i].iov_len - k - 1);
                        value[iov[i].iov_len - k - 1] = '\0';
                        return value;
                }
        return NULL;
}

static void test_entry(void **state) {
        struct iovec iov[ACCESSLOG_FIELDS_MAX];
        char text[ACCESSLOG_TEXT_MAX];
        AccessEntry e = {
                .address = SLICE("203.0.113.9"),
                .host = SLICE("ha.example"),
                .method = SLICE("GET"),
                .target = SLICE("/a?token=x"),
                .status = 200,
                .received = 1,
                .sent = 12345678901,
                .duration_usec = 1234,
                .upstream_usec = USEC_INFINITY,
                .verdict = "pass",
        };
        size_t n = accesslog_format(&e, text, iov);

        assert_string_equal(field(iov, n, "MESSAGE"), "ha.example GET /a 200 1.234 ms, from 203.0.113.9");
        assert_string_equal(field(iov, n, "HAGW_PATH"), "/a");
        assert_string_equal(field(iov, n, "HAGW_STATUS"), "200");
        assert_string_equal(field(iov, n, "HAGW_SENT"), "12345678901");
        assert_string_equal(field(iov, n, "HAGW_VERDICT"), "pass");
        assert_null(field(iov, n, "HAGW_USER"));
        assert_null(field(iov, n, "HAGW_UPSTREAM_USEC"));
        for (size_t i = 0; i < n; i++)
                assert_null(memmem(iov[i].iov_base, iov[i].iov_len, "token", 5));
        e.verdict = "answer cut short";
        e.broken = true;
        n = accesslog_format(&e, text, iov);
        assert_string_equal(field(iov, n, "MESSAGE"),
                            "ha.example GET /a 200, answer cut short, 1.234 ms, from 203.0.113.9");
        e.verdict = "pass";
        e.broken = false;
        e.upstream_usec = 1000;
        e.user = SLICE("anna");
        n = accesslog_format(&e, text, iov);
        assert_string_equal(field(iov, n, "HAGW_UPSTREAM_USEC"), "1000");
        assert_string_equal(field(iov, n, "HAGW_USER"), "anna");
        assert_string_equal(field(iov, n, "MESSAGE"),
                            "ha.example GET /a 200 1.234 ms, anna from 203.0.113.9");
}

/* What of requests there is not in a passage is not in its entry either. */
static void test_passage(void **state) {
        struct iovec iov[ACCESSLOG_FIELDS_MAX];
        char text[ACCESSLOG_TEXT_MAX];
        const AccessEntry e = {
                .passage = true,
                .address = SLICE("203.0.113.9"),
                .host = SLICE("cam.example"),
                .upstream = SLICE("192.168.1.9:443"),
                .received = 517,
                .sent = 12345678901,
                .duration_usec = 61000001,
                .upstream_usec = 1500,
                .verdict = "stuck",
        };
        size_t n = accesslog_format(&e, text, iov);

        assert_string_equal(field(iov, n, "MESSAGE"),
                            "cam.example passage, stuck, 517 bytes in, 12345678901 out, 61000.001 ms, from "
                            "203.0.113.9");
        assert_string_equal(field(iov, n, "HAGW_RECEIVED"), "517");
        assert_string_equal(field(iov, n, "HAGW_SENT"), "12345678901");
        assert_string_equal(field(iov, n, "HAGW_UPSTREAM"), "192.168.1.9:443");
        assert_string_equal(field(iov, n, "HAGW_UPSTREAM_USEC"), "1500");
        assert_string_equal(field(iov, n, "HAGW_VERDICT"), "stuck");
        assert_null(field(iov, n, "HAGW_STATUS"));
        assert_null(field(iov, n, "HAGW_METHOD"));
        assert_null(field(iov, n, "HAGW_PATH"));
}

/* However long the parts: they fit, every field is there, and no line break makes another one. */
static void test_long(void **state) {
        static char long_text[32 * 1024];
        struct iovec iov[ACCESSLOG_FIELDS_MAX];
        char text[ACCESSLOG_TEXT_MAX];
        Slice s = { long_text, sizeof(long_text) };
        AccessEntry e = { .address = s,
                          .host = s,
                          .method = s,
                          .target = s,
                          .upstream = s,
                          .user = s,
                          .verdict = "pass",
                          .received = UINT64_MAX,
                          .sent = UINT64_MAX,
                          .duration_usec = UINT64_MAX - 1,
                          .query_strings = true };
        size_t n;

        for (size_t i = 0; i < sizeof(long_text); i++)
                long_text[i] = "\n/?&=a1%"[i % 8];
        n = accesslog_format(&e, text, iov);
        assert_int_equal(n, 14);
        for (size_t i = 0; i < n; i++) {
                assert_true(iov[i].iov_len > 0);
                assert_true((char *) iov[i].iov_base >= text &&
                            (char *) iov[i].iov_base + iov[i].iov_len <= text + ACCESSLOG_TEXT_MAX);
                assert_null(memchr(iov[i].iov_base, '\n', iov[i].iov_len));
        }
        assert_string_equal(field(iov, n, "HAGW_VERDICT"), "pass");
}

TEST_MAIN(cmocka_unit_test(test_target), cmocka_unit_test(test_entry), cmocka_unit_test(test_passage),
          cmocka_unit_test(test_long))
