/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may come in: each question by itself. The fourth is test-policy.c. */

#include "hagw-proxyd/visit/admission.h"
#include "hagw-proxyd/visit/conn.h"
#include "tests/unit/turns.h"

static const IpAddress stranger = { .family = AF_INET, .bytes = { 203, 0, 113, 7 } };
static const IpAddress other = { .family = AF_INET, .bytes = { 198, 51, 100, 9 } };

static void test_rows(void **state) {
        for (Admission a = ADMISSION_GRANTED; a < _ADMISSION_MAX; a++)
                assert_non_null(admission_text(a));
}

static void test_an_address(void **state) {
        CrowdPlace places[3] = {}, another = {};
        Turns t;

        turns_begin(&t);
        t.worker->snapshot->connections_per_address = 2;
        for (unsigned i = 0; i < 2; i++)
                assert_int_equal(admit_address(t.worker, &stranger, &places[i]), ADMISSION_GRANTED);
        assert_int_equal(admit_address(t.worker, &stranger, &places[2]), ADMISSION_CROWDED);
        assert_false(places[2].taken);
        assert_int_equal(admit_address(t.worker, &other, &another), ADMISSION_GRANTED);
        crowd_leave(&places[0]);
        assert_int_equal(admit_address(t.worker, &stranger, &places[2]), ADMISSION_GRANTED);
        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                crowd_leave(&places[i]);
        crowd_leave(&another);
        turns_end(&t);
}

/* Counted beside the connections. */
static void test_requests(void **state) {
        CrowdPlace connection = {}, places[3] = {}, another = {};
        Turns t;

        turns_begin(&t);
        t.worker->snapshot->connections_per_address = 2;
        assert_int_equal(admit_address(t.worker, &stranger, &connection), ADMISSION_GRANTED);
        for (unsigned i = 0; i < 2; i++)
                assert_true(admit_request(t.worker, &stranger, &places[i]));
        assert_false(admit_request(t.worker, &stranger, &places[2]));
        assert_false(places[2].taken);
        assert_true(admit_request(t.worker, &other, &another));
        crowd_leave(&places[0]);
        assert_true(admit_request(t.worker, &stranger, &places[2]));
        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                crowd_leave(&places[i]);
        crowd_leave(&another);
        crowd_leave(&connection);
        turns_end(&t);
}

static void test_room(void **state) {
        int peer;
        Turns t;

        turns_begin(&t);
        t.worker->snapshot->connections = 1;
        assert_int_equal(admit_more(t.worker, t.worker), ADMISSION_GRANTED);
        peer = turns_visit(&t, CONN_HTTPS, ARRIVAL_DIRECT);
        assert_int_equal(admit_more(t.worker, t.worker), ADMISSION_FULL);
        conn_close(t.worker->visits->first);
        assert_int_equal(admit_more(t.worker, t.worker), ADMISSION_GRANTED);
        safe_close(peer);
        turns_end(&t);
}

static void test_counted(void **state) {
        Turns t;

        turns_begin(&t);
        admission_count(t.worker, ADMISSION_FULL);
        admission_count(t.worker, ADMISSION_CROWDED);
        assert_int_equal(t.worker->figures->crowded, 2);
        assert_int_equal(t.worker->figures->refused, 0);
        admission_count(t.worker, ADMISSION_UNKNOWN);
        admission_count(t.worker, ADMISSION_OUTSIDE);
        admission_count(t.worker, ADMISSION_UNBELIEVED);
        assert_int_equal(t.worker->figures->refused, 3);
        turns_end(&t);
}

/* raw.example.com is for who is inside. */
static void test_a_name(void **state) {
        static const IpAddress home = { .family = AF_INET, .bytes = { 10, 0, 0, 7 } };
        static uint8_t secret[CHANNEL_SECRET_SIZE];
        static Cidr lan[] = { { .address = { .family = AF_INET, .bytes = { 10 } }, .prefix = 8 } };
        static const struct {
                const char *name;
                const IpAddress *address;
                Arrival arrival;
                Admission admission;
        } rows[] = {
                { "ha.example.com", &stranger, ARRIVAL_DIRECT, ADMISSION_GRANTED },
                { "no.example.com", &stranger, ARRIVAL_DIRECT, ADMISSION_UNKNOWN },
                { "", &stranger, ARRIVAL_DIRECT, ADMISSION_UNKNOWN },
                { "raw.example.com", &stranger, ARRIVAL_DIRECT, ADMISSION_OUTSIDE },
                { "raw.example.com", &home, ARRIVAL_DIRECT, ADMISSION_GRANTED },
                { "raw.example.com", &stranger, ARRIVAL_PROBE, ADMISSION_GRANTED },
                /* Nobody whom the relay brings comes from the house itself. */
                { "raw.example.com", &home, ARRIVAL_CHANNEL_PASSED, ADMISSION_UNBELIEVED },
                { "raw.example.com", &stranger, ARRIVAL_CHANNEL_PASSED, ADMISSION_OUTSIDE },
                { "ha.example.com", &stranger, ARRIVAL_CHANNEL_PASSED, ADMISSION_GRANTED },
                { "ha.example.com", &stranger, ARRIVAL_CHANNEL_OPENED, ADMISSION_GRANTED },
        };
        RelayTarget *relay;
        Snapshot *s;
        Visit v = {};
        Turns t;

        turns_begin(&t);
        s = t.worker->snapshot;
        for (size_t i = 0; i < s->routes->n_routes; i++)
                if (streq(s->routes->routes[i].host.name, "raw.example.com"))
                        s->routes->routes[i].host.access.from = CONF_FROM_LAN;
        free(s->routes->lan.items);
        s->routes->lan.items = malloc(sizeof(lan));
        assert_non_null(s->routes->lan.items);
        memcpy(s->routes->lan.items, lan, sizeof(lan));
        s->routes->lan.n = 1;
        s->hops.known = true;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Route *route = NULL;
                Admission a;

                v.address = *rows[i].address;
                v.arrival = rows[i].arrival;
                v.secret = rows[i].arrival == ARRIVAL_CHANNEL_OPENED ? secret : NULL;
                a = admit_name(&v, s, rows[i].name, &route);
                if (a != rows[i].admission)
                        fail_msg("row %zu: %s, not %s", i, admission_text(a),
                                 admission_text(rows[i].admission));
                assert_int_equal(!!route, a == ADMISSION_GRANTED);
        }
        /* Without a relay nobody comes by one. */
        relay = s->relay;
        s->relay = NULL;
        v.arrival = ARRIVAL_CHANNEL_PASSED;
        v.secret = NULL;
        assert_int_equal(admit_route(&v, s, route_find(s->routes, "ha.example.com")), ADMISSION_UNBELIEVED);
        v.arrival = ARRIVAL_DIRECT;
        assert_int_equal(admit_route(&v, s, route_find(s->routes, "ha.example.com")), ADMISSION_GRANTED);
        s->relay = relay;
        turns_end(&t);
}

static void test_a_handshake(void **state) {
        Turns t;

        turns_begin(&t);
        t.worker->snapshot->terms.handshakes_per_address = 1;
        for (unsigned i = 0; i <= HANDSHAKE_BURST; i++) {
                assert_true(handshake_due_usec(t.worker, &stranger) <= t.worker->loop.now_usec);
                handshake_note(t.worker, &stranger);
        }
        assert_true(handshake_due_usec(t.worker, &stranger) > t.worker->loop.now_usec);
        assert_true(handshake_due_usec(t.worker, &other) <= t.worker->loop.now_usec);
        t.worker->snapshot->terms.handshakes_per_address = 0; /* no limit */
        assert_int_equal(handshake_due_usec(t.worker, &stranger), 0);
        turns_end(&t);
}

TEST_MAIN(cmocka_unit_test(test_rows), cmocka_unit_test(test_an_address),
                cmocka_unit_test(test_requests), cmocka_unit_test(test_room),
          cmocka_unit_test(test_counted), cmocka_unit_test(test_a_name), cmocka_unit_test(test_a_handshake))
