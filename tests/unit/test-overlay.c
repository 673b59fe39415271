/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-dnsd/overlay.h"
#include "tests/unit/steps.h"

#define NAME ((const uint8_t *) "\1a\1b"), 5
#define BELOW ((const uint8_t *) "\1x\1a\1b"), 7

static unsigned count(const Overlay *o, const uint8_t *name, size_t size) {
        OverlayValues values = overlay_find(o, name, size);
        unsigned n = 0;

        while (overlay_next(o, &values))
                n++;
        return n;
}

static void test_publish(void **state) {
        _cleanup_(overlay_freep) Overlay *o = overlay_new();

        assert_int_equal(count(o, NAME), 0);
        assert_true(overlay_next_expiry(o) == USEC_INFINITY);
        assert_int_equal(overlay_publish(o, NAME, "one", "me", 10), 1);
        assert_int_equal(overlay_publish(o, NAME, "two", "me", 20), 1);
        assert_int_equal(overlay_publish(o, NAME, "one", "me", 30), 0);
        assert_int_equal(o->n, 2);
        assert_true(overlay_next_expiry(o) == 20);
        /* Another owner's same value is an entry, but no second record. */
        assert_int_equal(overlay_publish(o, NAME, "one", "you", 30), 0);
        assert_int_equal(o->n, 3);
        assert_int_equal(count(o, NAME), 2);
        assert_int_equal(count(o, BELOW), 0);
        assert_true(overlay_has_below(o, NAME));
        assert_true(overlay_has_below(o, (const uint8_t *) "\1b", 3));
        assert_false(overlay_has_below(o, BELOW));
        assert_int_equal(overlay_withdraw(o, NAME, "one", "me"), 1);
        assert_int_equal(count(o, NAME), 2);
        assert_int_equal(overlay_withdraw(o, NAME, NULL, "me"), 1);
        assert_int_equal(overlay_withdraw(o, NAME, NULL, "me"), 0);
        assert_int_equal(count(o, NAME), 1);
}

static void note(const OverlayText *t, void *userdata) {
        strcat(userdata, t->value);
}

static void test_expire(void **state) {
        _cleanup_(overlay_freep) Overlay *o = overlay_new();
        char noted[64] = "";

        assert_int_equal(overlay_publish(o, NAME, "late", "me", 30), 1);
        assert_int_equal(overlay_publish(o, NAME, "early", "me", 10), 1);
        assert_int_equal(overlay_publish(o, BELOW, "next", "me", 20), 1);
        assert_int_equal(overlay_expire(o, 9, note, noted), 0);
        assert_int_equal(overlay_expire(o, 20, note, noted), 2);
        assert_string_equal(noted, "earlynext");
        assert_int_equal(count(o, NAME), 1);
        assert_int_equal(count(o, BELOW), 0);
}

static void test_refused(void **state) {
        static const char *const bad[] = { "", "tab\there", "\x7f", "\xc3\xa4" };
        _cleanup_(overlay_freep) Overlay *o = overlay_new();
        char text[OVERLAY_VALUE_MAX + 2] = "";

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(overlay_publish(o, NAME, bad[i], "me", 1), -EINVAL);
                assert_int_equal(overlay_publish(o, NAME, "value", bad[i], 1), -EINVAL);
        }
        memset(text, 'x', OVERLAY_VALUE_MAX + 1);
        assert_int_equal(overlay_publish(o, NAME, text, "me", 1), -EINVAL);
        assert_int_equal(overlay_publish(o, NAME, text + 1, "me", 1), 1);
        assert_int_equal(overlay_publish(o, NAME, "v", text + OVERLAY_VALUE_MAX - OVERLAY_OWNER_MAX, 1),
                         -EINVAL);
}

static void test_full(void **state) {
        _cleanup_(overlay_freep) Overlay *o = overlay_new();
        char value[16];

        for (unsigned i = 0; i < OVERLAY_PER_NAME_MAX; i++) {
                snprintf(value, sizeof(value), "%u", i);
                assert_int_equal(overlay_publish(o, NAME, value, "me", 1), 1);
        }
        assert_int_equal(overlay_publish(o, NAME, "more", "me", 1), -EDQUOT);
        for (unsigned i = OVERLAY_PER_NAME_MAX; i < OVERLAY_TOTAL_MAX; i++) {
                uint8_t name[] = { 2, (uint8_t) (i / 16), (uint8_t) i, 0 };
                assert_int_equal(overlay_publish(o, name, sizeof(name), "v", "me", 1), 1);
        }
        assert_int_equal(overlay_publish(o, BELOW, "v", "me", 1), -ENOSPC);
        assert_int_equal(overlay_publish(o, NAME, "0", "me", 2), 0); /* moving an end needs no room */
}

static void publish_numbered(Overlay *o, unsigned i, uint64_t end) {
        char text[64];
        uint8_t name[DNAME_MAX];
        int size;

        snprintf(text, sizeof(text), "_acme-challenge.h%u.a.test", i);
        size = dname_from_text(text, name);
        assert_true(size > 0);
        assert_int_equal(overlay_publish(o, name, (size_t) size, "v", "me", end), 1);
}

/* Ends in any order, moved and taken back in between: what is left is always told the earliest first. */
static void test_ends(void **state) {
        _cleanup_(overlay_freep) Overlay *o = overlay_new();
        uint64_t before = 0;

        for (unsigned i = 0; i < 200; i++)
                publish_numbered(o, i, 1000 + i * 7919 % 997);
        for (unsigned i = 0; i < 200; i += 3) {
                char text[64];
                uint8_t name[DNAME_MAX];

                snprintf(text, sizeof(text), "_acme-challenge.h%u.a.test", i);
                const int size = dname_from_text(text, name);
                if (i % 2 == 0)
                        assert_int_equal(overlay_withdraw(o, name, (size_t) size, NULL, "me"), 1);
                else
                        assert_int_equal(overlay_publish(o, name, (size_t) size, "v", "me", 1 + i * 13 % 89),
                                         0);
        }
        assert_int_equal(o->n, 200 - 34);
        for (size_t left = o->n; left > 0;) {
                const uint64_t next = overlay_next_expiry(o);
                const unsigned n = overlay_expire(o, next, NULL, NULL);

                assert_true(next > before);
                assert_true(n > 0);
                before = next;
                left -= n;
                assert_int_equal(o->n, left);
        }
        assert_true(overlay_next_expiry(o) == USEC_INFINITY);
}

/* Neighbours in the order of their octets are no relatives: a name below is one by whole labels. */
static void test_below(void **state) {
        static const char *const names[] = { "_acme-challenge.ha.test", "b.test", "ha.test2", "x.ha2.test" };
        static const struct {
                const char *name;
                bool below;
        } cases[] = {
                { "test", true },
                { "ha.test", true },
                { "ha2.test", true },
                { "test2", true },
                { ".", true },
                { "b.test", true },
                { "a.test", false },
                { "h.test", false },
                { "ha.b.test", false },
                { "acme-challenge.ha.test", false },
                { "tes", false },
                { "x.ha.test", false },
                { "zz", false },
                { "x.x.ha2.test", false },
                { "2.test", false },
        };
        _cleanup_(overlay_freep) Overlay *o = overlay_new();
        uint8_t name[DNAME_MAX];

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const int size = dname_from_text(names[i], name);
                assert_int_equal(overlay_publish(o, name, (size_t) size, "v", "me", 1), 1);
        }
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const int size = dname_from_text(cases[i].name, name);
                if (overlay_has_below(o, name, (size_t) size) != cases[i].below)
                        fail_msg("%s", cases[i].name);
        }
}

typedef struct Look {
        Overlay *o;
        uint8_t name[DNAME_MAX];
        size_t size;
} Look;

static void look(void *argument) {
        const Look *l = argument;
        OverlayValues values = overlay_find(l->o, l->name, l->size);

        while (overlay_next(l->o, &values))
                ;
        (void) overlay_has_below(l->o, l->name, l->size);
}

static uint64_t steps_to_find(const char *text, unsigned n) {
        _cleanup_(overlay_freep) Overlay *o = overlay_new();
        Look l = { .o = o, };
        int size;

        for (unsigned i = 0; i < n; i++)
                publish_numbered(o, i, i);
        size = dname_from_text(text, l.name);
        assert_true(size > 0);
        l.size = (size_t) size;
        return steps_count(look, &l);
}

/* Ten times as many texts make a look longer by a few comparisons, wherever the name would stand. */
static void test_growth(void **state) {
        static const char *const names[] = { "_acme-challenge.h7.a.test", "_acme-challenge.hx.a.test",
                                             "nobody.a.test", "0.test", "zz.test" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const uint64_t few = steps_to_find(names[i], 400), many = steps_to_find(names[i], 4000);

                if (few == 0)
                        skip();
                if (many > few + few / 2)
                        fail_msg("%s: %llu steps, then %llu", names[i], (unsigned long long) few,
                                 (unsigned long long) many);
        }
}

TEST_MAIN(cmocka_unit_test(test_publish), cmocka_unit_test(test_expire), cmocka_unit_test(test_refused),
          cmocka_unit_test(test_full), cmocka_unit_test(test_ends), cmocka_unit_test(test_below),
          cmocka_unit_test(test_growth))
