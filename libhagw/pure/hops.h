/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"

/* Addresses of the house's own network that may stand for strangers': a router's that puts its own in the
 * place of visitors', a bridge's from which a container's proxy connects. hagw-netd knows them. Pure. */

#define HOPS_MAX 256U

typedef struct Hops {
        bool known; /* hagw-netd has told them, and these are all */
        size_t n;
        IpAddress items[HOPS_MAX];
} Hops;

bool hops_contain(const Hops *h, const IpAddress *a);
