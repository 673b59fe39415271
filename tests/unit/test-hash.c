/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-webd/hash.h"
#include "tests/unit/test.h"

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

        assert_int_equal(hash_verify(p, HASH_STRANGER, password, hash, on_done, &r), 0);
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

static int ask(HashPool *p, HashRank rank, Result *result) {
        return rank == HASH_ROOT ? hash_make(p, "x", on_done, result)
                                 : hash_verify(p, rank, "x", NULL, on_done, result);
}

/* Faster than any machine hashes: jobs until the queue is full. */
static size_t fill(HashPool *p, HashRank rank, size_t max, Result *results) {
        size_t n = 0;

        while (n < HASH_THREADS + max + 4 && ask(p, rank, &results[n]) == 0)
                n++;
        assert_in_range(n, max, HASH_THREADS + max + 3);
        return n;
}

static void test_queues(void **state) {
        static const size_t maxima[_HASH_RANK_MAX] = { HASH_STRANGERS_MAX, HASH_KNOWN_MAX, HASH_ROOT_MAX };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        Result results[256] = {};
        HashPool *p = NULL;
        size_t n = 0;

        assert_true(sd_event_new(&event) >= 0);
        assert_int_equal(hash_pool_new(&p, event), 0);
        /* Each finds its places, however many of the others wait. */
        for (HashRank rank = 0; rank < _HASH_RANK_MAX; rank++)
                n += fill(p, rank, maxima[rank], results + n);
        assert_int_equal(hash_verify(p, HASH_STRANGER, "x", NULL, on_done, &results[n]), -EAGAIN);
        assert_true(hash_pool_waiting(p) <= HASH_STRANGERS_MAX + HASH_KNOWN_MAX + HASH_ROOT_MAX);
        /* Every callback runs once, also when the pool goes. */
        hash_pool_free(p);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(results[i].told, 1);
                free(results[i].hash);
        }
}

static unsigned order;
static void on_order(int result, const char *hash, void *userdata) {
        *(unsigned *) userdata = ++order;
}

/* How many checks of strangers, all of them asked for earlier, are told before that of a known browser. */
static unsigned told_before(sd_event *event, HashPool *p) {
        unsigned strangers[HASH_STRANGERS_MAX] = {}, known = 0, before = 0;

        order = 0;
        for (size_t i = 0; i < ELEMENTSOF(strangers); i++)
                assert_int_equal(hash_verify(p, HASH_STRANGER, "x", NULL, on_order, &strangers[i]), 0);
        assert_int_equal(hash_verify(p, HASH_KNOWN, "x", NULL, on_order, &known), 0);
        while (order < ELEMENTSOF(strangers) + 1)
                assert_true(sd_event_run(event, 30 * USEC_PER_SEC) >= 0);
        for (size_t i = 0; i < ELEMENTSOF(strangers); i++)
                before += strangers[i] < known;
        return before;
}

/* In order of arrival it would always be among the last ones. That the threads were faster than this one can
 * happen, but not each time. */
static void test_order(void **state) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(hash_pool_freep) HashPool *p = NULL;
        unsigned tries = 0;

        assert_true(sd_event_new(&event) >= 0);
        assert_int_equal(hash_pool_new(&p, event), 0);
        while (told_before(event, p) >= HASH_STRANGERS_MAX - HASH_THREADS)
                assert_true(++tries < 50);
}

TEST_MAIN(cmocka_unit_test(test_make_verify), cmocka_unit_test(test_queues), cmocka_unit_test(test_order))
