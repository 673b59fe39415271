/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-proxyd/wire/route.h"
#include "tests/unit/test.h"

static char *list[] = { (char *) "/a", (char *) "/b", NULL };

static ConfHost host(const char *name) {
        return (ConfHost) {
                .name = (char *) name,
                .upstream = (char *) "http://192.168.1.4:8123",
                .upstream_host = (char *) "192.168.1.4",
                .upstream_port = 8123,
                .access = { .open_paths = list },
        };
}

static RouteTable *make(ConfHost *hosts, size_t n) {
        Config c = { .hosts = hosts, .n_hosts = n };
        RouteTable *t;

        assert_int_equal(route_table_new(&t, &c), 0);
        return t;
}

static void assert_found(const RouteTable *t, const char *name, const char *expected) {
        const Route *r = route_find(t, name);

        if (expected) {
                assert_non_null(r);
                assert_string_equal(r->host.name, expected);
        } else
                assert_null(r);
}

static void test_find(void **state) {
        ConfHost hosts[] = { host("*.home.example.com"), host("ha.home.example.com"),
                             host("home.example.com"), host("*.ha.home.example.com") };
        _cleanup_(route_table_unrefp) RouteTable *t = make(hosts, ELEMENTSOF(hosts));

        assert_found(t, "ha.home.example.com", "ha.home.example.com");
        assert_found(t, "other.home.example.com", "*.home.example.com");
        assert_found(t, "home.example.com", "home.example.com");
        assert_found(t, "a.b.home.example.com", NULL);
        assert_found(t, "a.ha.home.example.com", "*.ha.home.example.com");
        assert_found(t, "*.home.example.com",
                     "*.home.example.com"); /* cannot be asked: "*" is in no normalized name */
        assert_found(t, "example.com", NULL);
        assert_found(t, "com", NULL);
        assert_found(t, "", NULL);
        assert_found(t, ".home.example.com", NULL);
        assert_found(t, "xhome.example.com", NULL);
        assert_int_equal(route_find(t, "home.example.com")->index, 2);
        assert_true(route_find(t, "x.home.example.com")->wildcard);
}

/* The table keeps nothing of the configuration's memory. */
static void test_copies(void **state) {
        ConfHost h[1] = { host("a.example") };
        RouteTable *t, *second;
        char name[] = "b.example", path[] = "/c", *paths[] = { path, NULL };
        const Route *r;

        h[0].name = name;
        h[0].access.open_paths = paths;
        t = make(h, 1);
        memset(name, 'x', sizeof(name) - 1);
        path[1] = 'x';
        paths[0] = NULL;
        second = route_table_ref(t);
        assert_null(route_table_unref(t));
        r = route_find(second, "b.example");
        assert_non_null(r);
        assert_string_equal(r->host.access.open_paths[0], "/c");
        assert_null(r->host.access.open_paths[1]);
        assert_null(r->host.access.users);
        assert_int_equal(r->upstream_authority.n, strlen("192.168.1.4:8123"));
        assert_memory_equal(r->upstream_authority.p, "192.168.1.4:8123", r->upstream_authority.n);
        assert_null(route_table_unref(second));
        assert_null(route_table_unref(NULL));
}

static void test_many(void **state) {
        static ConfHost hosts[CONF_HOSTS_MAX];
        static char names[CONF_HOSTS_MAX][48];
        _cleanup_(route_table_unrefp) RouteTable *t = NULL;

        for (size_t i = 0; i < CONF_HOSTS_MAX; i++) {
                snprintf(names[i], sizeof(names[i]), i % 2 ? "h%zu.example" : "*.w%zu.example", i);
                hosts[i] = host(names[i]);
        }
        t = make(hosts, CONF_HOSTS_MAX);
        for (size_t i = 0; i < CONF_HOSTS_MAX; i++) {
                char name[64];

                snprintf(name, sizeof(name), "%s%s", i % 2 ? "" : "x", names[i] + !(i % 2));
                assert_found(t, name, names[i]);
        }
        assert_found(t, "h0.example", NULL);
}

static void test_empty(void **state) {
        _cleanup_(route_table_unrefp) RouteTable *t = make(NULL, 0);

        assert_found(t, "a.example", NULL);
}

static void test_admits(void **state) {
        ConfHost h[] = { host("a.example"), host("b.example") };
        _cleanup_(route_table_unrefp) RouteTable *t = NULL;

        h[1].access.from = CONF_FROM_LAN;
        t = make(h, 2);
        assert_true(route_admits(&t->routes[0], /* inside= */ false));
        assert_true(route_admits(&t->routes[1], /* inside= */ true));
        assert_false(route_admits(&t->routes[1], /* inside= */ false));
}

static void test_authority(void **state) {
        ConfHost h[] = { host("a.example"), host("b.example"), host("c.example"), host("d.example") };
        _cleanup_(route_table_unrefp) RouteTable *t = NULL;

        h[0].upstream_host = (char *) "fd00::1";
        h[1].upstream_kind = CONF_UPSTREAM_UNIX;
        h[2].upstream_port = 80;
        h[3].upstream_kind = CONF_UPSTREAM_HTTPS;
        h[3].upstream_port = 443;
        t = make(h, 4);
        assert_true(slice_equal(t->routes[2].upstream_authority, SLICE("192.168.1.4")));
        assert_true(slice_equal(t->routes[3].upstream_authority, SLICE("192.168.1.4")));
        assert_true(slice_equal(t->routes[0].upstream_authority, SLICE("[fd00::1]:8123")));
        assert_true(slice_equal(t->routes[1].upstream_authority, SLICE("localhost")));
}

TEST_MAIN(cmocka_unit_test(test_find), cmocka_unit_test(test_copies), cmocka_unit_test(test_many),
          cmocka_unit_test(test_empty), cmocka_unit_test(test_admits), cmocka_unit_test(test_authority))
