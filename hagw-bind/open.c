/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sockets. */

#include "hagw-bind/open.h"

static bool is_one_machine(const IpAddress *a) {
        static const uint8_t none[16];
        size_t size = a->family == AF_INET ? 4 : 16;

        if ((a->family != AF_INET && a->family != AF_INET6) || memcmp(a->bytes, none, size) == 0)
                return false;
        return a->family == AF_INET ? a->bytes[0] < 224 : a->bytes[0] != 0xff;
}

static int set_option(int fd, int level, int name, int value) {
        return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* TCP: what is left of an earlier connection must not be in the way; a socket that listens is, all the same.
 * UDP: with SO_REUSEADDR two servers would share the port, and one of them would have all the queries. The
 * address may come a moment later than the word of it. */
static int set_options(int fd, const BindRequest *q) {
        int r;

        r = q->address.family == AF_INET6 ? set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) :
                                            set_option(fd, IPPROTO_IP, IP_FREEBIND, 1);
        if (r >= 0 && q->address.family == AF_INET6)
                r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        if (r < 0)
                return r;
        if (q->tcp)
                return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        /* Up to net.core.rmem_max: more would need CAP_NET_ADMIN, and was measured to gain nothing. */
        (void) set_option(fd, SOL_SOCKET, SO_RCVBUF, BIND_BUFFER);
        (void) set_option(fd, SOL_SOCKET, SO_SNDBUF, BIND_BUFFER);
        return 0;
}

int bind_open(const BindRequest *q) {
        struct sockaddr_storage address;
        _cleanup_close_ int fd = -EBADF;
        socklen_t size;
        int r;

        if (q->port != BIND_PORT && q->port < BIND_PORT_UNPRIVILEGED)
                return -EPERM;
        if (!is_one_machine(&q->address))
                return -EINVAL;
        size = ip_to_sockaddr(&q->address, q->port, &address);
        fd = socket(q->address.family, (q->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    /* protocol= */ 0);
        if (fd < 0)
                return -errno;
        r = set_options(fd, q);
        if (r < 0)
                return r;
        if (bind(fd, (struct sockaddr *) &address, size) < 0 || (q->tcp && listen(fd, BIND_BACKLOG) < 0))
                return -errno;
        return TAKE_FD(fd);
}
