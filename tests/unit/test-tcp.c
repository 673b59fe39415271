/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A client who never pauses does not keep the others from their turn. Measured in turns of the event loop,
 * each of which serves one of them. */

#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "hagw-dnsd/tcp.h"
#include "tests/unit/answer-fixture.h"
#include "tests/unit/test.h"

typedef struct Fixture {
        AnswerSource source;
        sd_event *event;
        TcpServer *server;
        int listener;
        struct sockaddr_in address;
} Fixture;

/* Whatever is ready now, one after the other. */
static unsigned run(Fixture *f, unsigned most) {
        unsigned n = 0;

        while (n < most && sd_event_run(f->event, 0) > 0)
                n++;
        return n;
}

static int setup(void **state) {
        static const TcpLimits limits = { .clients = 8, .idle_usec = USEC_PER_MINUTE };
        Fixture *f = calloc(1, sizeof(*f));
        socklen_t size = sizeof(f->address);

        assert_non_null(f);
        fixture_init(&f->source);
        f->address = (struct sockaddr_in) { .sin_family = AF_INET,
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(f->listener, (struct sockaddr *) &f->address, size), 0);
        assert_int_equal(listen(f->listener, 8), 0);
        assert_int_equal(getsockname(f->listener, (struct sockaddr *) &f->address, &size), 0);
        assert_int_equal(sd_event_new(&f->event), 0);
        assert_int_equal(tcp_server_new(f->event, &limits, &f->source, &f->server), 0);
        assert_int_equal(tcp_server_add(f->server, f->listener), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        tcp_server_free(f->server);
        sd_event_unref(f->event);
        safe_close(f->listener);
        fixture_done(&f->source);
        free(f);
        return 0;
}

static int come(Fixture *f) {
        unsigned before = tcp_server_stats(f->server).clients;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(connect(fd, (struct sockaddr *) &f->address, sizeof(f->address)), 0);
        for (unsigned i = 0; i < 100 && tcp_server_stats(f->server).clients == before; i++)
                (void) sd_event_run(f->event, 10 * USEC_PER_MSEC);
        (void) run(f, 10);
        return fd;
}

static void flood(int fd, const void *bytes, size_t size) {
        char many[16384];
        size_t n = sizeof(many) / size * size, sent = 0;

        for (size_t i = 0; i < n; i += size)
                memcpy(many + i, bytes, size);
        for (;;) {
                ssize_t k = send(fd, many + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (k < 0)
                        break;
                sent = (sent + (size_t) k) % n;
        }
        assert_int_equal(errno, EAGAIN);
}

static const uint8_t query[] = "\0\33\0\1\1\0\0\1\0\0\0\0\0\0\4home\4test\0\0\1\0\1";
#define QUERY_SIZE (sizeof(query) - 1)

static bool has_answer(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, 0) == 1;
}

static void check(Fixture *f, const void *bytes, size_t size) {
        int flooder = come(f), other = come(f);

        flood(flooder, bytes, size);
        assert_int_equal(send(other, query, QUERY_SIZE, 0), QUERY_SIZE);
        /* One turn of each. */
        assert_in_range(run(f, 2), 1, 2);
        assert_true(has_answer(other));
        /* The flood would have gone on. */
        assert_int_equal(run(f, 1), 1);
        safe_close(flooder);
        safe_close(other);
        (void) run(f, 20);
}

static void test_turns(void **state) {
        check(*state, query, QUERY_SIZE);
        check(*state, "\0", 2); /* frames without content */
        check(*state, "\0\1x", 3);
        check(*state, "\xff\xff", 2); /* one that is too long, after another */
}

TEST_MAIN(cmocka_unit_test_setup_teardown(test_turns, setup, teardown))
