/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A small world to answer from, for test-answer.c and fuzz-dns.c: home.test with any name, CAA records and a
 * tenant with two accounts, hosts.test with few names, two TXT values, an IPv4 address and an IPv6 address
 * that is not known yet. */

#include "hagw-dnsd/answer.h"
#include "hagw-dnsd/rr.h"

static inline void fixture_init(AnswerSource *s) {
        static const char *const hosts[] = { "ha.hosts.test", "*.apps.hosts.test" };
        static char *issuers[] = { (char *) "ca.test", (char *) "ours", NULL };
        static ConfZone zones[] = {
                { .name = (char *) "home.test", .name_server = (char *) "ns.home.test",
                  .caa_issuers = issuers },
                { .name = (char *) "hosts.test", .name_server = (char *) "ns.home.test" },
        };
        static ConfHost conf_hosts[] = {
                { .name = (char *) "passes.home.test", .upstream_kind = CONF_UPSTREAM_TCP },
                { .name = (char *) "ha.anna.home.test", .upstream_kind = CONF_UPSTREAM_TENANT },
        };
        static const Config config = { .zones = zones, .n_zones = ELEMENTSOF(zones), .hosts = conf_hosts,
                                       .n_hosts = ELEMENTSOF(conf_hosts),
                                       .tenants.zone = (char *) "home.test" };
        static const AccountLine lines[] = { { "ca.test", "https://ca.test/1" },
                                             { "ca.test", "https://ca.test/2" } };
        static const uint8_t challenge[] = "\17_acme-challenge\4home\4test";
        static const uint8_t secret[SIPHASH_KEY_SIZE] = "fifteen letters";
        ZoneDescription d = { .name = "home.test",
                              .name_server = "ns.home.test",
                              .ttl_sec = 60,
                              .caa_ttl_sec = 60,
                              .any = true,
                              .ipv4 = { ADDRESS_KNOWN, { AF_INET, { 192, 0, 2, 1 } } },
                              .serves_name_server = true };

        *s = (AnswerSource) { .n_zones = 2,
                              .ours = { CAA_KNOWN, 1, { "ours.test; accounturi=https://ours.test/1" } },
                              .overlay = overlay_new(),
                              .rrl = rrl_new(0, secret),
                              .zones = calloc(2, sizeof(Zone *)) };
        memcpy(s->cookie_secret, secret, sizeof(secret));
        assert(zone_new(&d, &s->zones[0]) == 0);
        d.name = "hosts.test";
        d.any = false;
        d.hosts = hosts;
        d.n_hosts = ELEMENTSOF(hosts);
        assert(zone_new(&d, &s->zones[1]) == 0);
        for (size_t i = 0; i < s->n_zones; i++)
                zone_set_serial(s->zones[i], 42);
        qsort(s->zones, s->n_zones, sizeof(Zone *), zone_compare);
        assert(names_new(&config, &s->names) == 0);
        s->accounts = accounts_new();
        assert(s->accounts);
        assert(accounts_set(s->accounts, "anna", lines, ELEMENTSOF(lines)) == 0);
        assert(overlay_publish(s->overlay, challenge, sizeof(challenge), "one", "test", UINT64_MAX) == 1);
        assert(overlay_publish(s->overlay, challenge, sizeof(challenge), "two", "test", UINT64_MAX) == 1);
}

static inline void fixture_done(AnswerSource *s) {
        for (size_t i = 0; i < s->n_zones; i++)
                zone_free(s->zones[i]);
        free(s->zones);
        names_free(s->names);
        overlay_free(s->overlay);
        accounts_free(s->accounts);
        rrl_free(s->rrl);
}
