/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "conf.h"

/* Which questions show that the internet reaches this machine: those whose address nobody in the house has,
 * and that no router of the house may have put in a device's place. Where it is not sure, it says no.
 * Pure. */

#define ASKER_HOPS_MAX 256U
#define ASKER_HOUSE_BITS 56U /* of an IPv6 address that a whole house has in common */

typedef struct AskerRules {
        bool known; /* hagw-netd has told the hops; before that nobody comes from outside */
        size_t n_hops;
        IpAddress hops[ASKER_HOPS_MAX]; /* routers, bridges: they may stand for somebody in the house */
        IpAddress own[2];                 /* the house's public addresses: IPv4's, IPv6's */
        bool own6_is_ours; /* the latter is this machine's: the house around it is ASKER_HOUSE_BITS wide */
        const ConfCidrs *lan;
        bool documentation; /* as in Config */
} AskerRules;

bool asker_is_outside(const AskerRules *o, const IpAddress *a);

/* When a question last came from outside, in seconds of CLOCK_MONOTONIC; 0: never. */
typedef struct AskersSeen {
        uint32_t since_sec;      /* it is looked at */
        uint32_t last_sec[2][2]; /* IPv4, IPv6; by UDP, by TCP */
} AskersSeen;

/* At most once a second and row is the address looked at closely. */
void asker_note(const AskerRules *o, AskersSeen *seen, const IpAddress *a, bool tcp, uint32_t now_sec);
