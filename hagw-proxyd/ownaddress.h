/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "cidr.h"

/* False where the machine does not have this address now: packets to it do not arrive. */
bool is_own_address(const IpAddress *a);
/* Its end here is an address that the machine has no more: nothing arrives there, and TCP would try for
 * minutes. known: an address that was found to be there just now, AF_UNSPEC at first. */
bool is_stranded(int fd, IpAddress *known);
/* Which address of this machine another one finds as the sender; AF_UNSPEC: no way leads there. No packet is
 * sent for it. */
IpAddress own_address_towards(const IpAddress *peer);
