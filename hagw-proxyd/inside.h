/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "conf.h"

/* Whose address is the house's own (hagw.conf(5), "Inside and outside"). Everything that a visitor gets
 * for being inside is asked here and nowhere else. Pure.
 *
 * A hop is an address that may stand for strangers': a router's that puts its own in the place of
 * visitors', a bridge's from which a container's proxy connects. It lies in a network of the house like
 * everybody there, and so it counts as inside only where lan names it by itself. hagw-netd knows them;
 * before it has spoken nobody is inside by a network. Loopback is no hop. */

#define INSIDE_HOPS_MAX 256U

typedef struct Hops {
        bool known; /* hagw-netd has told them, and these are all */
        size_t n;
        IpAddress items[INSIDE_HOPS_MAX];
} Hops;

typedef enum Inside {
        INSIDE_NO,
        INSIDE_UNKNOWN, /* would be, if it were known that this is no hop */
        INSIDE_HOP,     /* would be, were this no hop */
        INSIDE_YES,
} Inside;

Inside inside_judge(const ConfCidrs *lan, const Hops *hops, const IpAddress *address);
