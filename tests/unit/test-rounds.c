/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When hosts are tried, and who waits for that. Here a trial ends when the test says so. */

#include <stdio.h>
#include <string.h>

#include "hagw-proxyd/main/manager.h"
#include "libhagw/usec.h"
#include "tests/unit/test.h"

#define HOSTS (2 * ROUNDS_ASKED_MAX + 1)

typedef struct Place {
        Manager manager;
        Snapshot snapshot;
        SnapshotHost hosts[HOSTS];
        char names[HOSTS][32];
        unsigned told; /* how often somebody was answered */
} Place;

/* The trials under way, oldest first. */
static struct {
        char name[32];
        TrialHandler handler;
        void *userdata;
} trials[HOSTS];
static size_t n_trials;
static int trial_error; /* none can begin */

/* Instead of the one that asks a worker. */
int trial_new(Manager *m, const char *name, TrialHandler handler, void *userdata) {
        if (trial_error < 0)
                return trial_error;
        assert_true(n_trials < HOSTS);
        (void) snprintf(trials[n_trials].name, sizeof(trials[0].name), "%s", name);
        trials[n_trials].handler = handler;
        trials[n_trials++].userdata = userdata;
        return 0;
}

/* The oldest one ends. */
static void end_trial(Place *p, Finding f) {
        const TrialHandler handler = trials[0].handler;
        void *userdata = trials[0].userdata;
        char name[32];
        HostStats *s;

        assert_true(n_trials > 0);
        memcpy(name, trials[0].name, sizeof(name));
        memmove(trials, trials + 1, --n_trials * sizeof(trials[0]));
        s = snapshot_host(&p->snapshot, route_find_host(p->snapshot.routes, name))->stats;
        s->tried_usec = clock_usec(CLOCK_MONOTONIC);
        s->finding = f;
        s->n_found = f == FINDING_NONE ? 0 : s->n_found + 1;
        handler(name, NULL, userdata);
}

static void on_told(void *userdata) {
        ((Place *) userdata)->told++;
}

static void begin(Place *p, uint64_t interval_usec) {
        ConfHost hosts[HOSTS];
        Config c = { .hosts = hosts, .n_hosts = HOSTS };

        *p = (Place) {};
        n_trials = 0;
        for (size_t i = 0; i < HOSTS; i++) {
                HostStats *s = aligned_alloc(_Alignof(HostStats), sizeof(*s));

                assert_non_null(s);
                (void) snprintf(p->names[i], sizeof(p->names[i]), "h%zu.example.com", i);
                *s = (HostStats) { .n_refs = 1 };
                p->hosts[i].stats = s;
                hosts[i] = (ConfHost) { .name = p->names[i],
                                        .upstream = (char *) "http://192.168.1.4:8123",
                                        .upstream_host = (char *) "192.168.1.4",
                                        .upstream_port = 8123 };
        }
        assert_int_equal(route_table_new(&p->snapshot.routes, &c), 0);
        p->snapshot.hosts = p->hosts;
        p->manager.snapshot = &p->snapshot;
        assert_true(sd_event_new(&p->manager.event) >= 0);
        assert_true(rounds_start(&p->manager.rounds, &p->manager, interval_usec) >= 0);
}

static void end(Place *p) {
        rounds_done(&p->manager.rounds);
        sd_event_unref(p->manager.event);
        route_table_unref(p->snapshot.routes);
        for (size_t i = 0; i < HOSTS; i++)
                free(p->hosts[i].stats);
}

static bool ask(Place *p) {
        return rounds_ask(&p->manager.rounds, on_told, p);
}

static void test_again(void **state) {
        static const unsigned seconds[] = { 5, 5, 10, 20, 40, 60, 60 };

        for (unsigned i = 0; i < ELEMENTSOF(seconds); i++)
                assert_int_equal(rounds_again_usec(i, USEC_PER_DAY), seconds[i] * USEC_PER_SEC);
        assert_int_equal(rounds_again_usec(UINT32_MAX, USEC_PER_DAY), USEC_PER_MINUTE);
        assert_int_equal(rounds_again_usec(UINT32_MAX, 7 * USEC_PER_SEC), 7 * USEC_PER_SEC);
        assert_int_equal(rounds_again_usec(1, USEC_PER_SEC), USEC_PER_SEC);
        assert_int_equal(rounds_again_usec(1, 0), 0);
}

/* All who ask wait for the same trials, of which there are no more at once than may be; one more who asks
 * does not wait. */
static void test_full(void **state) {
        size_t n_ended = 0;
        Place p;

        begin(&p, USEC_PER_DAY);
        assert_int_equal(n_trials, 0);
        for (unsigned i = 0; i < ROUNDS_WAITERS_MAX; i++)
                assert_true(ask(&p));
        assert_false(ask(&p));
        for (; n_trials > 0; n_ended++) {
                assert_int_equal(n_trials, MIN(ROUNDS_ASKED_MAX, HOSTS - n_ended));
                assert_int_equal(p.told, 0);
                end_trial(&p, FINDING_NONE);
        }
        assert_int_equal(n_ended, HOSTS);
        assert_int_equal(p.told, ROUNDS_WAITERS_MAX);
        /* Everything is known now. */
        assert_false(ask(&p));
        assert_int_equal(n_trials, 0);
        end(&p);
}

/* What cannot be tried is not waited for: who asks hears at once what is known, and so do those who wait. */
static void test_none_can_begin(void **state) {
        Place p;

        begin(&p, USEC_PER_DAY);
        trial_error = -EBUSY;
        assert_true(ask(&p));
        assert_int_equal(p.told, 1);
        assert_null(p.manager.rounds.waiters);
        trial_error = 0;
        assert_true(ask(&p));
        assert_int_equal(n_trials, ROUNDS_ASKED_MAX);
        trial_error = -ENOMEM;
        assert_true(ask(&p));
        while (n_trials > 0) {
                assert_int_equal(p.told, 1);
                end_trial(&p, FINDING_NONE);
        }
        assert_int_equal(p.told, 3);
        trial_error = 0;
        end(&p);
}

/* Who waits is answered when it takes too long; what he asked for goes on at the usual pace. */
static void test_too_slow(void **state) {
        Place p;

        begin(&p, USEC_PER_DAY);
        assert_true(ask(&p));
        while (p.told == 0)
                assert_true(sd_event_run(p.manager.event, UINT64_MAX) >= 0);
        assert_null(p.manager.rounds.waiters);
        assert_int_equal(n_trials, ROUNDS_ASKED_MAX);
        while (n_trials > ROUNDS_TRIALS_MAX)
                end_trial(&p, FINDING_NONE);
        for (size_t left = HOSTS - ROUNDS_ASKED_MAX; left > 0; left--) {
                end_trial(&p, FINDING_NONE);
                assert_int_equal(n_trials, ROUNDS_TRIALS_MAX);
        }
        assert_int_equal(p.told, 1);
        end(&p);
}

static void test_stopped(void **state) {
        Place p;

        begin(&p, USEC_PER_DAY);
        assert_true(ask(&p));
        rounds_done(&p.manager.rounds);
        assert_int_equal(p.told, 1);
        assert_false(ask(&p));
        while (n_trials > 0)
                end_trial(&p, FINDING_NONE);
        assert_int_equal(p.told, 1);
        end(&p);
}

static void test_never(void **state) {
        Place p;

        begin(&p, 0);
        assert_false(ask(&p));
        assert_int_equal(n_trials, 0);
        end(&p);
}

/* Who waits when the files are read again waits for what is left of it. */
static void test_reload(void **state) {
        Place p;

        begin(&p, USEC_PER_DAY);
        assert_true(ask(&p));
        while (n_trials > 1)
                end_trial(&p, FINDING_NONE);
        p.snapshot.routes->n_routes--; /* the last one is gone */
        rounds_set(&p.manager.rounds, USEC_PER_DAY);
        assert_int_equal(p.told, 1);
        p.snapshot.routes->n_routes++;
        end(&p);
}

/* What is all right is known for a while; what is not is looked at again at once. */
static void test_fresh(void **state) {
        HostStats *s;
        Place p;

        begin(&p, USEC_PER_DAY);
        assert_true(ask(&p));
        while (n_trials > 0)
                end_trial(&p, FINDING_NONE);
        s = p.hosts[0].stats;
        s->tried_usec -= ROUNDS_SOON_USEC;
        assert_false(ask(&p));
        s->finding = FINDING_REFUSED;
        assert_true(ask(&p));
        assert_int_equal(n_trials, 1);
        assert_string_equal(trials[0].name, p.names[0]);
        end_trial(&p, FINDING_NONE);
        assert_int_equal(p.told, 2);
        /* A visitor has met something since. */
        s = p.hosts[1].stats;
        s->error = (char *) "refused";
        s->error_usec = s->tried_usec + 1;
        assert_true(ask(&p));
        assert_int_equal(n_trials, 1);
        assert_string_equal(trials[0].name, p.names[1]);
        end(&p);
}

/* What a visitor meets is looked at soon, and what trials do not find at most once a minute. */
static void test_failure(void **state) {
        uint64_t now;
        HostStats *s;
        Place p;

        begin(&p, USEC_PER_DAY);
        assert_true(ask(&p));
        while (n_trials > 0)
                end_trial(&p, FINDING_NONE);
        s = p.hosts[0].stats;
        rounds_on_failure(&p.manager.rounds, s);
        assert_true(s->due_usec >= s->tried_usec + ROUNDS_AGAIN_MAX_USEC);
        s->due_usec = UINT64_MAX;
        s->tried_usec -= ROUNDS_AGAIN_MAX_USEC;
        now = clock_usec(CLOCK_MONOTONIC);
        rounds_on_failure(&p.manager.rounds, s);
        assert_true(s->due_usec >= now + ROUNDS_SOON_USEC && s->due_usec < now + ROUNDS_AGAIN_MAX_USEC);
        end(&p);
}

TEST_MAIN(cmocka_unit_test(test_again), cmocka_unit_test(test_full), cmocka_unit_test(test_none_can_begin),
          cmocka_unit_test(test_too_slow),
          cmocka_unit_test(test_stopped), cmocka_unit_test(test_never), cmocka_unit_test(test_reload),
          cmocka_unit_test(test_fresh), cmocka_unit_test(test_failure))
