/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/freshlist.h"
#include "tests/unit/steps.h"

static void test_rounds(void **state) {
        FreshEntry e[4] = {};
        FreshList l = {};

        fresh_begin(&l);
        for (size_t i = 0; i < 3; i++)
                fresh_tell(&l, &e[i]);
        assert_null(fresh_stale(&l));
        fresh_end(&l);
        assert_null(fresh_stale(&l));
        /* Told once more and one more, but in no new round: nobody is gone. */
        fresh_tell(&l, &e[0]);
        fresh_tell(&l, &e[3]);
        assert_null(fresh_stale(&l));
        fresh_begin(&l);
        fresh_tell(&l, &e[1]);
        fresh_tell(&l, &e[3]);
        /* Not before the round's end. */
        assert_null(fresh_stale(&l));
        fresh_end(&l);
        assert_ptr_equal(fresh_stale(&l), &e[2]);
        fresh_remove(&l, &e[2]);
        assert_ptr_equal(fresh_stale(&l), &e[0]);
        /* A round that begins before all of them are away keeps them, until its own end. */
        fresh_begin(&l);
        assert_null(fresh_stale(&l));
        fresh_tell(&l, &e[0]);
        fresh_end(&l);
        assert_ptr_equal(fresh_stale(&l), &e[1]);
        fresh_remove(&l, &e[1]);
        assert_ptr_equal(fresh_stale(&l), &e[3]);
        fresh_remove(&l, &e[3]);
        assert_null(fresh_stale(&l));
        assert_ptr_equal(l.first, &e[0]);
        assert_ptr_equal(l.last, &e[0]);
        fresh_remove(&l, &e[3]); /* in no list: nothing */
        fresh_remove(&l, &e[0]);
        assert_null(l.first);
        assert_null(l.last);
}

typedef struct Many {
        FreshList list;
        FreshEntry entries[1000];
} Many;

/* One change, told as a feed does: and then it is complete again. */
static void change_one(void *argument) {
        Many *m = argument;

        fresh_tell(&m->list, &m->entries[7]);
        fresh_end(&m->list);
        while (fresh_stale(&m->list))
                fresh_remove(&m->list, fresh_stale(&m->list));
}

static uint64_t steps_to_change(size_t n) {
        static Many m;

        m = (Many) {};
        fresh_begin(&m.list);
        for (size_t i = 0; i < n; i++)
                fresh_tell(&m.list, &m.entries[i]);
        fresh_end(&m.list);
        return steps_count(change_one, &m);
}

static void test_growth(void **state) {
        const uint64_t few = steps_to_change(10);

        if (few == 0)
                skip();
        assert_int_equal(steps_to_change(1000), few);
}

TEST_MAIN(cmocka_unit_test(test_rounds), cmocka_unit_test(test_growth))
