/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/holders.h"

/* Port 53 of this machine, at its address on the way to the internet, where a resolver of the house may be
 * asked and hagw beside it at another port. */

#define DNS_PORT 53U
/* What setup makes of dns.ipv4_port then: a number that nobody else would think of, so that its owner can be
 * told when the reason is gone. */
#define PORT_BESIDE 5300U

/* Whether anybody has it, over UDP or TCP. 1, 0; -ENETUNREACH: this machine has no such address. */
int port53_is_taken(int family);

/* Who else is asked there, or NULL. */
const Holder *port53_find_resolver(const Holders *holders, int family);
