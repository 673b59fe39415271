/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What stands in rtnetlink's answers, and the choice among it. */

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "hagw-netd/net-table.h"
#include "libhagw/pure/special.h"

typedef struct Attribute {
        const void *data;
        size_t size;
} Attribute;

void net_table_done(NetTable *t) {
        free(t->addresses);
        free(t->routes);
        free(t->gateways);
        free(t->links);
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

static int add_gateway(NetTable *t, int family, const void *bytes, size_t size) {
        IpAddress a = { .family = family };

        if (size != (family == AF_INET ? 4U : 16U))
                return 0;
        memcpy(a.bytes, bytes, size);
        if (t->n_gateways >= NET_GATEWAYS_MAX)
                return -E2BIG;
        if (!GREEDY_REALLOC(t->gateways, t->gateways_allocated, t->n_gateways + 1))
                return -ENOMEM;
        t->gateways[t->n_gateways++] = a;
        return 0;
}

/* Of a route, or of a hop of one. RTA_VIA: IPv4 by an IPv6 router (RFC 5549). */
static int add_gateways(NetTable *t, int family, const Attribute *attributes) {
        const Attribute *via = &attributes[RTA_VIA];
        struct rtvia head;
        int r;

        r = attributes[RTA_GATEWAY].data ?
                    add_gateway(t, family, attributes[RTA_GATEWAY].data, attributes[RTA_GATEWAY].size) :
                    0;
        if (r < 0 || via->size < sizeof(head))
                return r;
        memcpy(&head, via->data, sizeof(head));
        return head.rtvia_family == AF_INET || head.rtvia_family == AF_INET6 ?
                       add_gateway(t, head.rtvia_family, (const uint8_t *) via->data + sizeof(head),
                                   via->size - sizeof(head)) :
                       0;
}

static int add_hops(NetTable *t, int family, const Attribute *hops) {
        const uint8_t *p = hops->data;
        size_t size = hops->size;

        while (size >= sizeof(struct rtnexthop)) {
                Attribute attributes[RTA_VIA + 1] = {};
                struct rtnexthop hop;
                size_t step;
                int r;

                memcpy(&hop, p, sizeof(hop));
                if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > size)
                        return -EBADMSG;
                r = parse_attributes(p + RTNH_LENGTH(0), hop.rtnh_len - RTNH_LENGTH(0), attributes,
                                     ELEMENTSOF(attributes));
                if (r >= 0)
                        r = add_gateways(t, family, attributes);
                if (r < 0)
                        return r;
                step = MIN((size_t) RTNH_ALIGN(hop.rtnh_len), size);
                p += step;
                size -= step;
        }
        return 0;
}

static int add_link(NetTable *t, const struct nlmsghdr *m) {
        Attribute attributes[IFLA_LINKINFO + 1] = {}, info[IFLA_INFO_KIND + 1] = {};
        const Attribute *kind = &info[IFLA_INFO_KIND];
        struct ifinfomsg head;
        bool bridge;
        int r;

        if (m->nlmsg_len < NLMSG_LENGTH(sizeof(head)))
                return -EBADMSG;
        memcpy(&head, NLMSG_DATA(m), sizeof(head));
        r = parse_attributes((const uint8_t *) m + NLMSG_SPACE(sizeof(head)),
                             m->nlmsg_len - NLMSG_LENGTH(sizeof(head)), attributes, ELEMENTSOF(attributes));
        if (r >= 0 && attributes[IFLA_LINKINFO].data)
                r = parse_attributes(attributes[IFLA_LINKINFO].data, attributes[IFLA_LINKINFO].size, info,
                                     ELEMENTSOF(info));
        if (r < 0)
                return r;
        bridge = kind->size >= strlen("bridge") && memcmp(kind->data, "bridge", strlen("bridge")) == 0;
        if (!bridge && (kind->size < strlen("tun") || memcmp(kind->data, "tun", strlen("tun")) != 0))
                return 0;
        if (t->n_links >= NET_LINKS_MAX)
                return -E2BIG;
        if (!GREEDY_REALLOC(t->links, t->links_allocated, t->n_links + 1))
                return -ENOMEM;
        t->links[t->n_links++] = (NetLink) { head.ifi_index, bridge };
        return 0;
}

static int add_route(NetTable *t, const struct nlmsghdr *m) {
        Attribute attributes[RTA_VIA + 1] = {}; /* the last of them */
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
        r = add_gateways(t, head.rtm_family, attributes);
        return r < 0 ? r : add_hops(t, head.rtm_family, &attributes[RTA_MULTIPATH]);
}

static int add_message(NetTable *t, const struct nlmsghdr *message) {
        switch (message->nlmsg_type) {
        case RTM_NEWADDR:
                return add_address(t, message);
        case RTM_NEWROUTE:
                return add_route(t, message);
        case RTM_NEWLINK:
                return add_link(t, message);
        default:
                return 0;
        }
}

int net_table_add(NetTable *t, const struct nlmsghdr *message) {
        int r = add_message(t, message);

        t->full = t->full || r == -E2BIG;
        return r;
}

int net_table_default_interface(const NetTable *t, int family) {
        const NetRoute *best = NULL;

        for (size_t i = 0; i < t->n_routes; i++)
                if (t->routes[i].family == family && (!best || t->routes[i].metric < best->metric))
                        best = &t->routes[i];
        return best ? best->ifindex : 0;
}

/* Why an address is not to be published; NULL: it may be. */
static const char *address_flaw(const NetAddress *a, bool documentation) {
        /* The same bit means "secondary" for IPv4, which is no flaw. */
        if (a->address.family == AF_INET6 && (a->flags & IFA_F_TEMPORARY))
                return "it only has temporary addresses";
        if (a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))
                return "its address is not (yet) known to be unique on the link";
        if ((a->flags & IFA_F_DEPRECATED) || a->preferred == 0)
                return "its address is deprecated";
        if (a->scope != RT_SCOPE_UNIVERSE || special_reach(&a->address, NULL) == SPECIAL_LOCAL)
                return "it only has private or local addresses";
        if (!special_is_public(&a->address, documentation))
                return "it only has addresses for documentation (documentation_networks in hagw.conf(5))";
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

const NetAddress *net_table_pick(const NetTable *t, int family, int ifindex, const IpAddress *current,
                                 bool documentation) {
        const NetAddress *best = NULL, *held = NULL;

        for (size_t i = 0; i < t->n_addresses; i++) {
                const NetAddress *a = &t->addresses[i];

                if (a->ifindex != ifindex || a->address.family != family ||
                    address_flaw(a, documentation))
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

const char *net_table_why_none(const NetTable *t, int family, int ifindex, bool documentation) {
        const char *flaw = NULL;

        for (size_t i = 0; i < t->n_addresses; i++)
                if (t->addresses[i].ifindex == ifindex && t->addresses[i].address.family == family) {
                        const char *f = address_flaw(&t->addresses[i], documentation);

                        /* The one that nearly would do says most; a link-local one is always there. */
                        if (!flaw || t->addresses[i].scope == RT_SCOPE_UNIVERSE)
                                flaw = f;
                }
        return flaw ?: "it has no address of this kind";
}

bool net_table_is_tentative(const NetTable *t, int family, int ifindex, bool documentation) {
        for (size_t i = 0; i < t->n_addresses; i++) {
                NetAddress a = t->addresses[i];

                if (a.ifindex != ifindex || a.address.family != family || !(a.flags & IFA_F_TENTATIVE) ||
                    (a.flags & IFA_F_DADFAILED))
                        continue;
                a.flags &= ~(uint32_t) IFA_F_TENTATIVE;
                if (!address_flaw(&a, documentation))
                        return true;
        }
        return false;
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

static bool hides_visitors(const NetTable *t, int ifindex) {
        for (size_t i = 0; i < t->n_links; i++)
                if (t->links[i].ifindex == ifindex)
                        return !t->links[i].bridge || !leads_out(t, ifindex);
        return false;
}

static void append_hop(IpAddress *list, size_t *n, const IpAddress *a) {
        for (size_t i = 0; i < MIN(*n, (size_t) NET_HOPS_MAX); i++)
                if (ip_equal(&list[i], a))
                        return;
        if (*n < NET_HOPS_MAX)
                list[*n] = *a;
        ++*n;
}

size_t net_table_hops(const NetTable *t, IpAddress ret[static NET_HOPS_MAX]) {
        size_t n = 0;

        for (size_t i = 0; i < t->n_gateways; i++)
                append_hop(ret, &n, &t->gateways[i]);
        for (size_t i = 0; i < t->n_addresses; i++)
                if (hides_visitors(t, t->addresses[i].ifindex))
                        append_hop(ret, &n, &t->addresses[i].address);
        return t->full ? MAX(n, (size_t) NET_HOPS_MAX + 1) : n;
}

static bool is_local(const NetAddress *a) {
        if (a->address.family == AF_INET6 && (a->flags & IFA_F_TEMPORARY))
                return false;
        return a->scope != RT_SCOPE_LINK && !(a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED));
}

size_t net_table_locals(const NetTable *t, NetLocal ret[static NET_LOCALS_MAX]) {
        size_t n = 0;

        for (size_t i = 0; i < t->n_addresses; i++) {
                const NetAddress *a = &t->addresses[i];

                if (!is_local(a))
                        continue;
                if (n < NET_LOCALS_MAX)
                        ret[n] = (NetLocal) { a->address, a->scope != RT_SCOPE_HOST &&
                                                                  !hides_visitors(t, a->ifindex) };
                n++;
        }
        return n;
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
