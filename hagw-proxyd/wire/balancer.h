/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"

/* How load balancers begin their connections, told once in a while for each. Pure; a worker's own. */

typedef enum BalancerHeader {
        BALANCER_HEADER_PROPER,
        BALANCER_HEADER_VERSION_1, /* of the PROXY protocol, which is not read */
        BALANCER_HEADER_MISSING,   /* a visitor's own first bytes */
        _BALANCER_HEADER_MAX,
} BalancerHeader;

#define BALANCERS_TOLD_MAX 8U /* one more takes the place of who was told of longest ago */
#define BALANCER_TELL_USEC (60ULL * 1000 * 1000)

typedef struct BalancersTold {
        size_t n;
        struct {
                IpAddress address;
                uint64_t last_usec[_BALANCER_HEADER_MAX]; /* 0: never */
        } items[BALANCERS_TOLD_MAX];
} BalancersTold;

/* Whether that is to be told now, which is remembered. now_usec: of a clock that does not jump, not 0. */
bool balancer_is_due(BalancersTold *t, const IpAddress *address, BalancerHeader header, uint64_t now_usec);
