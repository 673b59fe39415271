/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-webd/hash.h"
#include "test.h"

typedef struct Result {
        unsigned told;
        int result;
        char *hash;
} Result;

static void on_done(int result, const char *hash, void *userdata) {
        Result *r = userdata;

        r->told++;
        r->result = result;
        r->hash = hash ? strdup(hash) : NULL;
}

static void wait_for(sd_event *event, const Result *r) {
        for (unsigned i = 0; i < 1000 && r->told == 0; i++)
                assert_true(sd_event_run(event, 30 * USEC_PER_SEC) >= 0);
        assert_int_equal(r->told, 1);
}

static int check(sd_event *event, HashPool *p, const char *password, const char *hash) {
        Result r = {};

        assert_int_equal(hash_verify(p, password, hash, on_done, &r), 0);
        assert_int_equal(r.told, 0);
        wait_for(event, &r);
        return r.result;
}

static void test_make_verify(void **state) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(hash_pool_freep) HashPool *p = NULL;
        Result a = {}, b = {};

        assert_true(sd_event_new(&event) >= 0);
        assert_int_equal(hash_pool_new(&p, event), 0);
        assert_int_equal(hash_make(p, "secret password", on_done, &a), 0);
        assert_int_equal(hash_make(p, "secret password", on_done, &b), 0);
        wait_for(event, &a);
        wait_for(event, &b);
        assert_int_equal(a.result, 0);
        assert_memory_equal(a.hash, HASH_PREFIX, strlen(HASH_PREFIX));
        assert_string_not_equal(a.hash, b.hash); /* salted */
        assert_int_equal(check(event, p, "secret password", a.hash), 1);
        assert_int_equal(check(event, p, "secret passwore", a.hash), 0);
        assert_int_equal(check(event, p, "", a.hash), 0);
        assert_int_equal(check(event, p, "secret password", NULL), 0);
        assert_int_equal(check(event, p, "secret password", "not a hash"), 0);
        assert_int_equal(hash_pool_count(p), 7);
        free(a.hash);
        free(b.hash);
}

static void test_queue(void **state) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        Result results[HASH_THREADS + HASH_QUEUE_MAX + HASH_MAKE_MAX + 8] = {};
        size_t taken = 0, made = 0;
        HashPool *p = NULL;

        assert_true(sd_event_new(&event) >= 0);
        assert_int_equal(hash_pool_new(&p, event), 0);
        /* Faster than any machine hashes: the queue fills up, and a new password still finds a place. */
        while (taken < HASH_THREADS + HASH_QUEUE_MAX + 4 &&
               hash_verify(p, "x", NULL, on_done, &results[taken]) == 0)
                taken++;
        assert_in_range(taken, HASH_QUEUE_MAX, HASH_THREADS + HASH_QUEUE_MAX + 3);
        assert_int_equal(hash_verify(p, "x", NULL, on_done, &results[taken]), -EAGAIN);
        assert_true(hash_pool_waiting(p) <= HASH_QUEUE_MAX);
        assert_int_equal(hash_make(p, "x", on_done, &results[taken]), 0);
        made++;
        /* Every callback runs once, also when the pool goes. */
        hash_pool_free(p);
        for (size_t i = 0; i < taken + made; i++) {
                assert_int_equal(results[i].told, 1);
                free(results[i].hash);
        }
}

TEST_MAIN(cmocka_unit_test(test_make_verify), cmocka_unit_test(test_queue))
