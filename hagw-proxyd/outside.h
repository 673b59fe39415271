/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "inside.h"

/* Does a connection show that this machine can be reached from the internet? A sign for people, not a right:
 * where it is not sure, it says no. It shows nothing when the visitor is of the house's networks (lan), of a
 * special-purpose network, a hop that may stand for anybody, this machine itself, or, over IPv6, of the
 * network around it, whose addresses look like everybody's. Pure. */

#define OUTSIDE_HOUSE_BITS 56U /* of an IPv6 address that a whole house has in common */

/* Whose visitors are told apart. */
typedef enum OutsideWay {
        OUTSIDE_IPV4_HTTPS,
        OUTSIDE_IPV4_HTTP,
        OUTSIDE_IPV6_HTTPS,
        OUTSIDE_IPV6_HTTP,
        _OUTSIDE_WAY_MAX,
} OutsideWay;

const char *outside_family(OutsideWay way); /* "ipv4" or "ipv6" */
const char *outside_door(OutsideWay way);   /* "https" or "http" */

/* here: the address that he came to; AF_UNSPEC: not known. documentation: as in Config. */
bool outside_judge(const ConfCidrs *lan, const Hops *hops, bool documentation, const IpAddress *here,
                   const IpAddress *visitor);
