/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"

/* A name looked up as this machine's programs do it (hosts file, DNS, whatever nsswitch.conf(5) names), for
 * what is typed before hagw-netd runs. */

#define RESOLVE_ADDRESSES_MAX 16U
#define RESOLVE_USEC (10 * USEC_PER_SEC)

typedef struct Resolved {
        IpAddress addresses[RESOLVE_ADDRESSES_MAX];
        size_t n;
} Resolved;

/* 1: it has addresses. 0: those who were asked know no address of it. -EAGAIN: nobody answered within the
 * limit. Or another negative errno. Ticks what waiting.h shows. */
int resolve_name(const char *name, uint64_t limit_usec, Resolved *ret);

/* The first of the family, or NULL. */
const IpAddress *resolved_find(const Resolved *resolved, int family);
