/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/net/fiber.h"
#include "tests/unit/test.h"

typedef struct Walk {
        Fiber *fiber;
        unsigned steps, wakes;
        uint64_t sum;
} Walk;

/* Deeper than a register's worth of state, so that a stack that is not its own shows. */
static uint64_t dig(Walk *w, unsigned depth) {
        volatile uint64_t marks[64];
        uint64_t sum = depth;

        for (unsigned i = 0; i < ELEMENTSOF(marks); i++)
                marks[i] = depth * 1000 + i;
        if (depth == 0) {
                w->steps++;
                fiber_yield();
        } else
                sum += dig(w, depth - 1);
        for (unsigned i = 0; i < ELEMENTSOF(marks); i++)
                assert_int_equal(marks[i], depth * 1000 + i);
        return sum;
}

static void walk(void *userdata) {
        Walk *w = userdata;

        assert_ptr_equal(fiber_current(), w->fiber);
        w->sum = dig(w, 20);
        fiber_yield();
        w->steps++;
}

static void on_wake(void *userdata) {
        ((Walk *) userdata)->wakes++;
}

/* More than are kept: each is a different one, and all go on where they were. */
static void test_many(void **state) {
        Walk walks[2 * FIBERS_FREE_MAX] = {};
        FiberPool p = {};
        Loop l;

        assert_int_equal(loop_init(&l), 0);
        p.loop = &l;
        for (unsigned round = 0; round < 2; round++) {
                for (size_t i = 0; i < ELEMENTSOF(walks); i++) {
                        walks[i] = (Walk) { .fiber = fiber_new(&p, walk, on_wake, &walks[i]) };
                        assert_non_null(walks[i].fiber);
                        assert_false(fiber_resume(walks[i].fiber));
                        assert_null(fiber_current());
                }
                for (size_t i = 0; i < ELEMENTSOF(walks); i++) {
                        assert_false(fiber_resume(walks[i].fiber));
                        assert_int_equal(walks[i].sum, 20 * 21 / 2);
                }
                for (size_t i = ELEMENTSOF(walks); i-- > 0;)
                        assert_true(fiber_resume(walks[i].fiber));
                for (size_t i = 0; i < ELEMENTSOF(walks); i++)
                        assert_int_equal(walks[i].steps, 2);
                assert_int_equal(p.n_free, FIBERS_FREE_MAX);
        }
        fiber_pool_done(&p);
        loop_done(&l);
}

static void test_wake(void **state) {
        FiberPool p = {};
        Walk w = {};
        Loop l;

        assert_int_equal(loop_init(&l), 0);
        p.loop = &l;
        w.fiber = fiber_new(&p, walk, on_wake, &w);
        assert_false(fiber_resume(w.fiber));
        fiber_wake(w.fiber);
        fiber_wake(w.fiber);
        assert_int_equal(w.wakes, 0);
        assert_int_equal(loop_run(&l, 0), 0);
        assert_int_equal(w.wakes, 1);
        /* Who goes on before is not called any more. */
        fiber_wake(w.fiber);
        assert_false(fiber_resume(w.fiber));
        assert_int_equal(loop_run(&l, 0), 0);
        assert_int_equal(w.wakes, 1);
        assert_true(fiber_resume(w.fiber));
        fiber_pool_done(&p);
        loop_done(&l);
}

TEST_MAIN(cmocka_unit_test(test_many), cmocka_unit_test(test_wake))
