/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <pthread.h>
#include <semaphore.h>

#include "hagw-keyd/crew.h"
#include "tests/unit/test.h"

/* A job that says in which order it ended, and may be made to wait. */
typedef struct TestJob {
        Job job;
        sem_t *wait, *begun;
        int number;
        bool finished, done;
} TestJob;

static sd_event *event;
static int order[64];
static size_t n_order;
static pthread_t main_thread;

static void test_run(Job *j) {
        TestJob *t = CONTAINER_OF(j, TestJob, job);

        assert_false(pthread_equal(pthread_self(), main_thread));
        if (t->begun)
                (void) sem_post(t->begun);
        if (t->wait)
                (void) sem_wait(t->wait);
}

static void test_finish(Job *j, bool done) {
        TestJob *t = CONTAINER_OF(j, TestJob, job);

        assert_true(pthread_equal(pthread_self(), main_thread));
        assert_false(t->finished);
        t->finished = true;
        t->done = done;
        order[n_order++] = t->number;
}

static TestJob *job_new(int number, sem_t *wait, sem_t *begun) {
        TestJob *t = calloc(1, sizeof(*t));

        *t = (TestJob) { { test_run, test_finish, NULL }, wait, begun, number, false, false };
        return t;
}

static int setup(void **state) {
        main_thread = pthread_self();
        n_order = 0;
        return sd_event_new(&event) < 0 ? -1 : 0;
}

static int teardown(void **state) {
        event = sd_event_unref(event);
        return 0;
}

static void run_until_idle(Crew *c) {
        while (!crew_is_idle(c))
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
}

static void test_order(void **state) {
        static const CrewSpec spec = { "test", 1, { 40, 40 } };
        TestJob *jobs[40];
        sem_t wait, begun;
        Crew *c;

        (void) sem_init(&wait, 0, 0);
        (void) sem_init(&begun, 0, 0);
        assert_int_equal(crew_new(&spec, event, &c), 0);
        /* The first holds the only thread until all others wait. */
        for (int i = 0; i < 40; i++) {
                jobs[i] = job_new(i, i == 0 ? &wait : NULL, i == 0 ? &begun : NULL);
                assert_int_equal(crew_add(c, &jobs[i]->job, i < 20 ? JOB_ORDINARY : JOB_URGENT), 0);
                if (i == 0)
                        (void) sem_wait(&begun);
        }
        assert_false(crew_is_idle(c));
        (void) sem_post(&wait);
        run_until_idle(c);
        assert_int_equal(n_order, 40);
        /* Urgent ones first, in order; but each CREW_SHARE-th turn is for the others. */
        for (int i = 1, urgent = 20, ordinary = 1; i < 40; i++)
                assert_int_equal(order[i], i == CREW_SHARE || urgent == 40 ? ordinary++ : urgent++);
        for (int i = 0; i < 40; i++) {
                assert_true(jobs[i]->done);
                free(jobs[i]);
        }
        crew_free(c);
}

/* As many wait as may, in each class; those beyond are the caller's. */
static void test_limit(void **state) {
        static const CrewSpec spec = { "test", 1, { 2, 1 } };
        TestJob *jobs[6];
        sem_t wait, begun;
        Crew *c;

        (void) sem_init(&wait, 0, 0);
        (void) sem_init(&begun, 0, 0);
        assert_int_equal(crew_new(&spec, event, &c), 0);
        for (int i = 0; i < 6; i++)
                jobs[i] = job_new(i, &wait, &begun);
        assert_int_equal(crew_add(c, &jobs[0]->job, JOB_URGENT), 0);
        (void) sem_wait(&begun);
        assert_int_equal(crew_add(c, &jobs[1]->job, JOB_URGENT), 0);
        assert_int_equal(crew_add(c, &jobs[2]->job, JOB_URGENT), 0);
        assert_int_equal(crew_add(c, &jobs[3]->job, JOB_URGENT), -EBUSY);
        assert_int_equal(crew_add(c, &jobs[4]->job, JOB_ORDINARY), 0);
        assert_int_equal(crew_add(c, &jobs[5]->job, JOB_ORDINARY), -EBUSY);
        for (int i = 0; i < 4; i++)
                (void) sem_post(&wait);
        run_until_idle(c);
        assert_int_equal(n_order, 4);
        assert_int_equal(crew_add(c, &jobs[3]->job, JOB_URGENT), 0);
        (void) sem_post(&wait);
        run_until_idle(c);
        assert_false(jobs[5]->finished);
        for (int i = 0; i < 6; i++)
                free(jobs[i]);
        crew_free(c);
}

/* Side by side: each waits until all have begun. */
static void test_threads(void **state) {
        static const CrewSpec spec = { "test", CREW_THREADS_MAX, { 8, 8 } };
        TestJob *jobs[CREW_THREADS_MAX];
        sem_t wait, begun;
        Crew *c;

        (void) sem_init(&wait, 0, 0);
        (void) sem_init(&begun, 0, 0);
        assert_int_equal(crew_new(&spec, event, &c), 0);
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
                jobs[i] = job_new((int) i, &wait, &begun);
                assert_int_equal(crew_add(c, &jobs[i]->job, JOB_URGENT), 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                (void) sem_wait(&begun);
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                (void) sem_post(&wait);
        run_until_idle(c);
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                free(jobs[i]);
        crew_free(c);
}

/* What runs at the end is done; each is finished once, also what has not begun. */
static void test_end(void **state) {
        static const CrewSpec spec = { "test", 1, { 8, 8 } };
        sem_t wait, begun;
        TestJob *jobs[3];
        Crew *c;

        (void) sem_init(&wait, 0, 1);
        (void) sem_init(&begun, 0, 0);
        assert_int_equal(crew_new(&spec, event, &c), 0);
        jobs[0] = job_new(0, &wait, &begun);
        assert_int_equal(crew_add(c, &jobs[0]->job, JOB_URGENT), 0);
        (void) sem_wait(&begun);
        run_until_idle(c);
        (void) sem_init(&wait, 0, 0);
        for (int i = 1; i < 3; i++) {
                jobs[i] = job_new(i, i == 1 ? &wait : NULL, &begun);
                assert_int_equal(crew_add(c, &jobs[i]->job, JOB_URGENT), 0);
        }
        (void) sem_wait(&begun);
        (void) sem_post(&wait);
        c = crew_free(c);
        assert_null(c);
        assert_true(jobs[0]->done && jobs[1]->done);
        assert_true(jobs[2]->finished);
        for (int i = 0; i < 3; i++)
                free(jobs[i]);
}

TEST_MAIN(cmocka_unit_test_setup_teardown(test_order, setup, teardown),
          cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
          cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
          cmocka_unit_test_setup_teardown(test_end, setup, teardown))
