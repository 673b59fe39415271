/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A worker's table of services: found in the same time however many there are, and cleared up after a reload
 * in turns of the loop. */

#include <stdio.h>

#include "hagw-proxyd/snapshot/snapshot.h"
#include "hagw-proxyd/upstream/link.h"
#include "hagw-proxyd/upstream/upstream.h"
#include "hagw-proxyd/visit/conn.h"
#include "libhagw/crew/worker.h"
#include "tests/unit/steps.h"
#include "tests/unit/turns.h"

#define TURN LOOP_TURN_MIN
#define BEYOND (2 * LOOP_WORK_REQUEST) /* the last piece of a turn */

static void write_hosts(const Turns *t, unsigned from, unsigned n) {
        for (unsigned i = from; i < n; i++) {
                char path[64];
                FILE *f;

                (void) snprintf(path, sizeof(path), "%s/hosts.d/x%u.conf", t->folder, i);
                f = fopen(path, "we");
                assert_non_null(f);
                assert_true(fprintf(f, "name = \"x%u.example.com\"; "
                                       "upstream = \"http://127.0.0.1:%u\";\n", i, 1000 + i) > 0);
                assert_int_equal(fclose(f), 0);
        }
}

static void remove_hosts(const Turns *t, unsigned from, unsigned n) {
        for (unsigned i = from; i < n; i++) {
                char path[64];

                (void) snprintf(path, sizeof(path), "%s/hosts.d/x%u.conf", t->folder, i);
                assert_int_equal(unlink(path), 0);
        }
}

/* What is configured now, as the main thread brings it. */
static void reload(Turns *t) {
        SnapshotMessage *m = message_new(&snapshot_message);
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *error = NULL, *bad_file = NULL;
        uint8_t tickets[TLS_TICKET_SECRET_SIZE] = {};

        assert_non_null(m);
        if (config_load(t->folder, &config, &error) < 0)
                fail_msg("%s", error);
        assert_int_equal(snapshot_new(config, NULL, 0, tickets, 1, t->snapshot, &m->snapshot, &bad_file), 0);
        worker_send(t->worker, &m->message);
        turns_run(t, 1);
}

static Upstream *get(Worker *w, const Route *r) {
        return upstream_get(w, &r->host, NULL);
}

/* Every host has had a visitor. */
static void visit_all(Worker *w) {
        const RouteTable *routes = w->snapshot->routes;

        for (size_t i = 0; i < routes->n_routes; i++)
                assert_non_null(get(w, &routes->routes[i]));
}

static bool is_sweeping(const Worker *w) {
        return w->upstreams->sweep.queued;
}

static void finish_sweep(Turns *t, unsigned *ret_rounds) {
        for (*ret_rounds = 0; is_sweeping(t->worker); (*ret_rounds)++) {
                assert_true(*ret_rounds < 1000);
                turns_run(t, 1);
        }
}

static void test_sweep(void **state) {
        Upstream *held, *kept;
        size_t others;
        unsigned rounds;
        Worker *w;
        Turns t;

        turns_begin(&t);
        w = t.worker;
        w->loop.turn_max = TURN;
        visit_all(w);
        others = w->upstreams->table.n;
        write_hosts(&t, 0, 300);
        reload(&t);
        finish_sweep(&t, &rounds);
        visit_all(w);
        assert_non_null(upstream_get(w, NULL, NULL)); /* hagw-webd */
        assert_int_equal(w->upstreams->table.n, others + 301);
        held = upstream_hold(get(w, route_find(w->snapshot->routes, "x7.example.com")));
        kept = get(w, route_find(w->snapshot->routes, "x1.example.com"));
        /* Nothing changes: nobody goes. */
        reload(&t);
        finish_sweep(&t, &rounds);
        assert_int_equal(w->upstreams->table.n, others + 301);
        /* All but two hosts go, and in turns. */
        remove_hosts(&t, 2, 300);
        w->loop.most = 0;
        reload(&t);
        finish_sweep(&t, &rounds);
        assert_true(rounds > 3);
        assert_true(w->loop.most <= TURN + BEYOND);
        assert_int_equal(w->upstreams->table.n, others + 4);
        assert_ptr_equal(get(w, route_find(w->snapshot->routes, "x1.example.com")), kept);
        assert_true(kept->current);
        /* One that a visitor's connection holds goes with it. */
        assert_false(held->current);
        (void) upstream_let_go(held);
        assert_int_equal(w->upstreams->table.n, others + 3);
        turns_end(&t);
}

/* The next reload comes before the first's sweep is through. */
static void test_sweep_in_sweep(void **state) {
        unsigned rounds;
        size_t others;
        Worker *w;
        Turns t;

        turns_begin(&t);
        w = t.worker;
        w->loop.turn_max = TURN;
        visit_all(w);
        others = w->upstreams->table.n;
        write_hosts(&t, 0, 300);
        reload(&t);
        finish_sweep(&t, &rounds);
        visit_all(w);
        remove_hosts(&t, 100, 300);
        reload(&t);
        turns_run(&t, 2);
        assert_true(is_sweeping(w));
        write_hosts(&t, 100, 200);
        reload(&t);
        finish_sweep(&t, &rounds);
        visit_all(w);
        assert_int_equal(w->upstreams->table.n, others + 200);
        for (const Upstream *u = w->upstreams->list; u; u = u->next)
                assert_true(u->current);
        turns_end(&t);
}

static void find_one(void *argument) {
        Worker *w = argument;

        (void) get(w, route_find(w->snapshot->routes, "x3.example.com"));
}

static uint64_t steps_to_find(unsigned n) {
        uint64_t steps;
        Turns t;

        turns_begin(&t);
        write_hosts(&t, 0, n);
        reload(&t);
        visit_all(t.worker);
        steps = steps_count(find_one, t.worker);
        turns_end(&t);
        return steps;
}

static void test_growth(void **state) {
        const uint64_t few = steps_to_find(30), many = steps_to_find(300);

        if (few == 0)
                skip();
        if (many > few + few / 2)
                fail_msg("%llu steps, then %llu", (unsigned long long) few, (unsigned long long) many);
}

static void hear_nothing(LinkClient *l) {
}

/* More connections than wait for long wait for a moment, in which the next crowd finds them. */
static void test_burst(void **state) {
        static const LinkClientOps ops = { .on_link = hear_nothing, .on_event = hear_nothing };
        LinkClient clients[7];
        int fds[ELEMENTSOF(clients)];
        Upstream *u;
        Worker *w;
        Turns t;

        turns_begin(&t);
        w = t.worker;
        assert_int_equal(upstream_get(w, NULL, NULL)->burst_max, LINK_IDLE_WEBD_MAX);
        u = get(w, route_find(w->snapshot->routes, "ha.example.com"));
        assert_int_equal(u->idle_max, LINK_IDLE_MAX);
        assert_int_equal(u->burst_max, LINK_BURST_MAX);
        u->idle_max = 3;
        u->burst_max = 5;
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                clients[i] = (LinkClient) { .ops = &ops };
                assert_return_code(upstream_acquire(u, &clients[i], UPSTREAM_FRESH), 0);
                turns_accept(&t);
                fds[i] = t.service;
                assert_int_equal(clients[i].link->state, LINK_BUSY);
        }
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                Link *k = clients[i].link;

                link_park(k);
                assert_int_equal(u->n_idle, MIN(i + 1, 5U));
                if (i < 5)
                        assert_int_equal(k->timer.due_usec - w->loop.now_usec,
                                         i < 3 ? LINK_IDLE_USEC : LINK_BURST_USEC);
        }
        for (Link *k = u->idle, *next; k; k = next) {
                next = k->next;
                if (k->timer.due_usec <= k->parked_usec + LINK_BURST_USEC)
                        k->timer.fire(&k->timer);
        }
        assert_int_equal(u->n_idle, 3);
        for (size_t i = 0; i + 1 < ELEMENTSOF(fds); i++)
                close(fds[i]);
        turns_end(&t);
}

TEST_MAIN(cmocka_unit_test(test_burst), cmocka_unit_test(test_sweep), cmocka_unit_test(test_sweep_in_sweep),
          cmocka_unit_test(test_growth))
