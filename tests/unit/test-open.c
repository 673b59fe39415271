/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-bind/open.h"
#include "tests/unit/test.h"

static BindRequest request(const char *address, unsigned port, bool tcp) {
        BindRequest q = { .port = (uint16_t) port, .tcp = tcp };

        assert_int_equal(ip_parse(address, &q.address), 0);
        return q;
}

static int open_at(const char *address, unsigned port, bool tcp) {
        const BindRequest q = request(address, port, tcp);

        return bind_open(&q);
}

/* Another program's socket, as ready to share as can be. */
static int others(const char *address, unsigned port, bool tcp) {
        const BindRequest q = request(address, port, tcp);
        struct sockaddr_storage a;
        socklen_t size = ip_to_sockaddr(&q.address, q.port, &a);
        int fd = socket(q.address.family, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);

        assert_true(fd >= 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int) { 1 }, sizeof(int)), 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int) { 1 }, sizeof(int)), 0);
        if (bind(fd, (struct sockaddr *) &a, size) < 0 || (tcp && listen(fd, 1) < 0)) {
                int r = -errno;

                close(fd);
                return r;
        }
        return fd;
}

static unsigned port_of(int fd) {
        struct sockaddr_storage a;
        socklen_t size = sizeof(a);

        assert_int_equal(getsockname(fd, (struct sockaddr *) &a, &size), 0);
        return ntohs(((struct sockaddr_in *) &a)->sin_port);
}

/* A port that is free now, at all addresses and for both protocols. */
static unsigned free_port(void) {
        for (;;) {
                int udp = others("0.0.0.0", 0, false), tcp;
                unsigned port = port_of(udp);

                tcp = others("0.0.0.0", port, true);
                close(udp);
                if (tcp >= 0) {
                        close(tcp);
                        return port;
                }
        }
}

static void test_refused(void **state) {
        for (int tcp = 0; tcp < 2; tcp++) {
                assert_int_equal(open_at("127.0.0.1", 443, tcp), -EPERM);
                assert_int_equal(open_at("127.0.0.1", 1023, tcp), -EPERM);
                assert_int_equal(open_at("127.0.0.1", 0, tcp), -EPERM);
                assert_int_equal(open_at("0.0.0.0", 5300, tcp), -EINVAL);
                assert_int_equal(open_at("::", 5300, tcp), -EINVAL);
                assert_int_equal(open_at("224.0.0.251", 5300, tcp), -EINVAL);
                assert_int_equal(open_at("255.255.255.255", 5300, tcp), -EINVAL);
                assert_int_equal(open_at("ff02::fb", 5300, tcp), -EINVAL);
        }
        assert_int_equal(bind_open(&(BindRequest) { .port = 5300 }), -EINVAL);
}

/* Whoever comes second is refused, wherever he stands, and however he wants to share. */
static void test_nobody_shares(void **state) {
        for (int tcp = 0; tcp < 2; tcp++) {
                unsigned port = free_port();
                int ours = open_at("127.0.0.1", port, tcp), fd;

                assert_true(ours >= 0);
                assert_int_equal(others("127.0.0.1", port, tcp), -EADDRINUSE);
                assert_int_equal(others("0.0.0.0", port, tcp), -EADDRINUSE);
                fd = others("127.0.0.2", port, tcp);
                assert_true(fd >= 0);
                assert_int_equal(open_at("127.0.0.2", port, tcp), -EADDRINUSE);
                close(ours);
                close(fd);
                fd = others("0.0.0.0", port, tcp);
                assert_true(fd >= 0);
                assert_int_equal(open_at("127.0.0.1", port, tcp), -EADDRINUSE);
                close(fd);
                ours = open_at("127.0.0.1", port, tcp);
                assert_true(ours >= 0);
                close(ours);
        }
}

/* The word of an address may be earlier than the address. */
static void test_address_to_come(void **state) {
        int fd = open_at("192.0.2.77", 5300, false);

        assert_true(fd >= 0);
        close(fd);
        fd = open_at("2001:db8::77", 5300, true);
        assert_true(fd >= 0);
        close(fd);
}

TEST_MAIN(cmocka_unit_test(test_refused), cmocka_unit_test(test_nobody_shares),
          cmocka_unit_test(test_address_to_come))
