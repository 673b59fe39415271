/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-dnsd/trial.h"
#include "tests/unit/test.h"

static const uint8_t zone[] = "\4home\4test";
#define ZONE_SIZE sizeof(zone)

static const Trial *make(Trials *t, uint8_t seed, uint32_t now) {
        uint8_t random[2 * TRIAL_SECRET_SIZE];
        const Trial *made;

        memset(random, seed, TRIAL_SECRET_SIZE);
        memset(random + TRIAL_SECRET_SIZE, (uint8_t) ~seed, TRIAL_SECRET_SIZE);
        assert_int_equal(trial_make(t, zone, ZONE_SIZE, NULL, random, now, &made), 0);
        return made;
}

static void test_names(void **state) {
        static Trials t;
        char text[DNAME_TEXT_MAX];
        const Trial *one, *two;

        t = (Trials) {};
        one = make(&t, 0, 0);
        two = make(&t, 0xff, 0);
        assert_string_equal(dname_to_text(one->name, text), "_hagw-aaaaaaaaaaaaaaaaaaaaaaaaaa.home.test");
        assert_string_equal(one->value, "77777777777777777777777774");
        assert_string_equal(dname_to_text(two->name, text), "_hagw-77777777777777777777777774.home.test");
        assert_ptr_equal(trial_find(&t, two->name, two->name_size, 0), two);
        assert_null(trial_find(&t, zone, ZONE_SIZE, 0));
}

static void test_end(void **state) {
        static Trials t;
        const Trial *made;
        Trial kept;

        /* The clock of milliseconds begins anew meanwhile. */
        t = (Trials) {};
        made = make(&t, 1, UINT32_MAX - 5);
        kept = *made;
        assert_non_null(trial_find(&t, kept.name, kept.name_size, TRIAL_LIFETIME_MSEC - 6));
        assert_null(trial_find(&t, kept.name, kept.name_size, TRIAL_LIFETIME_MSEC - 5));
        assert_int_equal(t.n, 0);
}

static void test_full(void **state) {
        static Trials t;
        Trial first, second;

        t = (Trials) {};
        first = *make(&t, 0, 0);
        second = *make(&t, 1, 1);
        for (uint8_t i = 2; i <= TRIALS_MAX; i++)
                (void) make(&t, i, i);
        assert_int_equal(t.n, TRIALS_MAX);
        assert_null(trial_find(&t, first.name, first.name_size, 100));
        assert_non_null(trial_find(&t, second.name, second.name_size, 100));
}

static void test_long_zone(void **state) {
        static Trials t;
        uint8_t random[2 * TRIAL_SECRET_SIZE] = {}, name[DNAME_MAX];
        const IpAddress server = { .family = AF_INET };
        const Trial *made;
        char text[254] = "";
        int size;

        t = (Trials) {};
        for (size_t i = 0; i < 221; i++)
                text[i] = i % 60 == 59 ? '.' : 'x';
        size = dname_from_text(text, name);
        assert_int_equal(size, 223);
        assert_int_equal(trial_make(&t, name, (size_t) size, NULL, random, 0, &made), -ENAMETOOLONG);
        assert_int_equal(t.n, 0);
        text[220] = '\0';
        size = dname_from_text(text, name);
        assert_int_equal(trial_make(&t, name, (size_t) size, NULL, random, 0, &made), 0);
        assert_int_equal(made->name_size, DNAME_MAX);
        assert_int_equal(trial_make(&t, name, (size_t) size, &server, random, 0, &made), -ENAMETOOLONG);
}

static void test_who_asked(void **state) {
        IpAddress a = { .family = AF_INET, .bytes = { 192, 0, 2, 0 } };
        static Trials t;
        Trial *made;

        t = (Trials) {};
        made = (Trial *) make(&t, 0, 0);
        for (unsigned i = 0; i < TRIAL_QUESTIONS_MAX + 3; i++) {
                a.bytes[3] = (uint8_t) i;
                trial_note(made, &a, false, false);
                trial_note(made, &a, false, false);
        }
        assert_int_equal(made->n_questions, TRIAL_QUESTIONS_MAX);
        assert_true(made->came[0][0][0]);
        assert_false(made->came[1][0][0] || made->came[0][0][1] || made->came[1][0][1]);
        /* Those that find no room count all the same. */
        trial_note(made, &a, true, true);
        assert_int_equal(made->n_questions, TRIAL_QUESTIONS_MAX);
        assert_true(made->came[1][0][1]);
}

/* The name's server stands below it, and one of IPv6 is another's way. */
static void test_family(void **state) {
        static const uint8_t random[2 * TRIAL_SECRET_SIZE] = { 1 };
        const IpAddress server = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
        const IpAddress six = { .family = AF_INET6, .bytes = { 0x20, 0x01 } };
        uint8_t name[DNAME_MAX] = TRIAL_SERVER;
        static Trials t;
        const Trial *plain, *made;

        t = (Trials) {};
        plain = make(&t, 0, 0);
        assert_int_equal(trial_make(&t, zone, ZONE_SIZE, &server, random, 0, &made), 0);
        assert_true(trial_wants_other(made, &six));
        assert_false(trial_wants_other(made, &server) || trial_wants_other(plain, &six) ||
                     trial_wants_other(plain, &server));
        memcpy(name + TRIAL_SERVER_SIZE, made->name, made->name_size);
        assert_ptr_equal(trial_find(&t, name, made->name_size + TRIAL_SERVER_SIZE, 0), made);
        assert_ptr_equal(trial_find(&t, made->name, made->name_size, 0), made);
        memcpy(name + TRIAL_SERVER_SIZE, plain->name, plain->name_size);
        assert_null(trial_find(&t, name, plain->name_size + TRIAL_SERVER_SIZE, 0));
        trial_note((Trial *) made, &six, true, true);
        assert_true(made->came[1][1][1] && !made->came[1][0][1]);
}

TEST_MAIN(cmocka_unit_test(test_names), cmocka_unit_test(test_end), cmocka_unit_test(test_full),
          cmocka_unit_test(test_long_zone), cmocka_unit_test(test_who_asked),
          cmocka_unit_test(test_family))
