/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"
#include "libhagw/pure/hops.h"

/* Whose address is the house's own (hagw.conf(5), "Inside and outside"). Everything that a visitor gets
 * for being inside is asked here and nowhere else. Pure.
 *
 * A hop (hops.h) lies in a network of the house like
 * everybody there, and so it counts as inside only where lan names it by itself. hagw-netd knows them;
 * before it has spoken nobody is inside by a network. Loopback is no hop. */

typedef enum Inside {
        INSIDE_NO,
        INSIDE_UNKNOWN, /* would be, if it were known that this is no hop */
        INSIDE_HOP,     /* would be, were this no hop */
        INSIDE_YES,
} Inside;

Inside inside_judge(const ConfCidrs *lan, const Hops *hops, const IpAddress *address);
