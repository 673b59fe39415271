/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-dnsd/zone.h"
#include "tests/unit/steps.h"

static const char *const hosts[] = { "ha.z", "a.b.z", "*.apps.z", "fixed.apps.z" };
static const char *const children[] = { "child.z" };

static ZoneDescription description(bool any) {
        return (ZoneDescription) { .name = "z",
                                   .name_server = "ns.z",
                                   .ttl_sec = 60,
                                   .any = any,
                                   .hosts = hosts,
                                   .n_hosts = ELEMENTSOF(hosts),
                                   .children = children,
                                   .n_children = 1,
                                   .ipv4 = { ADDRESS_KNOWN, { AF_INET, { 192, 0, 2, 1 } } },
                                   .serves_name_server = true };
}

static Zone *make(const ZoneDescription *d) {
        Zone *z;

        assert_int_equal(zone_new(d, &z), 0);
        return z;
}

static ZoneMatch find(const Zone *z, const char *text) {
        uint8_t name[DNAME_MAX];
        int n = dname_from_text(text, name);

        assert_true(n > 0);
        return zone_find(z, name, (size_t) n);
}

static void test_hosts(void **state) {
        static const struct {
                const char *name;
                ZoneMatch match;
        } cases[] = {
                { "z", ZONE_MATCH_APEX },
                { "ha.z", ZONE_MATCH_HOST },
                { "ns.z", ZONE_MATCH_HOST },
                { "x.z", ZONE_MATCH_NONE },
                { "x.ha.z", ZONE_MATCH_NONE },
                { "b.z", ZONE_MATCH_EMPTY },
                { "a.b.z", ZONE_MATCH_HOST },
                { "c.b.z", ZONE_MATCH_NONE },
                { "x.a.b.z", ZONE_MATCH_NONE },
                { "apps.z", ZONE_MATCH_EMPTY },
                { "x.apps.z", ZONE_MATCH_HOST },
                { "y.x.apps.z", ZONE_MATCH_HOST },
                { "*.apps.z", ZONE_MATCH_HOST },
                { "_x.apps.z", ZONE_MATCH_EMPTY },
                { "fixed.apps.z", ZONE_MATCH_HOST },
                /* RFC 4592 section 2.2.1: what exists blocks the wildcard above it. */
                { "x.fixed.apps.z", ZONE_MATCH_NONE },
                { "child.z", ZONE_MATCH_EMPTY },
                { "a.a.a.a.a.a.a.a.a.a.a.a.z", ZONE_MATCH_NONE },
        };
        const ZoneDescription d = description(false);
        _cleanup_(zone_freep) Zone *z = make(&d);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(find(z, cases[i].name), cases[i].match);
}

static void test_any(void **state) {
        const ZoneDescription d = description(true);
        _cleanup_(zone_freep) Zone *z = make(&d);

        assert_int_equal(find(z, "z"), ZONE_MATCH_APEX);
        assert_int_equal(find(z, "x.y.z"), ZONE_MATCH_HOST);
        assert_int_equal(find(z, "_acme-challenge.z"), ZONE_MATCH_EMPTY);
        assert_int_equal(find(z, "_acme-challenge.x.z"), ZONE_MATCH_EMPTY);
}

/* The hash follows what is answered, whatever the order of the hosts. */
static void test_hash(void **state) {
        static const char *const turned[] = { "fixed.apps.z", "*.apps.z", "a.b.z", "ha.z" };
        ZoneDescription d = description(false);
        _cleanup_(zone_freep) Zone *z = make(&d), *same = NULL, *other = NULL, *fewer = NULL;

        zone_set_serial(z, 7);
        d.hosts = turned;
        same = make(&d);
        assert_true(z->hash == same->hash);
        d.n_hosts--;
        fewer = make(&d);
        assert_true(z->hash != fewer->hash);
        d = description(false);
        d.ipv4.address.bytes[3] = 2;
        other = make(&d);
        assert_true(z->hash != other->hash);
}

static void test_serial(void **state) {
        const ZoneDescription d = description(true);
        _cleanup_(zone_freep) Zone *z = make(&d);
        const ZoneRecords *soa = &z->records[ZONE_SOA];

        zone_set_serial(z, 0x01020304);
        assert_memory_equal(soa->data + soa->size - 20, "\1\2\3\4", 4);
}

static void test_bad(void **state) {
        static const char *const contacts[] = { "nobody", "@z", "a@b..c" };
        ZoneDescription d = description(true);
        char local[70] = "";
        Zone *z;

        for (size_t i = 0; i < ELEMENTSOF(contacts); i++) {
                d.contact = contacts[i];
                assert_int_equal(zone_new(&d, &z), -EINVAL);
        }
        memset(local, 'a', 64);
        strcat(local, "@z");
        d.contact = local;
        assert_int_equal(zone_new(&d, &z), -EINVAL);
        d.contact = "first.last@mail.example";
        _cleanup_(zone_freep) Zone *good = make(&d);
        d = description(false);
        d.n_hosts = ZONE_NODES_MAX;
        assert_int_equal(zone_new(&d, &z), -E2BIG);
}

static void test_find_for(void **state) {
        ZoneDescription d = description(true);
        _cleanup_(zone_freep) Zone *outer = make(&d), *inner = NULL;
        Zone *zones[2];

        d.name = "in.z";
        inner = make(&d);
        zones[0] = outer;
        zones[1] = inner;
        qsort(zones, 2, sizeof(Zone *), zone_compare);
        assert_ptr_equal(zones[0], inner);
        assert_ptr_equal(zone_find_named(zones, 2, (const uint8_t *) "\2in\1z", 6), inner);
        assert_ptr_equal(zone_find_named(zones, 2, (const uint8_t *) "\1z", 3), outer);
        assert_null(zone_find_named(zones, 2, (const uint8_t *) "\2an\1z", 6));
        assert_ptr_equal(zone_find_for(zones, 2, (const uint8_t *) "\1x\2in\1z", 8, false), inner);
        assert_ptr_equal(zone_find_for(zones, 2, (const uint8_t *) "\2in\1z", 6, false), inner);
        assert_ptr_equal(zone_find_for(zones, 2, (const uint8_t *) "\2in\1z", 6, true), outer);
        assert_ptr_equal(zone_find_for(zones, 2, (const uint8_t *) "\1x\2in\1z", 8, true), inner);
        assert_ptr_equal(zone_find_for(zones, 2, (const uint8_t *) "\1z", 3, true), outer);
        assert_null(zone_find_for(zones, 2, (const uint8_t *) "\1y", 3, false));
}

typedef struct World {
        Zone *zones[64];
        size_t n;
        uint8_t name[DNAME_MAX];
        size_t size;
} World;

static void find_zone(void *argument) {
        const World *w = argument;

        (void) zone_find_for(w->zones, w->n, w->name, w->size, false);
}

static uint64_t steps_to_find(size_t n, const char *name) {
        World w = { .n = n, .size = (size_t) dname_from_text(name, w.name) };
        ZoneDescription d = description(true);
        uint64_t steps;

        for (size_t i = 0; i < n; i++) {
                char text[32];

                snprintf(text, sizeof(text), "home%02zu.test", i);
                d.name = text;
                w.zones[i] = make(&d);
        }
        qsort(w.zones, n, sizeof(Zone *), zone_compare);
        steps = steps_count(find_zone, &w);
        for (size_t i = 0; i < n; i++)
                zone_free(w.zones[i]);
        return steps;
}

/* Where a question goes to is found by halves: names of ours, of others, and of many labels. */
static void test_growth(void **state) {
        static const char *const names[] = {
                "ha.home00.test", "ha.home05.test", "nobody.test",
                "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.test",
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const uint64_t few = steps_to_find(6, names[i]), many = steps_to_find(60, names[i]);

                if (few == 0)
                        skip();
                if (many > 2 * few)
                        fail_msg("%s: %llu steps, then %llu", names[i], (unsigned long long) few,
                                 (unsigned long long) many);
        }
}

TEST_MAIN(cmocka_unit_test(test_hosts), cmocka_unit_test(test_any), cmocka_unit_test(test_hash),
          cmocka_unit_test(test_serial), cmocka_unit_test(test_bad), cmocka_unit_test(test_find_for),
          cmocka_unit_test(test_growth))
