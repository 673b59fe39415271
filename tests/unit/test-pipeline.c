/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/crew/pipeline.h"
#include "tests/unit/test.h"

#define ALL (3 * PIPELINE_SENT_MAX)

static unsigned send(Pipeline *p) {
        unsigned n = 0;

        for (; pipeline_next(p); n++)
                pipeline_sent(p);
        return n;
}

/* So many are on their way, and one more for each answer; all in the order in which they came. */
static void test_window(void **state) {
        Message m[ALL] = {};
        Pipeline p;

        pipeline_init(&p);
        assert_null(pipeline_next(&p));
        assert_null(pipeline_pop(&p));
        for (unsigned i = 0; i < ALL; i++)
                pipeline_push(&p, &m[i]);
        assert_int_equal(send(&p), PIPELINE_SENT_MAX);
        for (unsigned i = 0; i < ALL; i++) {
                assert_ptr_equal(pipeline_pop(&p), &m[i]);
                assert_ptr_equal(pipeline_next(&p),
                                 i + PIPELINE_SENT_MAX < ALL ? &m[i + PIPELINE_SENT_MAX] : NULL);
                (void) send(&p);
        }
        assert_null(pipeline_pop(&p));
        assert_int_equal(p.n, 0);
        assert_int_equal(p.n_sent, 0);
}

/* The connection is lost: what waited is popped like what was sent, and it begins afresh. */
static void test_lost(void **state) {
        Message m[ALL] = {};
        Pipeline p;

        pipeline_init(&p);
        for (unsigned round = 0; round < 3; round++) {
                for (unsigned i = 0; i < ALL; i++) {
                        pipeline_push(&p, &m[i]);
                        if (round == 1 || i == 0)
                                (void) send(&p);
                }
                for (unsigned i = 0; i < ALL; i++)
                        assert_ptr_equal(pipeline_pop(&p), &m[i]);
                assert_null(pipeline_pop(&p));
                assert_null(pipeline_next(&p));
                assert_int_equal(p.n_sent, 0);
        }
}

TEST_MAIN(cmocka_unit_test(test_window), cmocka_unit_test(test_lost))
