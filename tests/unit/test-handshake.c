/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whose handshake is next, with a hagw-keyd that does not answer. */

#include "hagw-proxyd/door/door.h"
#include "hagw-proxyd/visit/conn.h"
#include "tests/unit/turns.h"

#define CROWD (HANDSHAKES_AT_ONCE + 20)

typedef struct Arriving {
        gnutls_session_t tls;
        int peer;
        Conn *conn;
} Arriving;

static void come(Turns *t, Arriving *v, uint8_t address) {
        v->conn = turns_want(t, address, &v->tls, &v->peer);
}

static void go(Arriving *v) {
        gnutls_deinit(v->tls);
        safe_close(v->peer);
}

static uint64_t waiting(const Turns *t) {
        return atomic_load(&t->worker->counters.handshakes_waiting);
}

static uint64_t signing(const Turns *t) {
        return atomic_load(&t->worker->counters.handshakes_signing);
}

/* Rounds until so many wait for their turn, of whom all have said what they want. */
static void settle(Turns *t, uint64_t n) {
        for (unsigned i = 0; i < 300 && (waiting(t) != n || t->worker->loop.again); i++)
                turns_run(t, 1);
        assert_int_equal(waiting(t), n);
}

/* A crowd from one address waits in a line of its own: who comes last from another one is the next. */
static void test_networks_take_turns(void **state) {
        Arriving crowd[CROWD], other[2];
        uint64_t asked;
        Turns t;

        turns_begin(&t);
        for (size_t i = 0; i < CROWD; i++)
                come(&t, &crowd[i], 1);
        settle(&t, CROWD - HANDSHAKES_AT_ONCE);
        assert_int_equal(signing(&t), HANDSHAKES_AT_ONCE);
        for (size_t i = 0; i < ELEMENTSOF(other); i++)
                come(&t, &other[i], (uint8_t) (2 + i));
        settle(&t, CROWD - HANDSHAKES_AT_ONCE + 2);
        asked = t.worker->signer.n_asked;
        /* Each who goes away gives his place to the next. With the crowd's own line there are three. */
        for (unsigned i = 0; i < 3; i++) {
                conn_close(crowd[i].conn);
                settle(&t, CROWD - HANDSHAKES_AT_ONCE + 2 - i - 1);
        }
        assert_int_equal(t.worker->signer.n_asked, asked + 3);
        /* Two of the three places are the others': when they go, two more are free. */
        for (size_t i = 0; i < ELEMENTSOF(other); i++)
                conn_close(other[i].conn);
        settle(&t, CROWD - HANDSHAKES_AT_ONCE - 3);
        assert_int_equal(signing(&t), HANDSHAKES_AT_ONCE);
        for (size_t i = 0; i < CROWD; i++)
                go(&crowd[i]);
        for (size_t i = 0; i < ELEMENTSOF(other); i++)
                go(&other[i]);
        turns_end(&t);
}

/* Two addresses that share a place in the table. */
static bool find_neighbours(uint8_t *ret_a, uint8_t *ret_b) {
        for (unsigned a = 0; a < 256; a++)
                for (unsigned b = 0; b < a; b++) {
                        const IpAddress x = { .family = AF_INET, .bytes = { 203, 0, 113, (uint8_t) a } };
                        const IpAddress y = { .family = AF_INET, .bytes = { 203, 0, 113, (uint8_t) b } };

                        if (crowd_hash(&x) % HANDSHAKE_PLACES == crowd_hash(&y) % HANDSHAKE_PLACES) {
                                *ret_a = (uint8_t) a;
                                *ret_b = (uint8_t) b;
                                return true;
                        }
                }
        return false;
}

/* Who shares a place with a crowd by chance does not wait behind it. */
static void test_neighbours_take_turns(void **state) {
        Arriving crowd[CROWD], other;
        uint8_t a, b;
        uint64_t asked;
        Turns t;

        turns_begin(&t);
        while (!find_neighbours(&a, &b))
                assert_int_equal(crowd_init(), 0); /* another hash: nobody has come yet */
        for (size_t i = 0; i < CROWD; i++)
                come(&t, &crowd[i], a);
        settle(&t, CROWD - HANDSHAKES_AT_ONCE);
        come(&t, &other, b);
        settle(&t, CROWD - HANDSHAKES_AT_ONCE + 1);
        for (unsigned i = 0; i < 2; i++) {
                conn_close(crowd[i].conn);
                settle(&t, CROWD - HANDSHAKES_AT_ONCE - i);
        }
        /* One of the two places is his: when he goes, it is free. */
        asked = t.worker->signer.n_asked;
        conn_close(other.conn);
        settle(&t, CROWD - HANDSHAKES_AT_ONCE - 2);
        assert_int_equal(t.worker->signer.n_asked, asked + 1);
        for (size_t i = 0; i < CROWD; i++)
                go(&crowd[i]);
        go(&other);
        turns_end(&t);
}

/* What hagw-keyd has been asked for it has to do, although who wanted it has gone: whoever comes and goes
 * does not fill its queue until everybody's signatures come too late. */
static void test_what_nobody_waits_for_counts(void **state) {
        Arriving v;
        Turns t;

        turns_begin(&t);
        t.snapshot->terms.handshakes_per_address = 0;
        for (unsigned i = 0; i < 2 * SIGNER_REQUESTS_WANTED; i++) {
                come(&t, &v, (uint8_t) i);
                turns_run(&t, 1);
                while (t.worker->loop.again || waiting(&t) + signing(&t) == 0)
                        turns_run(&t, 1);
                assert_int_equal(waiting(&t), i >= SIGNER_REQUESTS_WANTED);
                conn_close(v.conn);
                go(&v);
        }
        assert_int_equal(t.worker->signer.n_asked, SIGNER_REQUESTS_WANTED);
        come(&t, &v, 1);
        settle(&t, 1);
        /* When it is done with them, or given up, who waits goes on. */
        signer_done(&t.worker->signer);
        settle(&t, 0);
        assert_int_equal(signing(&t), 1);
        go(&v);
        turns_end(&t);
}

typedef struct Asker {
        Fiber *fiber;
        int result;
} Asker;

static void ask(void *userdata) {
        gnutls_datum_t data = { (unsigned char *) "x", 1 }, signature;

        ((Asker *) userdata)->result = signer_sign("key", "ecdsa_secp256r1_sha256", &data, &signature);
}

static void on_wake(void *userdata) {
        assert_true(fiber_resume(((Asker *) userdata)->fiber));
}

static void test_signer_is_full(void **state) {
        Asker askers[SIGNER_REQUESTS_MAX + 1] = {};
        Turns t;

        turns_begin(&t);
        for (size_t i = 0; i < ELEMENTSOF(askers); i++) {
                askers[i].fiber = fiber_new(&t.worker->handshakes->fibers, ask, on_wake, &askers[i]);
                assert_int_equal(fiber_resume(askers[i].fiber), i == SIGNER_REQUESTS_MAX);
        }
        assert_int_equal(askers[SIGNER_REQUESTS_MAX].result, -EBUSY);
        /* Given up, and once more: then that is the answer. */
        signer_done(&t.worker->signer);
        signer_done(&t.worker->signer);
        turns_run(&t, 2 + SIGNER_REQUESTS_MAX / LOOP_AGAINS_MAX);
        for (size_t i = 0; i < SIGNER_REQUESTS_MAX; i++)
                assert_int_equal(askers[i].result, -ECANCELED);
        assert_int_equal(t.worker->signer.n_requests, 0);
        turns_end(&t);
}

/* proxy.handshakes_per_address: what is beyond waits, though there are places. */
static void test_rate(void **state) {
        Arriving crowd[20], other;
        Turns t;

        turns_begin(&t);
        t.snapshot->terms.handshakes_per_address = 1;
        for (size_t i = 0; i < ELEMENTSOF(crowd); i++)
                come(&t, &crowd[i], 7);
        settle(&t, ELEMENTSOF(crowd) - HANDSHAKE_BURST - 1);
        come(&t, &other, 8);
        turns_run(&t, 5);
        settle(&t, ELEMENTSOF(crowd) - HANDSHAKE_BURST - 1);
        assert_int_equal(signing(&t), HANDSHAKE_BURST + 2);
        /* As time goes by, one after the other. */
        t.worker->loop.now_usec += USEC_PER_SEC;
        assert_non_null(t.worker->handshakes->queues[HANDSHAKE_FULL].timer.place);
        for (size_t i = 0; i < ELEMENTSOF(crowd); i++)
                go(&crowd[i]);
        go(&other);
        turns_end(&t);
}

/* Out of the middle of the line, its end, and from under way. */
static void test_who_goes(void **state) {
        static const size_t order[] = { CROWD - 1, HANDSHAKES_AT_ONCE + 3, HANDSHAKES_AT_ONCE, 0, 5 };
        Arriving crowd[CROWD];
        uint64_t left = CROWD - HANDSHAKES_AT_ONCE;
        Turns t;

        turns_begin(&t);
        for (size_t i = 0; i < CROWD; i++)
                come(&t, &crowd[i], (uint8_t) (i % 3));
        settle(&t, left);
        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                conn_close(crowd[order[i]].conn);
                settle(&t, --left);
        }
        for (size_t i = 0; i < CROWD; i++)
                go(&crowd[i]);
        turns_end(&t);
}

TEST_MAIN(cmocka_unit_test(test_networks_take_turns), cmocka_unit_test(test_neighbours_take_turns),
          cmocka_unit_test(test_what_nobody_waits_for_counts), cmocka_unit_test(test_signer_is_full),
          cmocka_unit_test(test_rate), cmocka_unit_test(test_who_goes))
