/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hagw-proxyd/wire/finding.h"
#include "tests/unit/test.h"

static ConfHost host_of(ConfUpstreamKind kind) {
        return (ConfHost) { .name = (char *) "ha.home.example.com",
                            .upstream = (char *) (kind == CONF_UPSTREAM_HTTPS ?
                                                          "https://192.168.1.4:8123" :
                                                          "http://192.168.1.4:8123"),
                            .upstream_kind = kind,
                            .upstream_host = (char *) "192.168.1.4",
                            .upstream_port = 8123 };
}

static ProbeResult answered(unsigned status) {
        return (ProbeResult) { .asked = true, .connected = true, .answered = true, .status = status };
}

static ProbeResult failed(LinkFault fault) {
        return (ProbeResult) { .asked = true, .fault = fault };
}

/* What is asked one after the other, and what comes out. */
static void expect(ConfUpstreamKind kind, const char *name, const ProbeResult *all, size_t n_asked,
                   Finding f) {
        ProbeResult results[_PROBE_KIND_MAX] = {};
        ConfHost host = host_of(kind);
        ProbeKind next = _PROBE_KIND_MAX;
        size_t n = 0;
        int r;

        if (name)
                host.name = (char *) name;
        while ((r = finding_judge(results, &host, &next)) == -EAGAIN) {
                assert_true(next < _PROBE_KIND_MAX);
                assert_false(results[next].asked);
                results[next] = all[next];
                assert_true(results[next].asked);
                n++;
        }
        assert_int_equal(r, f);
        assert_int_equal(n, n_asked);
}

static void test_answers(void **state) {
        ProbeResult all[_PROBE_KIND_MAX] = {};
        static const unsigned fine[] = { 200, 204, 302, 308, 401, 404, 405, 500, 503 };

        for (size_t i = 0; i < ELEMENTSOF(fine); i++) {
                all[PROBE_VISITOR] = answered(fine[i]);
                expect(CONF_UPSTREAM_HTTP, NULL, all, 1, FINDING_NONE);
        }
        all[PROBE_VISITOR] = (ProbeResult) { .asked = true, .connected = true };
        expect(CONF_UPSTREAM_TCP, NULL, all, 1, FINDING_NONE);
}

static void test_refusals(void **state) {
        ProbeResult all[_PROBE_KIND_MAX] = { [PROBE_VISITOR] = answered(400), [PROBE_BARE] = answered(200) };

        expect(CONF_UPSTREAM_HTTP, NULL, all, 2, FINDING_PROXY);
        all[PROBE_BARE].home_assistant = true;
        expect(CONF_UPSTREAM_HTTP, NULL, all, 2, FINDING_HOME_ASSISTANT);
        expect(CONF_UPSTREAM_HTTP, "*.w.example.com", all, 2, FINDING_HOME_ASSISTANT);

        for (unsigned status = 400; status < 430; status++) {
                bool checks = status == 400 || status == 403 || status == 421;

                all[PROBE_VISITOR] = all[PROBE_BARE] = answered(status);
                all[PROBE_OWN_NAME] = answered(200);
                expect(CONF_UPSTREAM_HTTP, NULL, all, checks ? 3 : 1, checks ? FINDING_HOST : FINDING_NONE);
        }
        /* It knows some name below the wildcard; which one is not known here. */
        expect(CONF_UPSTREAM_HTTPS, "*.w.example.com",
               (ProbeResult[_PROBE_KIND_MAX]) { answered(421), answered(421) }, 2, FINDING_NONE);
        /* 421 is about the name, whatever its own is. */
        all[PROBE_VISITOR] = all[PROBE_BARE] = all[PROBE_OWN_NAME] = answered(421);
        expect(CONF_UPSTREAM_HTTPS, NULL, all, 3, FINDING_HOST);
        /* A page that nobody may see is the service's own business. */
        all[PROBE_VISITOR] = all[PROBE_BARE] = all[PROBE_OWN_NAME] = answered(403);
        expect(CONF_UPSTREAM_HTTP, NULL, all, 3, FINDING_NONE);
        all[PROBE_VISITOR] = all[PROBE_BARE] = all[PROBE_OWN_NAME] = answered(400);
        all[PROBE_OTHER_SCHEME] = failed(LINK_FAULT_TLS);
        expect(CONF_UPSTREAM_HTTP, NULL, all, 4, FINDING_NONE);
}

static void test_schemes(void **state) {
        ProbeResult all[_PROBE_KIND_MAX] = {
                [PROBE_VISITOR] = answered(400),
                [PROBE_BARE] = answered(400),
                [PROBE_OWN_NAME] = answered(400),
                [PROBE_OTHER_SCHEME] = { .asked = true, .connected = true },
        };

        expect(CONF_UPSTREAM_HTTP, NULL, all, 4, FINDING_SPEAKS_TLS);
        all[PROBE_VISITOR] = (ProbeResult) { .asked = true, .connected = true };
        expect(CONF_UPSTREAM_HTTP, NULL, all, 2, FINDING_SPEAKS_TLS);
        all[PROBE_OTHER_SCHEME] = failed(LINK_FAULT_TLS);
        expect(CONF_UPSTREAM_HTTP, NULL, all, 2, FINDING_NO_ANSWER);

        all[PROBE_VISITOR] = failed(LINK_FAULT_TLS);
        all[PROBE_OTHER_SCHEME] = answered(400);
        expect(CONF_UPSTREAM_HTTPS, NULL, all, 2, FINDING_SPEAKS_HTTP);
        all[PROBE_OTHER_SCHEME] = (ProbeResult) { .asked = true, .connected = true };
        expect(CONF_UPSTREAM_HTTPS, NULL, all, 2, FINDING_TLS);
        /* It speaks TLS: nothing else is asked. */
        all[PROBE_VISITOR] = failed(LINK_FAULT_CERTIFICATE);
        expect(CONF_UPSTREAM_HTTPS, NULL, all, 1, FINDING_CERTIFICATE);
}

static void test_faults(void **state) {
        static const Finding findings[] = { FINDING_NAME, FINDING_REFUSED, FINDING_SILENT,
                                            FINDING_NO_ROUTE };

        for (size_t i = 0; i < ELEMENTSOF(findings); i++)
                for (ConfUpstreamKind kind = CONF_UPSTREAM_HTTP; kind <= CONF_UPSTREAM_TCP; kind++) {
                        ProbeResult all[_PROBE_KIND_MAX] = { failed((LinkFault) (LINK_FAULT_NAME + i)) };

                        expect(kind, NULL, all, 1, findings[i]);
                }
        assert_int_equal(link_fault_from_error(-ECONNREFUSED), LINK_FAULT_REFUSED);
        assert_int_equal(link_fault_from_error(-ETIMEDOUT), LINK_FAULT_SILENT);
        assert_int_equal(link_fault_from_error(-EHOSTUNREACH), LINK_FAULT_NO_ROUTE);
        assert_int_equal(link_fault_from_error(-ENOENT), LINK_FAULT_OTHER);
}

static void has(Finding f, ConfUpstreamKind kind, const char *peer, const char *own, const char *want) {
        ProbeResult visitor = { .asked = true, .status = 403, .text = "what was heard" };
        ConfHost host = host_of(kind);
        FindingFacts facts = {
                .host = &host,
                .authority = { "192.168.1.4:8123", 16 },
                .visitor = &visitor,
                .led = "/x",
        };
        char *text;

        assert_true(!peer || ip_parse(peer, &visitor.peer) >= 0);
        assert_true(!own || ip_parse(own, &facts.own) >= 0);
        assert_int_equal(finding_text(f, &facts, &text), 0);
        if (!strstr(text, want))
                fail_msg("\"%s\" lacks \"%s\"", text, want);
        free(text);
}

static void test_texts(void **state) {
        for (Finding f = FINDING_NONE + 1; f < _FINDING_MAX; f++) {
                assert_non_null(finding_word(f));
                has(f, CONF_UPSTREAM_HTTP, NULL, NULL, " ");
        }
        assert_null(finding_word(FINDING_NONE));
        has(FINDING_REFUSED, CONF_UPSTREAM_HTTP, "192.168.1.4", "192.168.1.2",
            "192.168.1.4:8123 refuses connections from this machine (192.168.1.2):");
        has(FINDING_REFUSED, CONF_UPSTREAM_HTTP, "192.168.1.4", "192.168.1.2", "listens on port 80.)");
        has(FINDING_SILENT, CONF_UPSTREAM_HTTP, "fd00::4", "fd00::2",
            "[fd00::4]:8123 does not answer this machine (fd00::2):");
        has(FINDING_NO_ROUTE, CONF_UPSTREAM_HTTP, "192.168.1.4", NULL,
            "192.168.1.4:8123 cannot be reached from this machine: what");
        has(FINDING_UNREACHABLE, CONF_UPSTREAM_HTTP, NULL, NULL,
            "http://192.168.1.4:8123 cannot be reached from this machine: what was heard.");
        has(FINDING_NAME, CONF_UPSTREAM_HTTP, NULL, NULL, "what was heard. ");
        has(FINDING_HOME_ASSISTANT, CONF_UPSTREAM_HTTP, "192.168.1.4", "192.168.1.2",
            "add 192.168.1.2 to \"Trusted proxies\"");
        has(FINDING_PROXY, CONF_UPSTREAM_HTTP, "192.168.1.4", "192.168.1.2", "answers 403 to");
        has(FINDING_HOST, CONF_UPSTREAM_HTTP, "192.168.1.4", "192.168.1.2",
            "hagw-ctl host set ha.home.example.com --upstream-host 192.168.1.4:8123");
        has(FINDING_CERTIFICATE, CONF_UPSTREAM_HTTPS, "192.168.1.4", "192.168.1.2",
            "hagw-ctl host set ha.home.example.com --verify ca --ca-file FILE");
        has(FINDING_SPEAKS_TLS, CONF_UPSTREAM_HTTP, "192.168.1.4", "192.168.1.2",
            "host set ha.home.example.com https://192.168.1.4:8123 ");
        has(FINDING_SENDS_BACK, CONF_UPSTREAM_HTTP, NULL, NULL,
            "asks for https://ha.home.example.com/x to just that");
        has(FINDING_PUBLIC_ADDRESS, CONF_UPSTREAM_HTTP, "203.0.113.10", "192.168.1.2",
            "203.0.113.10:8123 is this house's public address: the router is asked there, and not the "
            "service.");
        has(FINDING_SPEAKS_HTTP, CONF_UPSTREAM_HTTPS, "192.168.1.4", "192.168.1.2",
            "host set ha.home.example.com http://192.168.1.4:8123");
}

/* Of a tenant's house, what keeps all visitors of the name out, and nothing else. */
static void test_house(void **state) {
        ProbeResult all[_PROBE_KIND_MAX] = { failed(LINK_FAULT_TLS) };

        expect(CONF_UPSTREAM_TENANT, NULL, all, 1, FINDING_HOUSE_REFUSES);
        all[PROBE_VISITOR] = failed(LINK_FAULT_HOST);
        expect(CONF_UPSTREAM_TENANT, NULL, all, 1, FINDING_HOUSE_NO_HOST);
        expect(CONF_UPSTREAM_TENANT, "*.home.example.com", all, 1, FINDING_NONE);
        all[PROBE_VISITOR] = failed(LINK_FAULT_SILENT);
        expect(CONF_UPSTREAM_TENANT, NULL, all, 1, FINDING_NONE);
        all[PROBE_VISITOR] = answered(403);
        expect(CONF_UPSTREAM_TENANT, NULL, all, 1, FINDING_NONE);
        has(FINDING_HOUSE_NO_HOST, CONF_UPSTREAM_TENANT, NULL, NULL,
            "hagw-ctl host add ha.home.example.com");
        has(FINDING_HOUSE_REFUSES, CONF_UPSTREAM_TENANT, NULL, NULL,
            "opened = \"accept\"; in the group relay");
}

/* That the relay's host is removed is advised where the name then leads to the house all the same. */
static void test_unopened(void **state) {
        static const struct {
                const char *name, *end;
        } rows[] = {
                { "ha.relay.example.com", " there, does." },
                { "annax.relay.example.com", " there, does." },
                { "anna.relay.example.com",
                  "; hagw-ctl host remove anna.relay.example.com lets visitors pass unopened again." },
                { "*.anna.relay.example.com",
                  "; hagw-ctl host remove *.anna.relay.example.com lets visitors pass unopened again." },
                { "ha.example.org",
                  "; hagw-ctl host remove ha.example.org lets visitors pass unopened again, where the name "
                  "is a domain of the tenant's." },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ConfHost host = { .name = (char *) rows[i].name,
                                  .upstream = (char *) "tenant:anna",
                                  .upstream_kind = CONF_UPSTREAM_TENANT,
                                  .upstream_host = (char *) "anna" };
                ProbeResult visitor = failed(LINK_FAULT_TLS);
                char *text;

                assert_int_equal(finding_text(FINDING_HOUSE_REFUSES,
                                              &(FindingFacts) { .host = &host,
                                                                .visitor = &visitor,
                                                                .tenants_zone = "relay.example.com" },
                                              &text), 0);
                assert_non_null(endswith(text, rows[i].end));
                free(text);
        }
}

static void test_circles(void **state) {
        static const struct {
                Led led;
                Finding finding;
        } rows[] = {
                { LED_BACK, FINDING_SENDS_BACK },
                { LED_ROUND, FINDING_SENDS_ROUND },
                { LED_INSIDE, FINDING_SENDS_INSIDE },
        };
        ProbeResult all[_PROBE_KIND_MAX] = {};
        ConfHost host = host_of(CONF_UPSTREAM_HTTP);
        ProbeKind next;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                all[PROBE_VISITOR] = all[PROBE_BROWSER] = answered(301);
                all[PROBE_VISITOR].led = all[PROBE_BROWSER].led = rows[i].led;
                expect(CONF_UPSTREAM_HTTP, NULL, all, 2, rows[i].finding);
                /* A browser gets somewhere. */
                all[PROBE_BROWSER] = answered(200);
                expect(CONF_UPSTREAM_HTTP, NULL, all, 2, FINDING_NONE);
        }
        /* Who is inside gets there. */
        host.access.from = CONF_FROM_LAN;
        assert_int_equal(finding_judge(all, &host, &next), FINDING_NONE);
        all[PROBE_VISITOR] = answered(200);
        expect(CONF_UPSTREAM_HTTP, NULL, all, 1, FINDING_NONE);
        all[PROBE_VISITOR] = failed(LINK_FAULT_TLS);
        all[PROBE_VISITOR].itself = true;
        expect(CONF_UPSTREAM_HTTPS, NULL, all, 1, FINDING_ITSELF);
        all[PROBE_VISITOR] = (ProbeResult) { .asked = true, .connected = true, .itself = true };
        expect(CONF_UPSTREAM_TCP, NULL, all, 1, FINDING_ITSELF);
}

/* Whatever answers at the ports by which visitors come is not the service; at another one it may be. */
static void test_public_address(void **state) {
        static const uint16_t doors[] = { 80, 443 };
        ProbeResult results[_PROBE_KIND_MAX] = {};
        ConfHost host = host_of(CONF_UPSTREAM_HTTP);
        ProbeKind next;

        for (size_t i = 0; i < ELEMENTSOF(doors); i++) {
                host.upstream_port = doors[i];
                results[PROBE_VISITOR] = answered(200);
                assert_int_equal(finding_judge(results, &host, &next), FINDING_NONE);
                results[PROBE_VISITOR].published = true;
                assert_int_equal(finding_judge(results, &host, &next), FINDING_PUBLIC_ADDRESS);
                results[PROBE_VISITOR] = failed(LINK_FAULT_TLS);
                results[PROBE_VISITOR].published = true;
                assert_int_equal(finding_judge(results, &host, &next), FINDING_PUBLIC_ADDRESS);
        }
        host.upstream_port = 8123;
        assert_int_equal(finding_judge(results, &host, &next), FINDING_PUBLIC_ADDRESS);
        results[PROBE_VISITOR] = answered(200);
        results[PROBE_VISITOR].published = true;
        assert_int_equal(finding_judge(results, &host, &next), FINDING_NONE);
}

static void test_ends(void **state) {
        static const Finding good[] = { FINDING_SPEAKS_TLS, FINDING_HOST, FINDING_HOME_ASSISTANT,
                                        FINDING_PROXY };

        assert_int_equal(finding_end(FINDING_REFUSED), FINDING_ENDS_WITH_ANSWER);
        assert_int_equal(finding_end(FINDING_SPEAKS_HTTP), FINDING_ENDS_WITH_ANSWER);
        assert_int_equal(finding_end(FINDING_HOUSE_NO_HOST), FINDING_ENDS_WITH_ANSWER);
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_int_equal(finding_end(good[i]), FINDING_ENDS_WITH_GOOD);
        for (Finding f = FINDING_ITSELF; f <= FINDING_SENDS_INSIDE; f++)
                assert_int_equal(finding_end(f), FINDING_ENDS_WITH_TRIAL);
        assert_true(status_is_good(200) && status_is_good(401) && status_is_good(404));
        assert_false(status_is_good(400) || status_is_good(403) || status_is_good(421));
        assert_false(status_is_good(502));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answers), cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_circles), cmocka_unit_test(test_public_address),
                cmocka_unit_test(test_schemes), cmocka_unit_test(test_faults),
                cmocka_unit_test(test_texts),   cmocka_unit_test(test_house),
                cmocka_unit_test(test_unopened), cmocka_unit_test(test_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
