/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <linux/netlink.h>

#include "libhagw/pure/cidr.h"

/* The machine's addresses and default routes as rtnetlink tells them (rtnetlink(7)), and which address to
 * publish. Pure. */

#define NET_ADDRESSES_MAX 1024U
#define NET_ROUTES_MAX    256U
#define NET_GATEWAYS_MAX  256U
#define NET_LINKS_MAX     1024U
#define NET_HOPS_MAX      256U /* what is told of them */
#define NET_LOCALS_MAX    256U /* what is told of this machine's addresses */

typedef struct NetAddress {
        int ifindex;
        uint32_t flags;            /* IFA_F_… */
        uint8_t scope;             /* RT_SCOPE_… */
        uint32_t preferred, valid; /* seconds that are left; UINT32_MAX: for ever */
        IpAddress address;
} NetAddress;

typedef struct NetRoute {
        int family;
        int ifindex;
        uint32_t metric;
        IpAddress gateway; /* the next hop; AF_UNSPEC: none is named */
} NetRoute;

/* An interface of a kind that container proxies have their end on. */
typedef struct NetLink {
        int ifindex;
        bool bridge; /* else a TUN or TAP device */
} NetLink;

typedef struct NetTable {
        NetAddress *addresses;
        size_t n_addresses, addresses_allocated;
        NetRoute *routes; /* default routes of the main table */
        size_t n_routes, routes_allocated;
        IpAddress *gateways; /* all next hops of those, of any family */
        size_t n_gateways, gateways_allocated;
        NetLink *links;
        size_t n_links, links_allocated;
        bool full; /* something had no place */
} NetTable;

void net_table_done(NetTable *t);

/* Takes in one message: RTM_NEWADDR, RTM_NEWROUTE and RTM_NEWLINK count, others are passed over. -EBADMSG:
 * cut short; -E2BIG: the table is full; -ENOMEM. */
int net_table_add(NetTable *t, const struct nlmsghdr *message);

/* The interface with the best default route of the family; 0: there is none. */
int net_table_default_interface(const NetTable *t, int family);

/* The interface's address to publish: global, stable, usable (no temporary, deprecated, tentative,
 * duplicate one; special.h: none to which the internet does not lead). The current one is kept while it
 * is nearly as good as the best, so that two equals do not take turns. Returns NULL where there is
 * none. documentation: as in Config. */
const NetAddress *net_table_pick(const NetTable *t, int family, int ifindex, const IpAddress *current,
                                 bool documentation);

/* True where the interface has an address that would do, were it known to be unique on the link: soon it
 * will be. */
bool net_table_is_tentative(const NetTable *t, int family, int ifindex, bool documentation);

/* True where packets to the world leave as before: by the same default routes, from the same addresses of
 * their interfaces. Lifetimes and addresses that cannot be used yet do not count. */
bool net_table_same_way(const NetTable *a, const NetTable *b);

/* Whose address may stand for strangers': next hops of the default routes, which may put theirs in the
 * place of visitors' when they pass them on (masquerading), and this machine's own addresses where a
 * container's proxy has its end: on TUN and TAP devices, and on bridges that lead to no default route.
 * A bridge that does is the house's network like any other interface, and what comes from its own
 * address there was made on this machine. Writes NET_HOPS_MAX at most; returns how many there are, or
 * more than that where they are not all known. */
size_t net_table_hops(const NetTable *t, IpAddress ret[static NET_HOPS_MAX]);

/* This machine's addresses to which somebody else's packets may come. Not: link-local ones, temporary ones,
 * which are there to ask from, those that are not known to be unique. world: strangers' may, by what kind of
 * interface it is (net_table_hops()): not at loopback addresses, nor where containers and virtual machines
 * have their own networks. Returns how many there are, in the kernel's order; NET_LOCALS_MAX are written at
 * most. */
typedef struct NetLocal {
        IpAddress address;
        bool world;
} NetLocal;
size_t net_table_locals(const NetTable *t, NetLocal ret[static NET_LOCALS_MAX]);

/* Why net_table_pick() found none, for people. */
const char *net_table_why_none(const NetTable *t, int family, int ifindex, bool documentation);
