/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/conf-digest.h"
#include "tests/unit/test.h"

static Config *parse(const char *text, const char *host) {
        _cleanup_free_ char *error = NULL;
        Config *c = config_new();

        assert_non_null(c);
        assert_int_equal(config_parse_text(text, "hagw.conf", /* host= */ false, c, &error), 0);
        if (host)
                assert_int_equal(config_parse_text(host, "h.conf", /* host= */ true, c, &error), 0);
        return c;
}

static ConfDigest digest(const char *text, const char *host, const char *daemon) {
        _cleanup_(config_freep) Config *c = parse(text, host);

        return config_digest(c, daemon);
}

#define PLAIN "zones = ( { name = \"a.test\"; } ); relay: { address = \"r.test\"; tenant = \"x\"; };"
#define HOST "name = \"h.a.test\"; upstream = \"http://127.0.0.1:1\";"

static void test_what_counts(void **state) {
        static const struct {
                const char *text, *host, *daemon;
                bool main, hosts; /* it is another one */
        } rows[] = {
                { PLAIN, HOST, "hagw-proxyd", false, false },
                { "# a comment\n" PLAIN "\n", HOST "// another", "hagw-proxyd", false, false },
                { "relay: { tenant = \"x\"; address = \"r.test\"; };"
                  "zones = ( { name = \"a.test\"; } );", HOST, "hagw-proxyd", false, false },
                /* the default */
                { "proxy: { tls = \"1.2\"; };" PLAIN, HOST, "hagw-proxyd", false, false },
                { "relay: { address = \"r.test\"; tenant = \"x\"; opened = \"accept\"; };"
                  "zones = ( { name = \"a.test\"; } );", HOST, "hagw-proxyd", true, false },
                { "relay: { address = \"r.test\"; tenant = \"x\"; opened = \"accept\"; };"
                  "zones = ( { name = \"a.test\"; } );", HOST, "hagw-dnsd", false, false },
                { "lan = ( \"10.0.0.0/8\" );" PLAIN, HOST, "hagw-proxyd", true, false },
                { "notify = ( \"mailto:a@a.test\" );" PLAIN, HOST, "hagw-proxyd", false, false },
                { "log: { level = \"debug\"; };" PLAIN, HOST, "hagw-keyd", true, false },
                { PLAIN, NULL, "hagw-dnsd", false, true },
                { PLAIN, HOST "access: { login = \"none\"; };", "hagw-proxyd", false, true },
                { PLAIN, HOST "access: { open_paths = ( \"/a\" ); };", "hagw-proxyd", false, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const ConfDigest a = digest(PLAIN, HOST, rows[i].daemon),
                                 b = digest(rows[i].text, rows[i].host, rows[i].daemon);

                if ((a.main != b.main) != rows[i].main || (a.hosts != b.hosts) != rows[i].hosts)
                        fail_msg("%zu: %d %d", i, a.main != b.main, a.hosts != b.hosts);
        }
}

/* Where a list ends and the next one begins counts, and so does what is not given beside what is empty. */
static void test_no_two_run_together(void **state) {
        assert_true(digest(PLAIN, HOST "access: { users = ( \"a\", \"b\" ); };", "hagw-webd").hosts !=
                    digest(PLAIN, HOST "access: { users = ( \"a\" ); groups = ( \"b\" ); };",
                           "hagw-webd").hosts);
        assert_true(digest(PLAIN, HOST "access: { users = ( \"ab\" ); };", "hagw-webd").hosts !=
                    digest(PLAIN, HOST "access: { users = ( \"a\", \"b\" ); };", "hagw-webd").hosts);
}

static void test_text(void **state) {
        char text[CONF_DIGEST_TEXT_MAX];

        assert_string_equal(conf_digest_text(0x1fULL, text), "000000000000001f");
        assert_string_equal(conf_digest_text(UINT64_MAX, text), "ffffffffffffffff");
}

TEST_MAIN(cmocka_unit_test(test_what_counts), cmocka_unit_test(test_no_two_run_together),
          cmocka_unit_test(test_text))
