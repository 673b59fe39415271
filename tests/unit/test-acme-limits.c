/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-acmed/limits.h"
#include "hagw-acmed/schedule.h"
#include "tests/unit/test.h"

#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY
#define NOW (1000 * DAY)

static char *const house[] = { (char *) "a", (char *) "*.a", NULL };
static char *const turned[] = { (char *) "*.a", (char *) "a", NULL };
static char *const alone[] = { (char *) "a", NULL };

/* To names in any order, an account and a directory; and none of them for another. */
static void test_whose(void **state) {
        Limits l = {};

        assert_int_equal(limits_get(&l, "d", "me", house), 0);
        assert_int_equal(limits_set(&l, "d", "me", house, NOW + HOUR, NOW), 1);
        assert_int_equal(limits_get(&l, "d", "me", turned), NOW + HOUR);
        assert_int_equal(limits_get(&l, "d", "me", alone), 0);
        assert_int_equal(limits_get(&l, "d", "you", house), 0);
        assert_int_equal(limits_get(&l, "d", NULL, house), 0);
        assert_int_equal(limits_get(&l, "e", "me", house), 0);
        assert_int_equal(limits_get(&l, NULL, "me", house), 0);
        assert_int_equal(limits_set(&l, "d", NULL, house, NOW + 2 * HOUR, NOW), 1);
        assert_int_equal(limits_get(&l, "d", NULL, house), NOW + 2 * HOUR);
        assert_int_equal(limits_set(&l, "d", "me", turned, NOW + 3 * HOUR, NOW), 1);
        assert_int_equal(limits_get(&l, "d", "me", house), NOW + 3 * HOUR);
        assert_int_equal(l.n, 2);
        limits_done(&l);
}

static void test_end(void **state) {
        Limits l = {};

        assert_int_equal(limits_set(&l, "d", "me", house, 0, NOW), 0);
        assert_int_equal(limits_set(&l, "d", "me", house, NOW + HOUR, NOW), 1);
        assert_int_equal(limits_set(&l, "d", "me", alone, NOW + 3 * HOUR, NOW), 1);
        assert_int_equal(limits_set(&l, "d", "me", house, 0, NOW), 1);
        assert_int_equal(limits_get(&l, "d", "me", house), 0);
        assert_int_equal(l.n, 1);
        /* What is over goes with whatever else is said. */
        assert_int_equal(limits_set(&l, "e", "me", house, 0, NOW + 3 * HOUR), 1);
        assert_int_equal(l.n, 0);
        limits_done(&l);
}

/* Noted by a clock that was three years ahead. */
static void test_clamp(void **state) {
        Limits l = {};

        assert_int_equal(limits_set(&l, "d", "me", house, NOW + 1000 * DAY, NOW), 1);
        assert_int_equal(limits_set(&l, "d", "me", alone, NOW + HOUR, NOW), 1);
        limits_clamp(&l, NOW);
        assert_int_equal(limits_get(&l, "d", "me", house), NOW + SCHEDULE_LIMIT_MAX_USEC);
        assert_int_equal(limits_get(&l, "d", "me", alone), NOW + HOUR);
        limits_done(&l);
}

/* The one that ends first goes first. */
static void test_full(void **state) {
        Limits l = {};
        char name[16];

        for (unsigned i = 0; i < LIMITS_MAX; i++) {
                (void) snprintf(name, sizeof(name), "%u", i);
                assert_int_equal(limits_set(&l, "d", NULL, (char *[]) { name, NULL },
                                            i == 7 ? NOW + HOUR : NOW + 2 * HOUR + i, NOW), 1);
        }
        assert_int_equal(limits_get(&l, "d", NULL, (char *[]) { (char *) "7", NULL }), NOW + HOUR);
        assert_int_equal(limits_set(&l, "d", NULL, house, NOW + DAY, NOW), 1);
        assert_int_equal(l.n, LIMITS_MAX);
        assert_int_equal(limits_get(&l, "d", NULL, (char *[]) { (char *) "7", NULL }), 0);
        assert_int_equal(limits_get(&l, "d", NULL, (char *[]) { (char *) "0", NULL }), NOW + 2 * HOUR);
        assert_int_equal(limits_get(&l, "d", NULL, house), NOW + DAY);
        limits_done(&l);
}

static int parse(const char *text, Limits *ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

        assert_true(sd_json_parse(text, 0, &v, NULL, NULL) >= 0);
        return limits_from_json(v, ret);
}

static void test_file(void **state) {
        static const char *const bad[] = {
                "{}", "[1]", "[{}]", "[{\"directory\":\"d\",\"names\":[],\"untilUSec\":1}]",
                "[{\"directory\":\"d\",\"names\":[\"a\"],\"untilUSec\":\"soon\"}]",
                "[{\"directory\":\"d\",\"names\":[\"a\"],\"untilUSec\":1},"
                "{\"directory\":\"d\",\"names\":[\"a\"],\"untilUSec\":2}]",
        };
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL, *many = NULL;
        Limits l = {}, copy = {};

        assert_int_equal(limits_set(&l, "d", "me", house, NOW + HOUR, NOW), 1);
        assert_int_equal(limits_set(&l, "d", NULL, alone, NOW + DAY, NOW), 1);
        assert_int_equal(limits_to_json(&l, &v), 0);
        assert_int_equal(limits_from_json(v, &copy), 0);
        assert_int_equal(limits_get(&copy, "d", "me", house), NOW + HOUR);
        assert_int_equal(limits_get(&copy, "d", NULL, alone), NOW + DAY);
        limits_done(&copy);
        limits_done(&l);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(parse(bad[i], &copy), -EBADMSG);
                limits_done(&copy);
        }
        for (size_t i = 0; i <= LIMITS_MAX; i++)
                assert_int_equal(sd_json_variant_append_array(&many, sd_json_variant_by_index(v, 0)), 0);
        assert_int_equal(limits_from_json(many, &copy), -EBADMSG);
        limits_done(&copy);
}

TEST_MAIN(cmocka_unit_test(test_whose), cmocka_unit_test(test_end), cmocka_unit_test(test_clamp),
          cmocka_unit_test(test_full), cmocka_unit_test(test_file))
