/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "hagw-netd/net-table.h"

/* Follows the kernel's addresses and routes. A notification only says "look again": the table is then read
 * whole, so that a lost notification loses nothing. */

#define NETLINK_SETTLE_USEC (50 * USEC_PER_MSEC) /* a change comes as a handful of messages */
#define NETLINK_READ_USEC   (5 * USEC_PER_SEC)   /* longest wait for the kernel's answer, which needs none */

typedef struct Netlink Netlink;
/* The table lives until the next change. other_way: net_table_same_way() says no. */
typedef void (*NetlinkHandler)(const NetTable *table, bool other_way, void *userdata);

/* Reads the table at once; the handler runs for later changes only. */
int netlink_new(Netlink **ret, sd_event *event, NetlinkHandler handler, void *userdata);
Netlink *netlink_free(Netlink *n);
DEFINE_TRIVIAL_CLEANUP_FUNC(Netlink *, netlink_free)

const NetTable *netlink_table(const Netlink *n);
