/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "loop.h"
#include "test.h"

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
        assert_null(t.timer.link);
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
                assert_non_null(t[i].timer.link);
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
        loop_not_again(&b.again);
        loop_defer_free(&l, &c.garbage);
        assert_int_equal(c.n, 0);
        assert_int_equal(loop_run(&l, USEC_INFINITY), 0);
        assert_int_equal(a.n, 1);
        assert_int_equal(b.n, 0);
        assert_int_equal(c.n, 1);
        loop_done(&l);
}

TEST_MAIN(cmocka_unit_test(test_never_early), cmocka_unit_test(test_moved), cmocka_unit_test(test_far_away),
          cmocka_unit_test(test_again_and_garbage))
