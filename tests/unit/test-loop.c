/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/net/loop.h"
#include "tests/unit/test.h"

typedef struct Thing {
        Timer timer;
        Again again;
        Garbage garbage;
        unsigned n;
} Thing;

static void count_timer(Timer *t) {
        CONTAINER_OF(t, Thing, timer)->n++;
}

static void count_again(Again *a) {
        CONTAINER_OF(a, Thing, again)->n++;
}

static void count_garbage(Garbage *g) {
        CONTAINER_OF(g, Thing, garbage)->n++;
}

/* Runs the loop as if it were later. */
static void run_at(Loop *l, uint64_t usec) {
        uint64_t shift = usec - l->now_usec;

        l->tick -= shift >> LOOP_TICK_SHIFT;
        assert_int_equal(loop_run(l, 0), 0);
}

static void test_never_early(void **state) {
        Thing t = { .timer.fire = count_timer };
        Loop l;

        assert_int_equal(loop_init(&l), 0);
        uint64_t due = l.now_usec + 120 * USEC_PER_MSEC;
        loop_arm(&l, &t.timer, due);
        while (t.n == 0) {
                assert_int_equal(loop_run(&l, USEC_INFINITY), 0);
                assert_true(t.n == 0 || l.now_usec >= due);
        }
        assert_true(l.now_usec < due + USEC_PER_SEC);
        assert_null(t.timer.place);
        loop_done(&l);
}

static void test_moved(void **state) {
        Thing later = { .timer.fire = count_timer }, earlier = { .timer.fire = count_timer };
        Thing gone = { .timer.fire = count_timer };
        Loop l;

        assert_int_equal(loop_init(&l), 0);
        uint64_t begin = l.now_usec;
        loop_arm(&l, &later.timer, begin + 50 * USEC_PER_MSEC);
        loop_arm(&l, &later.timer, begin + 400 * USEC_PER_MSEC);
        loop_arm(&l, &earlier.timer, begin + USEC_PER_HOUR);
        loop_arm(&l, &earlier.timer, begin + 100 * USEC_PER_MSEC);
        loop_arm(&l, &gone.timer, begin + 50 * USEC_PER_MSEC);
        loop_disarm(&l, &gone.timer);
        while (earlier.n == 0)
                assert_int_equal(loop_run(&l, USEC_INFINITY), 0);
        assert_int_equal(later.n, 0);
        while (later.n == 0)
                assert_int_equal(loop_run(&l, USEC_INFINITY), 0);
        assert_true(l.now_usec >= begin + 400 * USEC_PER_MSEC);
        assert_int_equal(gone.n, 0);
        loop_done(&l);
}

static void test_far_away(void **state) {
        Thing t[3] = {};
        Loop l;

        /* More than a turn of the wheel: looked at in between, fired only when due. */
        assert_int_equal(loop_init(&l), 0);
        for (size_t i = 0; i < ELEMENTSOF(t); i++) {
                t[i].timer.fire = count_timer;
                loop_arm(&l, &t[i].timer,
                         l.now_usec +
                                 (uint64_t) LOOP_SLOTS * (i + 1) * 2 * (UINT64_C(1) << LOOP_TICK_SHIFT));
        }
        run_at(&l, l.now_usec + (uint64_t) LOOP_SLOTS * (UINT64_C(1) << LOOP_TICK_SHIFT));
        for (size_t i = 0; i < ELEMENTSOF(t); i++) {
                assert_int_equal(t[i].n, 0);
                assert_non_null(t[i].timer.place);
                loop_disarm(&l, &t[i].timer);
        }
        loop_done(&l);
}

static void test_again_and_garbage(void **state) {
        Thing a = { .again.run = count_again }, b = { .again.run = count_again },
              c = { .garbage.free = count_garbage };
        Loop l;

        assert_int_equal(loop_init(&l), 0);
        loop_again(&l, &a.again);
        loop_again(&l, &a.again);
        loop_again(&l, &b.again);
        loop_not_again(&l, &b.again);
        loop_defer_free(&l, &c.garbage);
        assert_int_equal(c.n, 0);
        assert_int_equal(loop_run(&l, USEC_INFINITY), 0);
        assert_int_equal(a.n, 1);
        assert_int_equal(b.n, 0);
        assert_int_equal(c.n, 1);
        loop_done(&l);
}

typedef struct Hungry {
        Again again;
        Loop *loop;
        unsigned n;
        size_t turn; /* the last one's */
} Hungry;

/* Takes its turn, and wants the next. */
static void eat(Again *a) {
        Hungry *h = CONTAINER_OF(a, Hungry, again);

        assert_false(loop_turn_is_over(h->loop));
        while (!loop_turn_is_over(h->loop))
                loop_spend(h->loop, LOOP_WORK_CALL);
        h->turn = h->loop->turn;
        h->n++;
        loop_again(h->loop, a);
}

/* Each has as many turns as any other, and the more there are, the shorter is each. */
static void test_turns(void **state) {
        static const unsigned crowds[] = { 1, 4, 64, 3 * LOOP_AGAINS_MAX };

        for (size_t i = 0; i < ELEMENTSOF(crowds); i++) {
                Hungry many[3 * LOOP_AGAINS_MAX] = {};
                Loop l;

                assert_int_equal(loop_init(&l), 0);
                for (unsigned k = 0; k < crowds[i]; k++) {
                        many[k] = (Hungry) { .again.run = eat, .loop = &l };
                        loop_again(&l, &many[k].again);
                }
                for (unsigned n = 0; n < 12; n++)
                        assert_int_equal(loop_run(&l, USEC_INFINITY), 0);
                for (unsigned k = 0; k < crowds[i]; k++) {
                        assert_int_equal(many[k].n, crowds[i] > LOOP_AGAINS_MAX ? 4 : 12);
                        assert_int_equal(many[k].turn, MIN(MAX(LOOP_ROUND_WORK / crowds[i], LOOP_TURN_MIN),
                                                           LOOP_TURN_MAX));
                }
                assert_in_range(l.most, many[0].turn, many[0].turn + LOOP_WORK_CALL);
                loop_done(&l);
        }
}

/* A crowd that is late at once is not served at once. */
static void test_many_timers(void **state) {
        Thing t[LOOP_TIMERS_MAX + 10];
        unsigned n = 0;
        Loop l;

        assert_int_equal(loop_init(&l), 0);
        for (size_t i = 0; i < ELEMENTSOF(t); i++) {
                t[i] = (Thing) { .timer.fire = count_timer };
                loop_arm(&l, &t[i].timer, l.now_usec + USEC_PER_MSEC);
        }
        while (n == 0) {
                assert_int_equal(loop_run(&l, USEC_INFINITY), 0);
                for (size_t i = 0; i < ELEMENTSOF(t); i++)
                        n += t[i].n;
        }
        assert_int_equal(n, LOOP_TIMERS_MAX);
        loop_disarm(&l, l.due->next); /* out of the middle of those that are late */
        assert_int_equal(loop_run(&l, USEC_INFINITY), 0);
        n = 0;
        for (size_t i = 0; i < ELEMENTSOF(t); i++)
                n += t[i].n;
        assert_int_equal(n, ELEMENTSOF(t) - 1);
        assert_null(l.due);
        loop_done(&l);
}

static void test_forget(void **state) {
        Thing t[3] = {};
        Again again = {};
        Loop l;

        assert_int_equal(loop_init(&l), 0);
        for (size_t i = 0; i < ELEMENTSOF(t); i++)
                loop_arm(&l, &t[i].timer, l.now_usec + (i / 2) * USEC_PER_SEC);
        loop_again(&l, &again);
        loop_forget(&l);
        for (size_t i = 0; i < ELEMENTSOF(t); i++)
                assert_null(t[i].timer.place);
        assert_false(again.queued);
        assert_int_equal(l.n_again, 0);
        loop_done(&l);
}

TEST_MAIN(cmocka_unit_test(test_forget), cmocka_unit_test(test_never_early),
          cmocka_unit_test(test_moved), cmocka_unit_test(test_far_away),
          cmocka_unit_test(test_again_and_garbage), cmocka_unit_test(test_turns),
          cmocka_unit_test(test_many_timers))
