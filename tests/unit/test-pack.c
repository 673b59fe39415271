/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is compressed costs more than what is passed on, and keeps its turn all the same; who reads nothing
 * holds little. */

#include <stdio.h>
#include <sys/socket.h>

#include "hagw-proxyd/h1/h1stream.h"
#include "tests/unit/turns.h"

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nCache-Control: public\r\n"

static Exchange *exchange_of(Turns *t) {
        return t->worker->visits->first->h1->stream.exchange;
}

static void flood(Turns *t) {
        char text[4096];

        for (unsigned i = 0; i < sizeof(text); i++)
                text[i] = (char) ('a' + (i * i * 7 + i / 3) % 26);
        turns_flood(t->service, text, sizeof(text));
}

/* An answer whose head has come, and which goes on and on. */
static void enter(Turns *t, const char *coding) {
        char text[128];

        (void) turns_visit_plain(t, "ha.example.com");
        (void) snprintf(text, sizeof(text),
                        "GET /a.js HTTP/1.1\r\nHost: ha.example.com\r\nAccept-Encoding: %s\r\n\r\n", coding);
        turns_say(t->peer, text);
        turns_accept(t);
        t->ours = exchange_of(t)->client.link->transport.handle.fd;
        turns_say(t->service, ANSWER "Connection: close\r\n\r\n");
        turns_run(t, 1);
        assert_int_equal(exchange_of(t)->state, EXCHANGE_BODY);
        assert_non_null(exchange_of(t)->pack);
        flood(t);
}

static bool enter_gzip(Turns *t) {
        enter(t, "gzip");
        return true;
}

static bool enter_brotli(Turns *t) {
        enter(t, "br");
        return true;
}

static void test_turns(void **state) {
        turns_check(enter_gzip);
        turns_check(enter_brotli);
}

/* The work counts, and not the bytes alone. */
static void test_work(void **state) {
        Turns t;
        uint64_t passed;

        turns_begin(&t);
        enter(&t, "br");
        t.worker->loop.turn_max = TURNS_TURN;
        passed = t.worker->figures->compressed_from;
        turns_run(&t, 1);
        passed = t.worker->figures->compressed_from - passed;
        assert_in_range(passed * ENCODER_WORK_BROTLI, 1, TURNS_TURN + TURNS_BEYOND);
        turns_end(&t);
}

/* The visitor takes nothing: neither does anybody read for him. */
static void test_stalled(void **state) {
        static const struct {
                const char *coding;
                size_t memory;
        } rows[] = { { "gzip", ENCODER_MEMORY_GZIP }, { "br", ENCODER_MEMORY_BROTLI } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Turns t;
                Exchange *x;
                uint64_t passed;

                turns_begin(&t);
                enter(&t, rows[i].coding);
                x = exchange_of(&t);
                (void) setsockopt(t.worker->visits->first->transport.handle.fd, SOL_SOCKET, SO_SNDBUF,
                                  &(int) { 4096 }, sizeof(int));
                do {
                        passed = t.worker->figures->compressed_from;
                        flood(&t);
                        turns_run(&t, 50);
                } while (t.worker->figures->compressed_from > passed);
                assert_true(passed > 0);
                assert_int_equal(x->stream->ops->ready(x->stream), 0);
                assert_in_range(pack_held(x->pack), 1, rows[i].memory);
                assert_in_range(exchange_held(x), 1, rows[i].memory + 2 * (size_t) BUFFER_SIZE);
                assert_int_equal(t.worker->exchanges->encoders.n, 1);
                turns_end(&t);
        }
}

/* What nobody has asked for since waits for its time, and goes then. */
static void test_pause(void **state) {
        char got[1024];
        Turns t;
        ssize_t n;

        turns_begin(&t);
        (void) turns_visit_plain(&t, "ha.example.com");
        turns_say(t.peer, "GET /a.js HTTP/1.1\r\nHost: ha.example.com\r\nAccept-Encoding: br\r\n\r\n");
        turns_accept(&t);
        turns_say(t.service, ANSWER "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        turns_run(&t, 2);
        assert_non_null(exchange_of(&t)->pack->pause.place);
        assert_false(exchange_of(&t)->pack->paused);
        n = recv(t.peer, got, sizeof(got), MSG_DONTWAIT);
        assert_true(n > 4 && memcmp(got + n - 4, "\r\n\r\n", 4) == 0); /* the head, and nothing behind it */
        exchange_of(&t)->pack->pause.fire(&exchange_of(&t)->pack->pause);
        n = recv(t.peer, got, sizeof(got), MSG_DONTWAIT);
        assert_true(n > 5 && memcmp(got + n - 2, "\r\n", 2) == 0);
        assert_null(exchange_of(&t)->pack->pause.place);
        assert_false(exchange_of(&t)->pack->paused);
        turns_end(&t);
}

/* No place to compress at: it goes as it is. */
static void test_crowded(void **state) {
        Turns t;

        turns_begin(&t);
        t.worker->exchanges->encoders.n = ENCODERS_MAX;
        (void) turns_visit_plain(&t, "ha.example.com");
        turns_say(t.peer, "GET /a.js HTTP/1.1\r\nHost: ha.example.com\r\nAccept-Encoding: br\r\n\r\n");
        turns_accept(&t);
        turns_say(t.service, ANSWER "Content-Length: 2000\r\n\r\n");
        turns_run(&t, 2);
        assert_null(exchange_of(&t)->pack);
        assert_int_equal(t.worker->figures->compress_crowded, 1);
        assert_int_equal(t.worker->figures->compressed, 0);
        t.worker->exchanges->encoders.n = 0;
        turns_end(&t);
}

TEST_MAIN(cmocka_unit_test(test_turns), cmocka_unit_test(test_work), cmocka_unit_test(test_stalled),
          cmocka_unit_test(test_pause), cmocka_unit_test(test_crowded))
