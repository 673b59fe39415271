/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whose handshake is next, with a hagw-keyd that does not answer. */

#include "turns.h"

#define CROWD (HANDSHAKES_AT_ONCE + 20)

typedef struct Visit {
        gnutls_session_t tls;
        int peer;
        Conn *conn;
} Visit;

static void come(Turns *t, Visit *v, uint8_t address) {
        v->conn = turns_want(t, address, &v->tls, &v->peer);
}

static void go(Visit *v) {
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
        Visit crowd[CROWD], other[2];
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

/* proxy.handshakes_per_address: what is beyond waits, though there are places. */
static void test_rate(void **state) {
        Visit crowd[20], other;
        Turns t;

        turns_begin(&t);
        t.snapshot->handshakes_per_address = 1;
        for (size_t i = 0; i < ELEMENTSOF(crowd); i++)
                come(&t, &crowd[i], 7);
        settle(&t, ELEMENTSOF(crowd) - HANDSHAKE_BURST - 1);
        come(&t, &other, 8);
        turns_run(&t, 5);
        settle(&t, ELEMENTSOF(crowd) - HANDSHAKE_BURST - 1);
        assert_int_equal(signing(&t), HANDSHAKE_BURST + 2);
        /* As time goes by, one after the other. */
        t.worker->loop.now_usec += USEC_PER_SEC;
        assert_non_null(t.worker->handshakes.queues[HANDSHAKE_FULL].timer.link);
        for (size_t i = 0; i < ELEMENTSOF(crowd); i++)
                go(&crowd[i]);
        go(&other);
        turns_end(&t);
}

/* Out of the middle of the line, its end, and from under way. */
static void test_who_goes(void **state) {
        static const size_t order[] = { CROWD - 1, HANDSHAKES_AT_ONCE + 3, HANDSHAKES_AT_ONCE, 0, 5 };
        Visit crowd[CROWD];
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

TEST_MAIN(cmocka_unit_test(test_networks_take_turns), cmocka_unit_test(test_rate),
          cmocka_unit_test(test_who_goes))
