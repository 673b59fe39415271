/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "libhagw/vl-limit.h"
#include "tests/unit/test.h"

static char buffer[2 * VL_MESSAGE_MAX];

/* Two ends, the first of which is a link's. */
typedef struct Pair {
        sd_varlink_server *server;
        sd_varlink *link;
        int link_fd, fd;
} Pair;

static void pair_new(Pair *p) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_true(sd_varlink_server_new(&p->server, 0) >= 0);
        assert_true(sd_varlink_server_add_connection(p->server, fds[0], &p->link) >= 0);
        sd_varlink_ref(p->link);
        p->link_fd = fds[0];
        p->fd = fds[1];
        assert_int_equal(vl_limit_add(p->link), 0);
}

static void pair_done(Pair *p) {
        vl_limit_remove(p->link);
        sd_varlink_close_unref(p->link);
        sd_varlink_server_unref(p->server);
        close(p->fd);
}

static ssize_t take(const Pair *p) {
        return recv(p->link_fd, buffer, sizeof(buffer), MSG_DONTWAIT);
}

static void give(const Pair *p, char c, size_t n) {
        memset(buffer, c, n);
        assert_int_equal(send(p->fd, buffer, n, 0), n);
}

static void no_turn(const Pair *p) {
        assert_int_equal(take(p), -1);
        assert_int_equal(errno, EAGAIN);
}

/* After each reading the others have their turn, though there is more. */
static void test_turns(void **state) {
        Pair p;

        pair_new(&p);
        give(&p, 'x', 2 * VL_TURN_BYTES + 1);
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(take(&p), i < 2 ? VL_TURN_BYTES : 1);
                no_turn(&p);
        }
        /* One call at a time. */
        assert_int_equal(send(p.fd, "a\0bc\0d", 6, 0), 6);
        assert_int_equal(take(&p), 2);
        no_turn(&p);
        assert_int_equal(take(&p), 3);
        assert_string_equal(buffer, "bc");
        no_turn(&p);
        assert_int_equal(take(&p), 1);
        no_turn(&p);
        no_turn(&p);
        shutdown(p.fd, SHUT_WR);
        assert_int_equal(take(&p), 0);
        pair_done(&p);
}

static void takes(const Pair *p, size_t size) {
        for (size_t n = 0; n < size;) {
                size_t k = size - n < VL_TURN_BYTES ? size - n : VL_TURN_BYTES;

                give(p, 'x', k);
                assert_int_equal(take(p), k);
                no_turn(p);
                n += k;
        }
}

static void test_length(void **state) {
        Pair p;

        pair_new(&p);
        for (int i = 0; i < 3; i++) {
                takes(&p, VL_MESSAGE_MAX - 1);
                give(&p, '\0', 1);
                assert_int_equal(take(&p), 1);
                no_turn(&p);
        }
        takes(&p, VL_MESSAGE_MAX);
        give(&p, '\0', 1);
        assert_int_equal(take(&p), -1);
        assert_int_equal(errno, ECONNRESET);
        pair_done(&p);
}

/* Who calls again, and has not read what the socket could not take, is cut. */
static void test_unread(void **state) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        _cleanup_free_ char *text = calloc(1, VL_MESSAGE_MAX + 1);
        sd_varlink *link;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_true(sd_varlink_connect_fd(&link, fds[0]) >= 0);
        assert_int_equal(vl_limit_add(link), 0);
        vl_limit_cut_unread();
        assert_int_equal(recv(fds[0], buffer, sizeof(buffer), MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
        memset(text, 'x', VL_MESSAGE_MAX);
        assert_true(sd_json_buildo(&v, SD_JSON_BUILD_PAIR("x", SD_JSON_BUILD_STRING(text))) >= 0);
        assert_true(sd_varlink_send(link, "a.b.C", v) >= 0);
        assert_int_equal(send(fds[1], "x", 1, 0), 1);
        assert_int_equal(recv(fds[0], buffer, sizeof(buffer), MSG_DONTWAIT), -1);
        assert_int_equal(errno, ECONNRESET);
        assert_int_equal(recv(fds[1], buffer, 1, 0), 0);
        vl_limit_remove(link);
        sd_varlink_close_unref(link);
        close(fds[1]);
}

/* At the end nobody is waited for. */
static void test_cut_unread(void **state) {
        sd_varlink *link;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_true(sd_varlink_connect_fd(&link, fds[0]) >= 0);
        assert_int_equal(vl_limit_add(link), 0);
        assert_true(sd_varlink_send(link, "a.b.C", NULL) >= 0);
        vl_limit_cut_unread();
        assert_int_equal(recv(fds[1], buffer, 1, 0), 0);
        vl_limit_remove(link);
        sd_varlink_close_unref(link);
        close(fds[1]);
}

/* A number that was a link's is somebody else's afterwards, and other sockets are read as ever. */
static void test_others(void **state) {
        int fds[2];
        Pair p;

        pair_new(&p);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(send(fds[1], buffer, 3 * VL_TURN_BYTES, 0), 3 * VL_TURN_BYTES);
        assert_int_equal(recv(fds[0], buffer, sizeof(buffer), 0), 3 * VL_TURN_BYTES);
        pair_done(&p);
        assert_int_equal(dup2(fds[0], p.link_fd), p.link_fd);
        assert_int_equal(send(fds[1], buffer, 3 * VL_TURN_BYTES, 0), 3 * VL_TURN_BYTES);
        assert_int_equal(recv(p.link_fd, buffer, sizeof(buffer), 0), 3 * VL_TURN_BYTES);
        close(p.link_fd);
        close(fds[0]);
        close(fds[1]);
        assert_int_equal(recv(-1, buffer, 1, 0), -1);
        assert_int_equal(errno, EBADF);
}

static void test_number(void **state) {
        static Pair pairs[255];
        Pair p;

        for (size_t i = 0; i < ELEMENTSOF(pairs); i++)
                pair_new(pairs + i);
        pair_done(pairs);
        pair_new(&p);
        assert_int_equal(vl_limit_add(p.link), -EXFULL);
        pair_done(&p);
        for (size_t i = 1; i < ELEMENTSOF(pairs); i++)
                pair_done(pairs + i);
        static_assert(KEY_CONNECTIONS_PER_UID_MAX + VL_CONNECTIONS_MAX <= ELEMENTSOF(pairs), "keyd's");
}

/* What makes an answer large in memory is how many values it has, not how many bytes. */
static void test_answers(void **state) {
        sd_varlink_server *server;
        int fds[2], other[2];
        sd_varlink *link;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_true(sd_varlink_server_new(&server, 0) >= 0);
        assert_true(sd_varlink_server_add_connection(server, fds[0], &link) >= 0);
        sd_varlink_ref(link);
        assert_int_equal(vl_limit_add_answers(link), 0);
        /* Any number of messages, each with as many as it may have, and all bytes at once. */
        for (unsigned k = 0; k < 3; k++) {
                for (unsigned i = 0; i < VL_ANSWER_VALUES_MAX / 65536; i++) {
                        memset(buffer, i % 2 ? ',' : '[', 65536);
                        assert_int_equal(send(fds[1], buffer, 65536, 0), 65536);
                        assert_int_equal(recv(fds[0], buffer, sizeof(buffer), MSG_DONTWAIT), 65536);
                }
                assert_int_equal(send(fds[1], "xxxx", 5, 0), 5);
                assert_int_equal(recv(fds[0], buffer, sizeof(buffer), MSG_DONTWAIT), 5);
        }
        for (unsigned i = 0; i < VL_ANSWER_VALUES_MAX / 65536; i++) {
                memset(buffer, ',', 65536);
                assert_int_equal(send(fds[1], buffer, 65536, 0), 65536);
                assert_int_equal(recv(fds[0], buffer, sizeof(buffer), MSG_DONTWAIT), 65536);
        }
        assert_int_equal(send(fds[1], "{", 1, 0), 1);
        assert_int_equal(recv(fds[0], buffer, sizeof(buffer), MSG_DONTWAIT), -1);
        assert_int_equal(errno, ECONNRESET);
        assert_int_equal(send(fds[1], "x", 1, MSG_NOSIGNAL), -1);
        /* Whoever has the descriptor next is read like anybody. */
        sd_varlink_close_unref(link);
        sd_varlink_server_unref(server);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other), 0);
        assert_int_equal(other[0], fds[0]);
        memset(buffer, ',', sizeof(buffer));
        for (unsigned i = 0; i < VL_ANSWER_VALUES_MAX / 65536 + 2; i++) {
                assert_int_equal(send(other[1], buffer, 65536, 0), 65536);
                assert_int_equal(recv(other[0], buffer, 65536, MSG_DONTWAIT), 65536);
        }
        for (unsigned i = 0; i < 2; i++)
                close(other[i]);
        close(fds[1]);
}

TEST_MAIN(cmocka_unit_test(test_turns), cmocka_unit_test(test_length), cmocka_unit_test(test_unread),
          cmocka_unit_test(test_cut_unread), cmocka_unit_test(test_answers),
          cmocka_unit_test(test_others), cmocka_unit_test(test_number))
