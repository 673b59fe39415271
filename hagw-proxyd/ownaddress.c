/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <sys/socket.h>

#include "ownaddress.h"

bool is_own_address(const IpAddress *a) {
        struct sockaddr_storage address;
        socklen_t size = ip_to_sockaddr(a, 0, &address);
        _cleanup_close_ int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        /* Other errors say nothing: no descriptor is left, or a link-local address is without its link. */
        return fd < 0 || bind(fd, (struct sockaddr *) &address, size) >= 0 || errno != EADDRNOTAVAIL;
}
