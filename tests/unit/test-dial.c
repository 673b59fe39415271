/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "libhagw/net/dial.h"
#include "tests/unit/test.h"

typedef struct Fixture {
        Loop loop;
        IpAddress addresses[DIAL_ADDRESSES_MAX];
        DialTarget target;
        int listener;
        unsigned n_told;
        int fd;
        size_t index;
} Fixture;

static void on_dialled(int fd, size_t index, void *userdata) {
        Fixture *f = userdata;

        f->n_told++;
        f->fd = fd;
        f->index = index;
}

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(loop_init(&f->loop), 0);
        f->listener = f->fd = -EBADF;
        f->target = (DialTarget) { .addresses = f->addresses, .timeout_usec = USEC_PER_SEC };
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        safe_close(f->fd);
        safe_close(f->listener);
        loop_done(&f->loop);
        free(f);
        return 0;
}

/* The address as the next of the target. A listener's port is the target's. */
static void add(Fixture *f, const char *text, int backlog) {
        IpAddress *a = &f->addresses[f->target.n_addresses++];
        struct sockaddr_storage s;
        socklen_t size;

        assert_int_equal(ip_parse(text, a), 0);
        if (backlog < 0)
                return;
        size = ip_to_sockaddr(a, f->target.port, &s);
        f->listener = socket(s.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(f->listener, (struct sockaddr *) &s, size), 0);
        assert_int_equal(listen(f->listener, backlog), 0);
        assert_int_equal(getsockname(f->listener, (struct sockaddr *) &s, &size), 0);
        f->target.port = be16toh(a->family == AF_INET ? ((struct sockaddr_in *) &s)->sin_port :
                                                        ((struct sockaddr_in6 *) &s)->sin6_port);
}

/* Returns how long it took, usec. */
static uint64_t dial(Fixture *f) {
        uint64_t begin = f->loop.now_usec;
        _Atomic uint64_t begun = 0;
        Dial *d;

        assert_int_equal(dial_new(&f->loop, &f->target, &begun, on_dialled, f, &d), 0);
        assert_int_equal(f->n_told, 0); /* not from within the call */
        for (unsigned i = 0; i < 1000 && f->n_told == 0; i++)
                assert_int_equal(loop_run(&f->loop, 100 * USEC_PER_MSEC), 0);
        assert_int_equal(f->n_told, 1);
        assert_int_equal(loop_run(&f->loop, 0), 0);
        return f->loop.now_usec - begin;
}

static void test_first(void **state) {
        Fixture *f = *state;

        add(f, "127.0.0.1", 8);
        add(f, "127.0.0.2", -1);
        (void) dial(f);
        assert_true(f->fd >= 0);
        assert_int_equal(f->index, 0);
}

/* Nobody waits where one refuses. */
static void test_refused(void **state) {
        Fixture *f = *state;

        add(f, "127.0.0.2", -1);
        add(f, "127.0.0.3", -1);
        add(f, "127.0.0.1", 8);
        assert_true(dial(f) < DIAL_STAGGER_USEC);
        assert_true(f->fd >= 0);
        assert_int_equal(f->index, 2);
}

static void test_all_refuse(void **state) {
        Fixture *f = *state;

        add(f, "127.0.0.2", -1);
        add(f, "::1", -1);
        f->target.port = 1;
        assert_true(dial(f) < DIAL_STAGGER_USEC);
        assert_int_equal(f->fd, -ECONNREFUSED);
}

/* That there is no way to one of them, whenever it is tried, hides nothing of the other. */
static void test_no_way_says_least(void **state) {
        static const char *const none = "255.255.255.255", *const refuses = "127.0.0.1";

        for (unsigned turn = 0; turn < 2; turn++) {
                Fixture *f = *state;

                f->n_told = 0;
                f->target.n_addresses = 0;
                f->target.port = 1;
                add(f, turn == 0 ? none : refuses, -1);
                add(f, turn == 0 ? refuses : none, -1);
                (void) dial(f);
                assert_int_equal(f->fd, -ECONNREFUSED);
        }
        {
                Fixture *f = *state;

                f->n_told = 0;
                f->target.n_addresses = 0;
                add(f, none, -1);
                (void) dial(f);
                assert_int_equal(f->fd, -ENETUNREACH);
        }
}

static void test_none(void **state) {
        Fixture *f = *state;

        (void) dial(f);
        assert_int_equal(f->fd, -EDESTADDRREQ);
}

static void fill(Fixture *f, int fillers[static 4]) {
        struct sockaddr_storage s;
        socklen_t size = ip_to_sockaddr(&f->addresses[0], f->target.port, &s);

        for (unsigned i = 0; i < 4; i++) {
                fillers[i] = socket(s.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
                (void) connect(fillers[i], (struct sockaddr *) &s, size);
        }
}

/* A full backlog does not answer: the other family is asked after its head start, though it comes later. */
static void test_silent(void **state) {
        Fixture *f = *state;
        int fillers[4], silent;
        uint64_t took;

        add(f, "127.0.0.1", 0);
        silent = f->listener;
        fill(f, fillers);
        add(f, "127.0.0.2", -1);
        f->addresses[1] = f->addresses[0];
        add(f, "::1", 8);
        took = dial(f);
        assert_in_range(took, DIAL_STAGGER_USEC, DIAL_STAGGER_USEC + 200 * USEC_PER_MSEC);
        assert_true(f->fd >= 0);
        assert_int_equal(f->index, 2);
        for (unsigned i = 0; i < 4; i++)
                safe_close(fillers[i]);
        safe_close(silent);
}

static void test_too_long(void **state) {
        Fixture *f = *state;
        int fillers[4];

        add(f, "127.0.0.1", 0);
        fill(f, fillers);
        f->target.timeout_usec = 300 * USEC_PER_MSEC;
        assert_in_range(dial(f), 300 * USEC_PER_MSEC, 600 * USEC_PER_MSEC);
        assert_int_equal(f->fd, -ETIMEDOUT);
        for (unsigned i = 0; i < 4; i++)
                safe_close(fillers[i]);
}

static void test_preferred(void **state) {
        Fixture *f = *state;

        add(f, "127.0.0.2", -1);
        add(f, "127.0.0.1", 8);
        f->target.preferred = 5; /* of an older list */
        (void) dial(f);
        assert_int_equal(f->index, 1);
}

static void test_given_up(void **state) {
        Fixture *f = *state;
        Dial *d;

        add(f, "127.0.0.1", 8);
        assert_int_equal(dial_new(&f->loop, &f->target, NULL, on_dialled, f, &d), 0);
        assert_null(dial_free(d));
        assert_int_equal(loop_run(&f->loop, 0), 0);
        f->target.port = 1;
        assert_int_equal(dial_new(&f->loop, &f->target, NULL, on_dialled, f, &d), 0);
        dial_free(d);
        assert_int_equal(loop_run(&f->loop, 0), 0);
        assert_int_equal(f->n_told, 0);
}

static void test_path(void **state) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        Fixture *f = *state;

        (void) snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/test-dial.%d", getpid());
        f->target = (DialTarget) { .path = a.sun_path, .timeout_usec = USEC_PER_SEC };
        f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(f->listener, (struct sockaddr *) &a, sizeof(a)), 0);
        assert_int_equal(listen(f->listener, 8), 0);
        (void) dial(f);
        (void) unlink(a.sun_path);
        assert_true(f->fd >= 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

TEST_MAIN(T(test_first), T(test_refused), T(test_all_refuse), T(test_no_way_says_least), T(test_none),
          T(test_silent), T(test_too_long), T(test_preferred), T(test_given_up), T(test_path))
