/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "libhagw/pure/cidr.h"

/* False where the machine does not have this address now: packets to it do not arrive. */
bool is_own_address(const IpAddress *a);
/* The listening socket takes what goes to this address and port of this machine. */
bool is_own_door(int fd, const IpAddress *address, uint16_t port);
/* Its end here is an address that the machine has no more: nothing arrives there, and TCP would try for
 * minutes. known: an address that was found to be there just now, AF_UNSPEC at first. */
bool is_stranded(int fd, IpAddress *known);
/* Which address of this machine another one finds as the sender; AF_UNSPEC: no way leads there. No packet is
 * sent for it. */
IpAddress own_address_towards(const IpAddress *peer);
/* Packets of a connection to the peer would no longer go the way they went. An IPv6 host takes new temporary
 * addresses of the same network all the time (RFC 8981); the older ones are good as long as it has them. */
bool is_way_gone(int fd, const IpAddress *peer);
