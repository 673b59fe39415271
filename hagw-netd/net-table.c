/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What stands in rtnetlink's answers, and the choice among it. */

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "net-table.h"

typedef struct Attribute {
        const void *data;
        size_t size;
} Attribute;

void net_table_done(NetTable *t) {
        free(t->addresses);
        free(t->routes);
        *t = (NetTable) {};
}

/* Fills attributes[type] for types below n; nested ones are not looked into. */
static int parse_attributes(const void *p, size_t size, Attribute *attributes, size_t n) {
        const uint8_t *b = p;

        while (size >= sizeof(struct rtattr)) {
                struct rtattr a;
                size_t type, step;

                memcpy(&a, b, sizeof(a));
                if (a.rta_len < sizeof(a) || a.rta_len > size)
                        return -EBADMSG;
                type = a.rta_type & NLA_TYPE_MASK;
                if (type < n)
                        attributes[type] = (Attribute) { b + RTA_LENGTH(0), a.rta_len - RTA_LENGTH(0) };
                step = MIN((size_t) RTA_ALIGN(a.rta_len), size);
                b += step;
                size -= step;
        }
        return 0;
}

static uint32_t attribute_u32(const Attribute *a, uint32_t fallback) {
        uint32_t u = fallback;

        if (a->size >= sizeof(u))
                memcpy(&u, a->data, sizeof(u));
        return u;
}

static int add_address(NetTable *t, const struct nlmsghdr *m) {
        Attribute attributes[IFA_FLAGS + 1] = {}, *which;
        struct ifa_cacheinfo life = { .ifa_prefered = UINT32_MAX, .ifa_valid = UINT32_MAX };
        struct ifaddrmsg head;
        NetAddress a = {};
        size_t size;
        int r;

        if (m->nlmsg_len < NLMSG_LENGTH(sizeof(head)))
                return -EBADMSG;
        memcpy(&head, NLMSG_DATA(m), sizeof(head));
        if (head.ifa_family != AF_INET && head.ifa_family != AF_INET6)
                return 0;
        r = parse_attributes((const uint8_t *) m + NLMSG_SPACE(sizeof(head)),
                             m->nlmsg_len - NLMSG_LENGTH(sizeof(head)), attributes, ELEMENTSOF(attributes));
        if (r < 0)
                return r;
        /* On a point-to-point link IFA_ADDRESS is the other end's. */
        which = attributes[IFA_LOCAL].data ? &attributes[IFA_LOCAL] : &attributes[IFA_ADDRESS];
        size = head.ifa_family == AF_INET ? 4 : 16;
        if (which->size != size)
                return -EBADMSG;
        if (attributes[IFA_CACHEINFO].size >= sizeof(life))
                memcpy(&life, attributes[IFA_CACHEINFO].data, sizeof(life));
        a.ifindex = (int) head.ifa_index;
        a.flags = attribute_u32(&attributes[IFA_FLAGS], head.ifa_flags);
        a.scope = head.ifa_scope;
        a.preferred = life.ifa_prefered;
        a.valid = life.ifa_valid;
        a.address.family = head.ifa_family;
        memcpy(a.address.bytes, which->data, size);
        if (t->n_addresses >= NET_ADDRESSES_MAX)
                return -E2BIG;
        if (!GREEDY_REALLOC(t->addresses, t->addresses_allocated, t->n_addresses + 1))
                return -ENOMEM;
        t->addresses[t->n_addresses++] = a;
        return 0;
}

/* A multipath route counts with its first hop. */
static int first_hop(const Attribute *a) {
        struct rtnexthop hop;

        if (a->size < sizeof(hop))
                return 0;
        memcpy(&hop, a->data, sizeof(hop));
        return hop.rtnh_ifindex;
}

/* Of a route with one hop; IPv4 by an IPv6 router (RFC 5549) is not told apart. */
static IpAddress read_gateway(const Attribute *a, int family) {
        IpAddress ip = { .family = family };
        size_t size = family == AF_INET ? 4 : 16;

        if (a->size != size)
                return (IpAddress) {};
        memcpy(ip.bytes, a->data, size);
        return ip;
}

static int add_route(NetTable *t, const struct nlmsghdr *m) {
        Attribute attributes[RTA_TABLE + 1] = {};
        struct rtmsg head;
        int r, ifindex;

        if (m->nlmsg_len < NLMSG_LENGTH(sizeof(head)))
                return -EBADMSG;
        memcpy(&head, NLMSG_DATA(m), sizeof(head));
        if ((head.rtm_family != AF_INET && head.rtm_family != AF_INET6) || head.rtm_dst_len != 0 ||
            head.rtm_type != RTN_UNICAST || (head.rtm_flags & RTM_F_CLONED))
                return 0;
        r = parse_attributes((const uint8_t *) m + NLMSG_SPACE(sizeof(head)),
                             m->nlmsg_len - NLMSG_LENGTH(sizeof(head)), attributes, ELEMENTSOF(attributes));
        if (r < 0)
                return r;
        if (attribute_u32(&attributes[RTA_TABLE], head.rtm_table) != RT_TABLE_MAIN)
                return 0;
        ifindex = (int) attribute_u32(&attributes[RTA_OIF],
                                      (uint32_t) first_hop(&attributes[RTA_MULTIPATH]));
        if (ifindex <= 0)
                return 0;
        if (t->n_routes >= NET_ROUTES_MAX)
                return -E2BIG;
        if (!GREEDY_REALLOC(t->routes, t->routes_allocated, t->n_routes + 1))
                return -ENOMEM;
        t->routes[t->n_routes++] = (NetRoute) { .family = head.rtm_family,
                                                .ifindex = ifindex,
                                                .gateway = read_gateway(&attributes[RTA_GATEWAY],
                                                                        head.rtm_family),
                                                .metric = attribute_u32(&attributes[RTA_PRIORITY], 0) };
        return 0;
}

int net_table_add(NetTable *t, const struct nlmsghdr *message) {
        switch (message->nlmsg_type) {
        case RTM_NEWADDR:
                return add_address(t, message);
        case RTM_NEWROUTE:
                return add_route(t, message);
        default:
                return 0;
        }
}

int net_table_default_interface(const NetTable *t, int family) {
        const NetRoute *best = NULL;

        for (size_t i = 0; i < t->n_routes; i++)
                if (t->routes[i].family == family && (!best || t->routes[i].metric < best->metric))
                        best = &t->routes[i];
        return best ? best->ifindex : 0;
}

/* Why an address is not to be published; NULL: it may be. */
static const char *address_flaw(const NetAddress *a) {
        /* The same bit means "secondary" for IPv4, which is no flaw. */
        if (a->address.family == AF_INET6 && (a->flags & IFA_F_TEMPORARY))
                return "it only has temporary addresses";
        if (a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))
                return "its address is not (yet) known to be unique on the link";
        if ((a->flags & IFA_F_DEPRECATED) || a->preferred == 0)
                return "its address is deprecated";
        if (a->scope != RT_SCOPE_UNIVERSE || !ip_is_public(&a->address))
                return "it only has private or local addresses";
        return NULL;
}

/* Made by hand, or the stable parent of temporary ones (RFC 8981): these do not change with the hour. */
static bool address_is_firm(const NetAddress *a) {
        if (a->address.family == AF_INET)
                return !(a->flags & IFA_F_SECONDARY);
        return a->flags & (IFA_F_PERMANENT | IFA_F_MANAGETEMPADDR);
}

static bool address_better(const NetAddress *a, const NetAddress *b) {
        if (address_is_firm(a) != address_is_firm(b))
                return address_is_firm(a);
        return a->preferred > b->preferred;
}

const NetAddress *net_table_pick(const NetTable *t, int family, int ifindex, const IpAddress *current) {
        const NetAddress *best = NULL, *held = NULL;

        for (size_t i = 0; i < t->n_addresses; i++) {
                const NetAddress *a = &t->addresses[i];

                if (a->ifindex != ifindex || a->address.family != family || address_flaw(a))
                        continue;
                if (!best || address_better(a, best))
                        best = a;
                if (current && ip_equal(&a->address, current))
                        held = a;
        }
        if (held && address_is_firm(held) == address_is_firm(best) && held->preferred >= best->preferred / 2)
                return held;
        return best;
}

const char *net_table_why_none(const NetTable *t, int family, int ifindex) {
        const char *flaw = NULL;

        for (size_t i = 0; i < t->n_addresses; i++)
                if (t->addresses[i].ifindex == ifindex && t->addresses[i].address.family == family) {
                        const char *f = address_flaw(&t->addresses[i]);

                        /* The one that nearly would do says most; a link-local one is always there. */
                        if (!flaw || t->addresses[i].scope == RT_SCOPE_UNIVERSE)
                                flaw = f;
                }
        return flaw ?: "it has no address of this kind";
}

static bool has_route(const NetTable *t, const NetRoute *r) {
        for (size_t i = 0; i < t->n_routes; i++)
                if (t->routes[i].family == r->family && t->routes[i].ifindex == r->ifindex &&
                    t->routes[i].metric == r->metric && ip_equal(&t->routes[i].gateway, &r->gateway))
                        return true;
        return false;
}

static bool leads_out(const NetTable *t, int ifindex) {
        for (size_t i = 0; i < t->n_routes; i++)
                if (t->routes[i].ifindex == ifindex)
                        return true;
        return false;
}

static bool is_usable(const NetAddress *a) {
        return a->scope == RT_SCOPE_UNIVERSE && !(a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED));
}

static bool has_address(const NetTable *t, const NetAddress *a) {
        for (size_t i = 0; i < t->n_addresses; i++)
                if (t->addresses[i].ifindex == a->ifindex && is_usable(&t->addresses[i]) &&
                    ip_equal(&t->addresses[i].address, &a->address))
                        return true;
        return false;
}

/* All of a's is in b. */
static bool is_within(const NetTable *a, const NetTable *b) {
        for (size_t i = 0; i < a->n_routes; i++)
                if (!has_route(b, &a->routes[i]))
                        return false;
        for (size_t i = 0; i < a->n_addresses; i++)
                if (is_usable(&a->addresses[i]) && leads_out(a, a->addresses[i].ifindex) &&
                    !has_address(b, &a->addresses[i]))
                        return false;
        return true;
}

bool net_table_same_way(const NetTable *a, const NetTable *b) {
        return is_within(a, b) && is_within(b, a);
}
