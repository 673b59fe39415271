/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a connection in HTTP/2 holds while a side of it stands still, to the byte. */

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hagw-proxyd/h1/h1stream.h"
#include "hagw-proxyd/h2/h2-internal.h"
#include "hagw-proxyd/http/exchange.h"
#include "hagw-proxyd/streams/h2request.h"
#include "hagw-proxyd/streams/streams.h"
#include "tests/unit/turns.h"

#define STREAMS 100U
#define MIB (1024U * 1024)

static int services[STREAMS];

/* Runs until the service has a request from each stream. */
static void accept_all(Turns *t) {
        struct pollfd p = { .fd = t->listener, .events = POLLIN };

        assert_int_equal(listen(t->listener, 2 * STREAMS), 0);
        for (unsigned i = 0, rounds = 0; i < STREAMS; rounds++) {
                assert_true(rounds < 10000);
                turns_run(t, 1);
                if (poll(&p, 1, 0) == 0)
                        continue;
                services[i] = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                assert_true(services[i] >= 0);
                i++;
        }
        turns_run(t, 50);
        assert_int_equal(t->worker->figures->requests, STREAMS);
}

/* Of all that is in buffers, what is not the connection's own, nor a request's beside its body. */
static size_t held(Turns *t) {
        const Conn *c = t->worker->visits->first;
        size_t n = t->worker->pool.used, own = 0;

        own += c->in ? c->in->size : 0;
        own += c->transport.in ? c->transport.in->size : 0;
        own += c->transport.out ? c->transport.out->size : 0;
        for (const H2Request *r = c->streams->first; r; r = r->next)
                own += r->charged + r->h2->size;
        assert_true(own <= n);
        return n - own;
}

static void close_all(void) {
        for (unsigned i = 0; i < STREAMS; i++)
                safe_close(services[i]);
}

/* All of them begin, some in each turn. */
static void test_begin(void **state) {
        Turns t;

        turns_begin(&t);
        t.worker->loop.turn_max = t.worker->loop.turn = LOOP_TURN_MIN;
        (void) turns_visit_http2(&t, NULL);
        turns_ask_http2(&t, STREAMS, TURNS_END_STREAM);
        t.worker->loop.most = 0;
        turns_run(&t, 2);
        assert_in_range(t.worker->figures->requests, 1, 20);
        assert_in_range(t.worker->loop.most, 1, LOOP_TURN_MIN + LOOP_WORK_HANDSHAKE);
        turns_run(&t, 50);
        assert_int_equal(t.worker->figures->requests, STREAMS);
        turns_end(&t);
}

/* A service that has much to say to each. */
static void answer_all(Turns *t) {
        static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";

        for (unsigned i = 0; i < STREAMS; i++) {
                turns_say(services[i], head);
                turns_flood(services[i], "x", 1);
        }
        turns_run(t, 300);
        for (unsigned i = 0; i < STREAMS; i++)
                turns_flood(services[i], "x", 1);
        turns_run(t, 300);
}

static void check_visitor(const char *window) {
        Turns t;

        turns_begin(&t);
        (void) turns_visit_http2(&t, window);
        turns_ask_http2(&t, STREAMS, TURNS_END_STREAM);
        accept_all(&t);
        answer_all(&t);
        assert_int_equal(t.worker->visits->first->streams->n, STREAMS);
        print_message("# %zu bytes\n", held(&t));
        assert_true(held(&t) <= MIB);
        close_all();
        turns_end(&t);
}

/* Who takes nothing by his windows, who takes little by little, who has windows without end and reads
 * nothing at all. */
static void test_visitor_stands_still(void **state) {
        check_visitor("\0\0\0\0");
        check_visitor("\0\0\x03\xe8");
        check_visitor("\0\0\x20\0");
        check_visitor("\x7f\xff\xff\xff");
        check_visitor(NULL);
}

/* What a visitor sends on each stream, in turn, as long as its window and the connection's allow it. */
static void upload(Turns *t, size_t piece) {
        static char data[9 + 16384];
        size_t left = H2_CONNECTION_WINDOW;

        memset(data, 'u', sizeof(data));
        while (left >= piece)
                for (unsigned i = 0; i < STREAMS && left >= piece; i++) {
                        unsigned id = 2 * i + 1;
                        const char head[9] = { (char) (piece >> 16), (char) (piece >> 8), (char) piece,
                                               [7] = (char) (id >> 8), [8] = (char) id };

                        memcpy(data, head, sizeof(head));
                        turns_say_tls(t, data, 9 + piece);
                        left -= piece;
                }
        turns_run(t, 300);
}

/* Until the kernel takes no more, also when it has moved what it had. */
static void fill(const H2Request *r) {
        int fd = r->stream.exchange->client.link->transport.handle.fd;

        for (unsigned i = 0; i < 5; i++)
                turns_flood(fd, "x", 1);
}

/* Its kernel takes nothing, and nothing is granted again. */
static void check_service(size_t piece) {
        Turns t;

        turns_begin(&t);
        (void) turns_visit_http2(&t, NULL);
        turns_ask_http2(&t, STREAMS, 0);
        accept_all(&t);
        for (const H2Request *r = t.worker->visits->first->streams->first; r; r = r->next)
                fill(r);
        upload(&t, piece);
        assert_int_equal(t.worker->visits->first->streams->n, STREAMS);
        print_message("# %zu bytes\n", held(&t));
        assert_true(held(&t) <= MIB);
        assert_true(held(&t) > 0);
        close_all();
        turns_end(&t);
}

static void test_service_stands_still(void **state) {
        check_service(100);
        check_service(4400);
        check_service(5000);
        check_service(16384);
}

/* The answer is through before the service has heard all: it does hear it. */
static void test_the_rest_is_heard(void **state) {
        static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        const char head[9] = { 0, 0, 100, 0, TURNS_END_STREAM, [8] = 1 };
        char data[sizeof(head) + 100], got[65536];
        size_t n = 0, k = 0;
        const Streams *v;
        Turns t;

        turns_begin(&t);
        v = turns_visit_http2(&t, NULL)->streams;
        turns_ask_http2(&t, 1, 0);
        turns_accept(&t);
        turns_run(&t, 50);
        fill(v->first);
        memset(data, '~', sizeof(data)); /* in no head */
        memcpy(data, head, sizeof(head));
        /* The first lies with the transport, the second waits behind it. */
        data[4] = 0;
        turns_say_tls(&t, data, sizeof(data));
        turns_run(&t, 50);
        data[4] = TURNS_END_STREAM;
        turns_say_tls(&t, data, sizeof(data));
        turns_run(&t, 50);
        turns_say(t.service, answer);
        turns_run(&t, 50);
        assert_int_equal(h2_n_streams(v->h2), 0);
        assert_int_equal(v->n, 1);
        for (unsigned i = 0; i < 1000 && v->n > 0; i++) {
                ssize_t r;

                while ((r = recv(t.service, got, sizeof(got), MSG_DONTWAIT)) > 0)
                        for (ssize_t j = 0; j < r; j++) {
                                n += got[j] == '~';
                                k += got[j] == 'x';
                        }
                turns_run(&t, 1);
        }
        assert_int_equal(v->n, 0);
        while (recv(t.service, got, 1, MSG_DONTWAIT) > 0)
                n += got[0] == '~';
        assert_int_equal(n, 200);
        assert_true(k > 0);
        turns_end(&t);
}

/* The service's bytes are here, and there is no memory to put them down for the visitor: he is cut, and the
 * worker goes on. */
static void test_no_memory_for_an_answer(void **state) {
        BufferPool *pool;
        Conn *c;
        Turns t;

        turns_begin(&t);
        c = turns_visit_http2(&t, NULL);
        turns_ask_http2(&t, 1, TURNS_END_STREAM);
        turns_accept(&t);
        turns_say(t.service, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        turns_run(&t, 10);
        assert_int_equal(c->streams->first->stream.exchange->state, EXCHANGE_BODY);
        turns_flood(t.service, "x", 1);
        pool = &t.worker->pool;
        pool->max = pool->wanted_max = pool->used + BUFFER_SIZE;
        alarm(60);
        turns_run(&t, 10);
        alarm(0);
        assert_int_equal(t.worker->figures->answers[2], 1);
        turns_end(&t);
}

/* A service says 1xx on and on: what waits for the visitor has a bound, in each turn. */
static void test_interim_answers_wait(void **state) {
        const Streams *v;
        Exchange *x;
        Turns t;

        turns_begin(&t);
        v = turns_visit_http2(&t, NULL)->streams;
        turns_ask_http2(&t, 1, TURNS_END_STREAM);
        turns_accept(&t);
        turns_run(&t, 10);
        FLOOD(t.service, "HTTP/1.1 103 Early Hints\r\n\r\n");
        x = v->first->stream.exchange;
        transport_note(&x->client.link->transport, EPOLLIN);
        exchange_run(x);
        assert_int_equal(x->state, EXCHANGE_HEAD);
        assert_in_range(nghttp2_session_get_outbound_queue_size(v->h2->session), H2_QUEUE_MAX,
                        H2_QUEUE_MAX + BUFFER_SIZE_SMALL / 16);
        turns_run(&t, 10);
        assert_int_equal(v->n, 1);
        turns_end(&t);
}

/* Requests whose answer is through, and which the service does not read (above): they are on no stream, and
 * there is an end to them as well. */
static void test_unread_requests(void **state) {
        Streams *v;
        Turns t;

        turns_begin(&t);
        v = turns_visit_http2(&t, NULL)->streams;
        v->n += STREAMS_REQUESTS_MAX - 1;
        turns_ask_http2(&t, 2, TURNS_END_STREAM);
        turns_accept(&t);
        turns_run(&t, 10);
        assert_int_equal(v->n, STREAMS_REQUESTS_MAX);
        assert_int_equal(h2_n_streams(v->h2), 1);
        assert_int_equal(t.worker->figures->requests, 1);
        assert_false(h2_is_calmed(v->h2));
        v->n -= STREAMS_REQUESTS_MAX - 1;
        turns_end(&t);
}

/* TLS to a service counts with what its visitor holds, and where there is no memory for it he is told so. */
static void test_tls_to_a_service(void **state) {
        static const char text[] = "GET / HTTP/1.1\r\nHost: tls.example.com\r\n\r\n";
        char answer[16] = {};
        const Exchange *x;
        BufferPool *pool;
        size_t before;
        int peer;
        Conn *c;
        Turns t;

        turns_begin(&t);
        pool = &t.worker->pool;
        before = pool->used;
        c = turns_visit_plain(&t, "tls.example.com");
        turns_say(t.peer, text);
        turns_accept(&t);
        x = c->h1->stream.exchange;
        assert_int_equal(x->client.link->state, LINK_HANDSHAKE);
        assert_true(exchange_held(x) >= LINK_TLS_BYTES);
        assert_true(pool->used >= before + LINK_TLS_BYTES);
        peer = TAKE_FD(t.peer);
        safe_close(TAKE_FD(t.service));
        turns_run(&t, 5);
        assert_int_equal(pool->used, before);
        safe_close(peer);
        /* There is enough for all else. */
        pool->max = pool->wanted_max = before + LINK_TLS_BYTES;
        (void) turns_visit_plain(&t, "tls.example.com");
        turns_say(t.peer, text);
        turns_accept(&t);
        assert_int_equal(recv(t.peer, answer, 12, MSG_DONTWAIT), 12);
        assert_string_equal(answer, "HTTP/1.1 502");
        turns_end(&t);
}

/* Nobody is there any more who would hear the last word. */
static void test_gone_at_the_end(void **state) {
        Turns t;
        Conn *c;

        turns_begin(&t);
        c = turns_visit_http2(&t, NULL);
        t.peer = safe_close(t.peer);
        c->server->part(c);
        assert_int_equal(c->state, CONN_CLOSED);
        assert_null(c->streams);
        turns_end(&t);
}

TEST_MAIN(cmocka_unit_test(test_begin), cmocka_unit_test(test_the_rest_is_heard),
          cmocka_unit_test(test_gone_at_the_end), cmocka_unit_test(test_no_memory_for_an_answer),
          cmocka_unit_test(test_interim_answers_wait), cmocka_unit_test(test_unread_requests),
          cmocka_unit_test(test_tls_to_a_service),
          cmocka_unit_test(test_visitor_stands_still),
          cmocka_unit_test(test_service_stands_still))
