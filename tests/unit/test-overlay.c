/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-dnsd/overlay.h"
#include "tests/unit/test.h"

#define NAME ((const uint8_t *) "\1a\1b"), 5
#define BELOW ((const uint8_t *) "\1x\1a\1b"), 7

static unsigned count(const Overlay *o, const uint8_t *name, size_t size) {
        size_t position = 0;
        unsigned n = 0;

        while (overlay_next(o, name, size, &position))
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

TEST_MAIN(cmocka_unit_test(test_publish), cmocka_unit_test(test_expire), cmocka_unit_test(test_refused),
          cmocka_unit_test(test_full))
