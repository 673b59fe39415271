/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/hops.h"

/* Does somebody who came here show that the internet reaches this machine? A visitor's connection and a
 * question for a name are judged alike. A sign for people, not a right: where it is not sure, it says no. It
 * shows nothing when the address is of the house's networks (lan), of a special-purpose network, a hop that
 * may stand for anybody, this machine itself, or, over IPv6, of the network around it, whose addresses look
 * like everybody's. Pure. */

#define OUTSIDE_HOUSE_BITS 56U /* of an IPv6 address that a whole house has in common */

typedef struct OutsideRules {
        const Cidr *lan;
        size_t n_lan;
        const Hops *hops;   /* NULL, or not known: nobody comes from outside */
        Cidr own[2];        /* this machine's and what is around it; AF_UNSPEC: none */
        bool documentation; /* as in Config */
} OutsideRules;

/* What is this machine's by an address of its own: over IPv6 the whole house, unless the address may be one
 * of a network that strangers share (given by hand). */
Cidr outside_own(const IpAddress *address, bool of_this_house);

bool outside_judge(const OutsideRules *o, const IpAddress *a);
