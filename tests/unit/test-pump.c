/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "libhagw/net/pump.h"
#include "tests/unit/test.h"

typedef struct Fixture {
        PipePool pipes;
        BufferPool buffers;
        int left[2], right[2]; /* [0]: ours, [1]: the peer's */
        Pump pump;
} Fixture;

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, f->left), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, f->right), 0);
        pump_init(&f->pump, &f->pipes, &f->buffers, f->left[0], f->right[0], NULL);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        pump_done(&f->pump);
        pipe_pool_done(&f->pipes);
        buffer_pool_done(&f->buffers);
        for (unsigned i = 0; i < 2; i++) {
                safe_close(f->left[i]);
                safe_close(f->right[i]);
        }
        free(f);
        return 0;
}

static void note_all(Pump *p) {
        for (unsigned i = 0; i < 2; i++)
                pump_note(p, i, EPOLLIN | EPOLLOUT);
}

static void expect(int fd, const char *text) {
        char buffer[64];

        assert_int_equal(recv(fd, buffer, sizeof(buffer), 0), strlen(text));
        assert_memory_equal(buffer, text, strlen(text));
}

static void test_both_ways(void **state) {
        Fixture *f = *state;

        assert_int_equal(send(f->left[1], "up", 2, 0), 2);
        assert_int_equal(send(f->right[1], "down", 4, 0), 4);
        assert_int_equal(pump_run(&f->pump, 0), PUMP_WAIT);
        expect(f->right[1], "up");
        expect(f->left[1], "down");
        assert_false(pump_is_stuck(&f->pump));
        assert_int_equal(f->pump.sides[0].received, 2);
        assert_int_equal(f->pump.sides[1].received, 4);
        assert_int_equal(f->pipes.n_free, 1); /* nobody holds one while nothing is on its way */
}

static void test_head_goes_first(void **state) {
        Fixture *f = *state;
        Buffer *b = buffer_get(&f->buffers, 0);

        buffer_append(b, "head ", 5);
        f->pump.sides[1].head = b;
        assert_int_equal(send(f->left[1], "body", 4, 0), 4);
        assert_int_equal(pump_run(&f->pump, 0), PUMP_WAIT);
        expect(f->right[1], "head body");
}

/* An end on one side leaves the other direction open. */
static void test_half_close(void **state) {
        Fixture *f = *state;

        assert_int_equal(send(f->left[1], "question", 8, 0), 8);
        assert_int_equal(shutdown(f->left[1], SHUT_WR), 0);
        assert_int_equal(pump_run(&f->pump, 0), PUMP_WAIT);
        expect(f->right[1], "question");
        assert_int_equal(recv(f->right[1], (char[1]) {}, 1, 0), 0);
        assert_int_equal(send(f->right[1], "answer", 6, 0), 6);
        note_all(&f->pump);
        assert_int_equal(pump_run(&f->pump, 0), PUMP_WAIT);
        expect(f->left[1], "answer");
        assert_int_equal(shutdown(f->right[1], SHUT_WR), 0);
        note_all(&f->pump);
        assert_int_equal(pump_run(&f->pump, 0), PUMP_DONE);
        assert_int_equal(recv(f->left[1], (char[1]) {}, 1, 0), 0);
}

/* Who does not read is not read for: what is held is bounded, and nothing is lost or doubled. */
static void test_backpressure(void **state) {
        Fixture *f = *state;
        uint8_t out[4096], in[4096];
        size_t sent = 0, received = 0;
        ssize_t n;

        for (unsigned round = 0; round < 10000 && sent < 32U * 1024 * 1024; round++) {
                for (size_t i = 0; i < sizeof(out); i++)
                        out[i] = (uint8_t) ((sent + i) % 251);
                n = send(f->left[1], out, sizeof(out), 0);
                if (n < 0)
                        break;
                sent += (size_t) n;
                note_all(&f->pump);
                assert_int_equal(pump_run(&f->pump, 0), PUMP_WAIT);
        }
        assert_int_equal(errno, EAGAIN);
        assert_true(pump_is_stuck(&f->pump));
        assert_true(f->pump.sides[0].pipe->used <= PIPE_SIZE);
        while (received < sent) {
                n = recv(f->right[1], in, sizeof(in), 0);
                for (ssize_t i = 0; i < n; i++)
                        assert_int_equal(in[i], (received + (size_t) i) % 251);
                received += (size_t) MAX(n, (ssize_t) 0);
                note_all(&f->pump);
                assert_true(pump_run(&f->pump, 0) <= PUMP_AGAIN);
        }
        assert_false(pump_is_stuck(&f->pump));
}

static void test_broken(void **state) {
        Fixture *f = *state;

        f->right[1] = safe_close(f->right[1]);
        assert_int_equal(send(f->left[1], "x", 1, 0), 1);
        assert_int_equal(pump_run(&f->pump, 0), PUMP_BROKEN);
}

static void test_limit(void **state) {
        Fixture *f = *state;
        RateLimit limit = { .rate = 10000, .tokens = 10000 };
        char buffer[65536] = {};
        ssize_t n;

        f->pump.limit = &limit;
        assert_int_equal(send(f->left[1], buffer, 40000, 0), 40000);
        assert_int_equal(pump_run(&f->pump, 0), PUMP_WAIT);
        assert_int_equal(recv(f->right[1], buffer, sizeof(buffer), 0), 10000);
        assert_true(f->pump.resume_usec > 0);
        for (uint64_t now = 0; now < 3 * USEC_PER_SEC;) {
                now = f->pump.resume_usec;
                assert_int_equal(pump_run(&f->pump, now), PUMP_WAIT);
                n = recv(f->right[1], buffer, sizeof(buffer), 0);
                assert_true(n <= 1001);
                if (now >= 3 * USEC_PER_SEC)
                        break;
                assert_true(f->pump.resume_usec > now);
        }
        assert_in_range(f->pump.sides[0].received, 39000, 40000);
}

/* Whoever sends often and little does not slow the others down: no time gets lost between two looks. */
static void test_limit_asked_often(void **state) {
        Fixture *f = *state;
        RateLimit limit = { .rate = 50000, .since_usec = 1 };
        char buffer[65536] = {};

        f->pump.limit = &limit;
        assert_int_equal(send(f->left[1], buffer, sizeof(buffer), 0), sizeof(buffer));
        for (uint64_t now = 1; now < USEC_PER_SEC / 2; now += 7) {
                note_all(&f->pump);
                assert_int_equal(pump_run(&f->pump, now), PUMP_WAIT);
                (void) recv(f->right[1], buffer, sizeof(buffer), 0);
        }
        assert_in_range(f->pump.sides[0].received, 19000, 25000);
}

/* Large pipes are few, and come first. */
static void test_large_pipes(void **state) {
        Fixture *f = *state;
        Pump other;
        int left[2], right[2];

        f->pipes.large_max = 1;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, left), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, right), 0);
        pump_init(&other, &f->pipes, &f->buffers, left[0], right[0], NULL);
        while (!pump_is_stuck(&f->pump)) {
                assert_true(send(f->left[1], (char[4096]) {}, 4096, 0) > 0);
                note_all(&f->pump);
                assert_int_equal(pump_run(&f->pump, 0), PUMP_WAIT);
        }
        assert_int_equal(f->pump.sides[0].pipe->size, PIPE_SIZE);
        /* The one that there is, is held: others get the kernel's own size, and one of those is kept. */
        assert_int_equal(send(left[1], "x", 1, 0), 1);
        assert_int_equal(pump_run(&other, 0), PUMP_WAIT);
        expect(right[1], "x");
        assert_int_equal(f->pipes.n_free, 1);
        assert_true(f->pipes.free->size < PIPE_SIZE);
        while (pump_is_stuck(&f->pump)) {
                assert_true(recv(f->right[1], (char[4096]) {}, 4096, 0) > 0);
                note_all(&f->pump);
                assert_int_equal(pump_run(&f->pump, 0), PUMP_WAIT);
        }
        assert_int_equal(f->pipes.free->size, PIPE_SIZE);
        assert_int_equal(f->pipes.n_free, 2);
        pump_done(&other);
        for (unsigned i = 0; i < 2; i++) {
                safe_close(left[i]);
                safe_close(right[i]);
        }
}

/* Where descriptors have run out, it waits for others to give theirs back. */
static void test_no_descriptor(void **state) {
        Fixture *f = *state;
        struct rlimit before, none;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = before;
        none.rlim_cur = 0;
        assert_int_equal(send(f->left[1], "x", 1, 0), 1);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        assert_int_equal(pump_run(&f->pump, 5), PUMP_WAIT);
        assert_int_equal(f->pump.resume_usec, 5 + PIPE_RETRY_USEC);
        assert_int_equal(recv(f->right[1], (char[1]) {}, 1, 0), -1);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(pump_run(&f->pump, f->pump.resume_usec), PUMP_WAIT);
        assert_int_equal(f->pump.resume_usec, 0);
        expect(f->right[1], "x");
}

/* A user with many pipes gets small ones (pipe-user-pages-soft): slower, but the same bytes. */
static void pump_through_smallest(Fixture *f) {
        struct rlimit many = { 4096, 4096 };
        char out[32768], in[32768];
        size_t got = 0;
        int fds[2];

        assert_int_equal(setrlimit(RLIMIT_NOFILE, &many), 0);
        assert_int_equal(setuid(65534), 0);
        f->pipes.large_max = 8;
        do
                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        while (fcntl(fds[0], F_GETPIPE_SZ) > 2 * 4096);
        for (size_t i = 0; i < sizeof(out); i++)
                out[i] = (char) (i % 251);
        assert_int_equal(send(f->left[1], out, sizeof(out), 0), sizeof(out));
        for (unsigned round = 0; got < sizeof(in) && round < 1000; round++) {
                ssize_t n;

                note_all(&f->pump);
                assert_true(pump_run(&f->pump, 0) <= PUMP_AGAIN);
                n = recv(f->right[1], in + got, sizeof(in) - got, 0);
                got += (size_t) MAX(n, (ssize_t) 0);
        }
        assert_int_equal(got, sizeof(in));
        assert_memory_equal(in, out, sizeof(in));
        assert_true(f->pipes.free->size <= 2 * 4096);
        assert_int_equal(f->pipes.n_large, 0);
}

static void test_smallest_pipes(void **state) {
        int status;
        pid_t pid;

        if (geteuid() != 0)
                skip();
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                pump_through_smallest(*state);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

/* A pipe takes few bytes at a time where each has come alone: no turn is made of thousands of calls. */
static void test_dribble(void **state) {
        Fixture *f = *state;
        unsigned n = 0, turns = 0;

        while (send(f->left[1], "x", 1, MSG_DONTWAIT) == 1)
                n++;
        f->pump.turn = 2 * PUMP_MOVE_BYTES;
        while (pump_run(&f->pump, 0) == PUMP_AGAIN) {
                turns++;
                assert_in_range(f->pump.moved, 1, turns * 2 * 16); /* what 64 KiB of pipe have places for */
        }
        assert_int_equal(f->pump.moved, n);
        assert_in_range(turns, 2, n);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_both_ways, setup, teardown),
                cmocka_unit_test_setup_teardown(test_head_goes_first, setup, teardown),
                cmocka_unit_test_setup_teardown(test_half_close, setup, teardown),
                cmocka_unit_test_setup_teardown(test_backpressure, setup, teardown),
                cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
                cmocka_unit_test_setup_teardown(test_dribble, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limit_asked_often, setup, teardown),
                cmocka_unit_test_setup_teardown(test_large_pipes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_descriptor, setup, teardown),
                cmocka_unit_test_setup_teardown(test_smallest_pipes, setup, teardown),
        };

        /* As the daemons do: splice(2) has no MSG_NOSIGNAL. */
        (void) signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
