/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <sys/eventfd.h>

#include "libhagw/crew/accessring.h"
#include "tests/unit/test.h"

static AccessRing *new_ring(void) {
        AccessRing *r = aligned_alloc(_Alignof(AccessRing), sizeof(AccessRing));

        assert_non_null(r);
        memset(r, 0, sizeof(*r));
        r->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        return r;
}

static void free_ring(AccessRing *r) {
        (void) close(r->event_fd);
        free(r);
}

static bool put(AccessRing *r, unsigned i) {
        char target[512];
        int n = snprintf(target, sizeof(target), "/%0*u", (int) (i % 400 + 1), i);

        return access_ring_put(r, &(AccessEntry) { .status = i % 600,
                                                   .target = { target, (size_t) n },
                                                   .host = SLICE("ha.example"),
                                                   .verdict = "pass",
                                                   .sent = i });
}

static void check(const AccessEntry *e, unsigned i) {
        char target[512];

        (void) snprintf(target, sizeof(target), "/%0*u", (int) (i % 400 + 1), i);
        assert_int_equal(e->sent, i);
        assert_int_equal(e->status, i % 600);
        assert_true(slice_equal(e->target, slice_from(target)));
        assert_true(slice_equal(e->host, SLICE("ha.example")));
        assert_string_equal(e->verdict, "pass");
}

/* Around the end of the ring many times, filled by sevens and emptied by fives. */
static void test_wraps(void **state) {
        AccessRing *r = new_ring();
        unsigned written = 0, read = 0;
        AccessEntry e;

        while (written < 20000) {
                for (unsigned i = 0; i < 7; i++)
                        written += put(r, written);
                for (unsigned i = 0; i < (written % 2000 < 1000 ? 5 : 12) && access_ring_next(r, &e); i++) {
                        check(&e, read++);
                        access_ring_done(r);
                }
        }
        while (access_ring_next(r, &e)) {
                check(&e, read++);
                access_ring_done(r);
        }
        assert_int_equal(read, written);
        free_ring(r);
}

static void test_full(void **state) {
        AccessRing *r = new_ring();
        unsigned written = 0, read = 0;
        AccessEntry e;

        while (put(r, written))
                written++;
        assert_true(written > 300);
        assert_false(put(r, written));
        while (access_ring_next(r, &e)) {
                check(&e, read++);
                access_ring_done(r);
        }
        assert_int_equal(read, written);
        assert_true(put(r, 1));
        free_ring(r);
}

static void test_wakes_once(void **state) {
        AccessRing *r = new_ring();
        AccessEntry e;
        eventfd_t n;

        for (unsigned i = 0; i < 10; i++)
                assert_true(put(r, i));
        assert_int_equal(eventfd_read(r->event_fd, &n), 0);
        assert_int_equal(n, 1);
        while (access_ring_next(r, &e))
                access_ring_done(r);
        assert_true(put(r, 0));
        assert_int_equal(eventfd_read(r->event_fd, &n), 0);
        free_ring(r);
}

TEST_MAIN(cmocka_unit_test(test_wraps), cmocka_unit_test(test_full), cmocka_unit_test(test_wakes_once))
