/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who has port 53. */

#include <sys/socket.h>

#include "hagw-ctl/port53.h"

/* This machine's address on the way to the internet; nothing is sent. */
static bool own_address(int family, IpAddress *ret) {
        const char *somewhere = family == AF_INET ? "192.0.2.1" : "2001:db8::1";
        struct sockaddr_storage a;
        _cleanup_close_ int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        socklen_t size = sizeof(a);
        IpAddress to;

        return fd >= 0 && ip_parse(somewhere, &to) >= 0 &&
               connect(fd, (struct sockaddr *) &a, ip_to_sockaddr(&to, DNS_PORT, &a)) >= 0 &&
               getsockname(fd, (struct sockaddr *) &a, &size) >= 0 &&
               ip_from_sockaddr((const struct sockaddr *) &a, ret) >= 0;
}

/* Whether the kernel gives the port away at that address: only it knows whether a socket at :: has IPv4. */
static bool is_taken(const IpAddress *a, bool tcp) {
        _cleanup_close_ int fd = socket(a->family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
        struct sockaddr_storage sa;
        socklen_t size = ip_to_sockaddr(a, DNS_PORT, &sa);
        int one = 1;

        if (fd < 0)
                return false;
        /* TCP: connections that have ended are not in the way. */
        if (tcp)
                (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        return bind(fd, (struct sockaddr *) &sa, size) < 0 && errno == EADDRINUSE;
}

int port53_is_taken(int family) {
        IpAddress a;

        return own_address(family, &a) ? is_taken(&a, /* tcp= */ false) || is_taken(&a, /* tcp= */ true) :
                                         -ENETUNREACH;
}

const Holder *port53_find_resolver(const Holders *holders, int family) {
        const Holder *found = NULL;
        IpAddress a;

        if (!own_address(family, &a))
                return NULL;
        for (int tcp = 0; tcp < 2 && !found; tcp++)
                if (is_taken(&a, tcp))
                        found = holders_find_at(holders, &a, DNS_PORT, tcp);
        return found;
}
