/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <sys/socket.h>

#include "libhagw/net/ownaddress.h"

bool is_own_address(const IpAddress *a) {
        struct sockaddr_storage address;
        socklen_t size = ip_to_sockaddr(a, 0, &address);
        _cleanup_close_ int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        /* Other errors say nothing: no descriptor is left, or a link-local address is without its link. */
        return fd < 0 || bind(fd, (struct sockaddr *) &address, size) >= 0 || errno != EADDRNOTAVAIL;
}

/* "::" of a socket that is for both families is any address of IPv4, too. */
static bool listens_at(int fd, const struct sockaddr_storage *bound, const IpAddress *address) {
        static const IpAddress any6 = { .family = AF_INET6 }, any4 = { .family = AF_INET };
        socklen_t size = sizeof(int);
        IpAddress at;
        int only = 1;

        if (ip_from_sockaddr((const struct sockaddr *) bound, &at) < 0)
                return false;
        if (at.family == address->family)
                return ip_equal(&at, address) || ip_equal(&at, at.family == AF_INET ? &any4 : &any6);
        return ip_equal(&at, &any6) && getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) >= 0 && !only;
}

bool is_own_door(int fd, const IpAddress *address, uint16_t port) {
        struct sockaddr_storage bound;
        socklen_t size = sizeof(bound);

        if (address->family == AF_UNSPEC || getsockname(fd, (struct sockaddr *) &bound, &size) < 0)
                return false;
        /* Both families have the port at the same place. */
        return ntohs(((struct sockaddr_in *) &bound)->sin_port) == port &&
               listens_at(fd, &bound, address) && is_own_address(address);
}

IpAddress own_address_towards(const IpAddress *peer) {
        struct sockaddr_storage address, own = {};
        socklen_t size = ip_to_sockaddr(peer, /* port= */ 9, &address), own_size = sizeof(own);
        IpAddress a = { .family = AF_UNSPEC };
        _cleanup_close_ int fd = -EBADF;

        if (size == 0)
                return a;
        fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *) &address, size) >= 0 &&
            getsockname(fd, (struct sockaddr *) &own, &own_size) >= 0)
                (void) ip_from_sockaddr((struct sockaddr *) &own, &a);
        return a;
}

bool is_stranded(int fd, IpAddress *known) {
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        IpAddress ours;

        if (getsockname(fd, (struct sockaddr *) &address, &size) < 0 ||
            ip_from_sockaddr((struct sockaddr *) &address, &ours) < 0 || ip_equal(&ours, known))
                return false;
        if (!is_own_address(&ours))
                return true;
        *known = ours; /* the next one's, too, most likely */
        return false;
}

bool is_way_gone(int fd, const IpAddress *peer) {
        const IpAddress now = own_address_towards(peer);
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        IpAddress ours;

        if (getsockname(fd, (struct sockaddr *) &address, &size) < 0 ||
            ip_from_sockaddr((struct sockaddr *) &address, &ours) < 0)
                return false;
        if (ip_equal(&ours, &now))
                return false;
        return ours.family != AF_INET6 || now.family != AF_INET6 ||
               memcmp(ours.bytes, now.bytes, 8) != 0 || !is_own_address(&ours);
}
