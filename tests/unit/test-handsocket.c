/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libhagw/net/handsocket.h"
#include "tests/unit/test.h"

static const Handover visitor = { .kind = HANDOVER_VISITOR };

typedef struct Two {
        int fds[2];
        uint8_t data[HANDOVER_SIZE_MAX];
        size_t size;
        int fd;
} Two;

static Two *two_new(void) {
        Two *t = calloc(1, sizeof(*t));

        assert_non_null(t);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, t->fds), 0);
        return t;
}

static void two_free(Two *t) {
        safe_close(t->fds[0]);
        safe_close(t->fds[1]);
        free(t);
}

static int receive(Two *t) {
        return handsocket_receive(t->fds[1], t->data, &t->size, &t->fd);
}

static void test_a_visitor_arrives(void **state) {
        Two *t = two_new();
        Handover h = visitor, back;
        int ends[2];
        char c;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        h.read = SLICE("what he said");
        assert_int_equal(receive(t), -EAGAIN);
        assert_int_equal(handsocket_send(t->fds[0], &h, ends[0]), 0);
        safe_close(ends[0]);
        assert_int_equal(receive(t), 0);
        assert_int_equal(handover_read(t->data, t->size, &back), 0);
        assert_true(slice_equal(back.read, h.read));
        assert_true(fcntl(t->fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(write(ends[1], "x", 1), 1);
        assert_int_equal(read(t->fd, &c, 1), 1);
        safe_close(t->fd);
        safe_close(ends[1]);
        two_free(t);
}

static void test_a_count_arrives(void **state) {
        const HandoverCount c = { 1, 2, 3, 4 };
        HandoverCount back;
        Two *t = two_new();

        assert_int_equal(handsocket_send_count(t->fds[0], &c), 0);
        assert_int_equal(receive(t), 0);
        assert_int_equal(t->fd, -EBADF);
        assert_int_equal(handover_count_read(t->data, t->size, &back), 0);
        assert_memory_equal(&c, &back, sizeof(c));
        two_free(t);
}

/* As long as a ClientHello may be. */
static void test_the_longest(void **state) {
        _cleanup_free_ char *read = malloc(HANDOVER_READ_MAX);
        Two *t = two_new();
        Handover h = visitor, back;

        memset(read, 'x', HANDOVER_READ_MAX);
        h.read = (Slice) { read, HANDOVER_READ_MAX };
        assert_int_equal(handsocket_send(t->fds[0], &h, STDIN_FILENO), 0);
        assert_int_equal(receive(t), 0);
        assert_int_equal(t->size, HANDOVER_SIZE_MAX);
        assert_int_equal(handover_read(t->data, t->size, &back), 0);
        safe_close(t->fd);
        two_free(t);
}

static void test_too_long(void **state) {
        _cleanup_free_ char *bytes = calloc(1, HANDOVER_SIZE_MAX + 1);
        Two *t = two_new();

        assert_int_equal(send(t->fds[0], bytes, HANDOVER_SIZE_MAX + 1, 0), HANDOVER_SIZE_MAX + 1);
        assert_int_equal(receive(t), -EBADMSG);
        two_free(t);
}

static int count_fds(void) {
        int n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* None of them stays open. */
static void send_fds(int s, int n) {
        char bytes[HANDOVER_HEAD_SIZE] = {}, control[CMSG_SPACE(16 * sizeof(int))] = {};
        struct iovec iov = { bytes, sizeof(bytes) };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                            .msg_controllen = CMSG_SPACE((size_t) n * sizeof(int)) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);

        c->cmsg_len = CMSG_LEN((size_t) n * sizeof(int));
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        for (int i = 0; i < n; i++)
                memcpy(CMSG_DATA(c) + (size_t) i * sizeof(int), &(int) { STDIN_FILENO }, sizeof(int));
        assert_int_equal(sendmsg(s, &m, 0), sizeof(bytes));
}

static void test_too_many_descriptors(void **state) {
        Two *t = two_new();
        int before = count_fds();

        for (int n = 2; n <= 16; n += 7) {
                send_fds(t->fds[0], n);
                assert_int_equal(receive(t), -EBADMSG);
                assert_int_equal(count_fds(), before);
        }
        two_free(t);
}

/* Nothing is lost of what was sent before, and nobody waits. */
static void test_full_and_gone(void **state) {
        Two *t = two_new();
        unsigned n = 0, got = 0;
        int r;

        while ((r = handsocket_send(t->fds[0], &visitor, STDIN_FILENO)) == 0)
                n++;
        assert_int_equal(r, -EAGAIN);
        assert_true(n > 16);
        /* Who stops says so first, and then takes what is there. */
        assert_int_equal(shutdown(t->fds[1], SHUT_RD), 0);
        assert_int_equal(handsocket_send(t->fds[0], &visitor, STDIN_FILENO), -EPIPE);
        while (receive(t) == 0) {
                got++;
                safe_close(t->fd);
        }
        assert_int_equal(got, n);
        safe_close(t->fds[0]);
        t->fds[0] = -EBADF;
        assert_int_equal(receive(t), -ENODATA);
        two_free(t);
}

/* A listener that nobody serves yet takes connections, and what is sent on them. */
static void test_a_listener_that_is_not_served(void **state) {
        char path[sizeof(((struct sockaddr_un *) NULL)->sun_path) + 1] = {};
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), s, served;
        Two t;

        (void) snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/hagw-handsocket.%d", getpid());
        assert_int_equal(handsocket_connect(a.sun_path), -ENOENT);
        assert_int_equal(bind(listener, (struct sockaddr *) &a, sizeof(a)), 0);
        assert_int_equal(listen(listener, 1), 0);
        s = handsocket_connect(a.sun_path);
        assert_true(s >= 0);
        assert_int_equal(handsocket_send(s, &visitor, STDIN_FILENO), 0);
        served = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(served >= 0);
        t.fds[1] = served;
        assert_int_equal(receive(&t), 0);
        safe_close(t.fd);
        safe_close(served);
        safe_close(s);
        safe_close(listener);
        (void) unlink(a.sun_path);
        memset(path, 'x', sizeof(path) - 1);
        assert_int_equal(handsocket_connect(path), -ENAMETOOLONG);
}

TEST_MAIN(cmocka_unit_test(test_a_visitor_arrives), cmocka_unit_test(test_a_count_arrives),
          cmocka_unit_test(test_the_longest), cmocka_unit_test(test_too_long),
          cmocka_unit_test(test_too_many_descriptors), cmocka_unit_test(test_full_and_gone),
          cmocka_unit_test(test_a_listener_that_is_not_served))
