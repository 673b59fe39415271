/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-dnsd/caa.h"
#include "hagw-dnsd/names.h"
#include "libhagw/pure/hostname.h"
#include "tests/unit/steps.h"

#define S(s) ((char *) (s))

static ConfZone zones[] = {
        { .name = S("relay.test"), .name_server = S("ns.relay.test") },
        { .name = S("home.test"), .name_server = S("ns2.relay.test") },
        { .name = S("in.home.test"), .name_server = S("ns.far.test") },
        { .name = S("deep.in.home.test"), .name_server = S("ns.far.test") },
};
static ConfHost hosts[] = {
        { .name = S("z.home.test"), .upstream_kind = CONF_UPSTREAM_HTTP },
        { .name = S("*.in.home.test"), .upstream_kind = CONF_UPSTREAM_HTTP },
        { .name = S("a.home.test"), .upstream_kind = CONF_UPSTREAM_HTTP },
        { .name = S("elsewhere.test"), .upstream_kind = CONF_UPSTREAM_HTTP },
        { .name = S("x.deep.relay.test"), .upstream_kind = CONF_UPSTREAM_HTTP },
        { .name = S("x.anna.relay.test"), .upstream_kind = CONF_UPSTREAM_TENANT },
};
static const Config config = {
        .zones = zones, .n_zones = ELEMENTSOF(zones), .hosts = hosts, .n_hosts = ELEMENTSOF(hosts),
        .tenants = { .zone = S("relay.test"), .name = S("door.relay.test") },
};

static void test_find(void **state) {
        _cleanup_(names_freep) Names *n = NULL;
        char long_name[HOSTNAME_MAX + 1] = "";

        assert_int_equal(names_new(&config, &n), 0);
        assert_ptr_equal(names_zone(n, "home.test"), &zones[1]);
        assert_null(names_zone(n, "a.home.test"));
        assert_ptr_equal(names_zone_of(n, "x.y.in.home.test"), &zones[2]);
        assert_ptr_equal(names_zone_of(n, "deep.in.home.test"), &zones[3]);
        assert_ptr_equal(names_zone_of(n, "inhome.home.test"), &zones[1]);
        assert_null(names_zone_of(n, "test"));
        assert_ptr_equal(names_host(n, "z.home.test"), &hosts[0]);
        assert_null(names_host(n, "b.home.test"));
        assert_ptr_equal(names_pattern(n, "in.home.test"), &hosts[1]);
        assert_null(names_pattern(n, "home.test"));
        memset(long_name, 'a', HOSTNAME_MAX);
        assert_null(names_pattern(n, long_name));
        assert_null(names_pattern(n, long_name + 2));
        assert_string_equal(names_child("a.b.relay.test", "relay.test"), "b.relay.test");
        assert_null(names_child("relay.test", "relay.test"));
        assert_null(names_child("arelay.test", "relay.test"));
}

static void test_own(void **state) {
        static const char *const own[] = { "door.relay.test", "ns.relay.test", "ns2.relay.test",
                                           "deep.relay.test" };
        _cleanup_(names_freep) Names *n = NULL, *gateway = NULL;
        const Config c = { .zones = zones, .n_zones = 1 };

        assert_int_equal(names_new(&config, &n), 0);
        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                assert_true(names_is_own(n, own[i]));
        assert_false(names_is_own(n, "anna.relay.test"));
        assert_int_equal(names_new(&c, &gateway), 0);
        assert_false(names_is_own(gateway, "ns.relay.test"));
}

static void assert_members(const Names *n, const ConfZone *zone, const char *expected) {
        const ZoneMember *m;
        char text[256] = "";
        size_t k;

        m = names_members(n, zone, &k);
        for (size_t i = 0; i < k; i++) {
                assert_ptr_equal(m[i].zone, zone);
                strcat(strcat(text, m[i].host ? " " : " /"), m[i].name);
        }
        assert_string_equal(text, expected);
}

static void test_members(void **state) {
        _cleanup_(names_freep) Names *n = NULL;

        assert_int_equal(names_new(&config, &n), 0);
        assert_members(n, &zones[0], " x.anna.relay.test x.deep.relay.test");
        assert_members(n, &zones[1], " a.home.test z.home.test /deep.in.home.test /in.home.test");
        assert_members(n, &zones[2], " *.in.home.test /deep.in.home.test");
        assert_members(n, &zones[3], "");
}

/* --- growth -------------------------------------------------------------------------------------------- */

typedef struct World {
        ConfZone zones[CONF_ZONES_MAX];
        ConfHost hosts[CONF_HOSTS_MAX];
        char texts[CONF_ZONES_MAX + CONF_HOSTS_MAX][64];
        Config config;
        Names *names;
} World;

/* Each tenth host passes its visitors on unopened. */
static World *world_new(size_t n_zones, size_t n_hosts) {
        World *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        for (size_t i = 0; i < n_zones; i++) {
                snprintf(w->texts[i], sizeof(w->texts[i]), "z%zu.test", i * 7 % n_zones);
                w->zones[i] = (ConfZone) { .name = w->texts[i], .name_server = S("ns.test") };
        }
        for (size_t i = 0; i < n_hosts; i++) {
                char *text = w->texts[CONF_ZONES_MAX + i];

                snprintf(text, sizeof(w->texts[0]), "h%zu.z%zu.test", i * 7 % n_hosts, i % n_zones);
                w->hosts[i] = (ConfHost) { .name = text, .upstream_kind = i % 10 == 0 ? CONF_UPSTREAM_TCP :
                                                                                      CONF_UPSTREAM_HTTP };
        }
        w->config = (Config) {
                .zones = w->zones, .n_zones = n_zones, .hosts = w->hosts, .n_hosts = n_hosts,
        };
        return w;
}

static World *world_free(World *w) {
        names_free(w->names);
        free(w);
        return NULL;
}
DEFINE_TRIVIAL_CLEANUP_FUNC(World *, world_free)

/* What a reload does with names. */
static void reload(void *argument) {
        World *w = argument;
        volatile uint64_t hash = 0;

        (void) names_new(&w->config, &w->names);
        for (size_t i = 0; i < w->config.n_zones; i++)
                hash = hash + caa_hash(w->names, &w->zones[i]) +
                       (uintptr_t) names_zone_of(w->names, w->zones[i].name_server);
}

static uint64_t steps_to_reload(size_t n_zones, size_t n_hosts) {
        _cleanup_(world_freep) World *w = world_new(n_zones, n_hosts);

        return steps_count(reload, w);
}

/* Ten times as many hosts in ten times as many zones: ten times the work, and what sorting adds. */
static void test_reload_growth(void **state) {
        const uint64_t few = steps_to_reload(1, 8), many = steps_to_reload(10, 80);

        if (few == 0)
                skip();
        if (many > 20 * few)
                fail_msg("%llu steps, then %llu", (unsigned long long) few, (unsigned long long) many);
}

static void no_record(const char *tag, const char *value, void *userdata) {}

static void ask_caa(void *argument) {
        World *w = argument;
        const CaaOurs ours = { .knowledge = CAA_KNOWN };

        (void) caa_find(&(CaaSource) { .names = w->names, .ours = &ours }, "z1.test", "x.nobody.z1.test",
                        no_record, NULL);
}

static uint64_t steps_to_ask(size_t n_hosts) {
        _cleanup_(world_freep) World *w = world_new(2, n_hosts);

        assert_int_equal(names_new(&w->config, &w->names), 0);
        return steps_count(ask_caa, w);
}

/* A stranger's question about authorities costs a few comparisons more among ten times as many hosts. */
static void test_caa_growth(void **state) {
        const uint64_t few = steps_to_ask(100), many = steps_to_ask(1000);

        if (few == 0)
                skip();
        if (many > 2 * few)
                fail_msg("%llu steps, then %llu", (unsigned long long) few, (unsigned long long) many);
}

TEST_MAIN(cmocka_unit_test(test_find), cmocka_unit_test(test_own), cmocka_unit_test(test_members),
          cmocka_unit_test(test_reload_growth), cmocka_unit_test(test_caa_growth))
