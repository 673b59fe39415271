/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* Where hagw-dnsd is to listen: at which of this machine's addresses, and at which port. Pure. */

#define LISTEN_PLACES_MAX 64U

typedef struct LocalAddress {
        IpAddress address;
        bool world; /* as in io.hagw.Net.WatchLocal */
} LocalAddress;

typedef struct ListenPlace {
        IpAddress address;
        uint16_t port;
} ListenPlace;

/* By default each address to which strangers' packets come: of IPv6 the public ones alone, since nothing
 * translates there; so what listens at the others (a resolver at a unique local address) is not in the way.
 * dns.listen says otherwise. None where there is no zone to be asked about. Returns how many there are;
 * LISTEN_PLACES_MAX are written at most. */
size_t listen_places(const Config *c, const LocalAddress *locals, size_t n,
                     ListenPlace ret[static LISTEN_PLACES_MAX]);
