/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "hagw-netd/net-table.h"
#include "tests/unit/test.h"

typedef struct Message {
        struct nlmsghdr head;
        uint8_t rest[512];
} Message;

static void put(Message *m, const void *data, size_t size) {
        memcpy((uint8_t *) m + NLMSG_ALIGN(m->head.nlmsg_len), data, size);
        m->head.nlmsg_len = (uint32_t) (NLMSG_ALIGN(m->head.nlmsg_len) + size);
}

static void put_attribute(Message *m, unsigned type, const void *data, size_t size) {
        struct rtattr a = { .rta_type = (unsigned short) type,
                            .rta_len = (unsigned short) RTA_LENGTH(size) };

        put(m, &a, sizeof(a));
        put(m, data, size);
}

static Message begin(unsigned type, const void *body, size_t size) {
        Message m = { .head = { .nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = (uint16_t) type } };

        put(&m, body, size);
        return m;
}

static Message address_message(int ifindex, const char *text, uint32_t flags, uint32_t preferred) {
        struct ifaddrmsg head = { .ifa_index = (unsigned) ifindex, .ifa_scope = RT_SCOPE_UNIVERSE };
        struct ifa_cacheinfo life = { .ifa_prefered = preferred, .ifa_valid = UINT32_MAX };
        IpAddress a;

        assert_int_equal(ip_parse(text, &a), 0);
        head.ifa_family = (uint8_t) a.family;
        head.ifa_flags = (uint8_t) flags;
        Message m = begin(RTM_NEWADDR, &head, sizeof(head));
        put_attribute(&m, IFA_ADDRESS, a.bytes, a.family == AF_INET ? 4 : 16);
        put_attribute(&m, IFA_CACHEINFO, &life, sizeof(life));
        put_attribute(&m, IFA_FLAGS, &flags, sizeof(flags));
        return m;
}

static void add(NetTable *t, int ifindex, const char *text, uint32_t flags, uint32_t preferred) {
        Message m = address_message(ifindex, text, flags, preferred);

        assert_int_equal(net_table_add(t, &m.head), 0);
}

static void add_route(NetTable *t, int family, int ifindex, uint32_t metric, uint32_t table) {
        struct rtmsg head = { .rtm_family = (uint8_t) family,
                              .rtm_type = RTN_UNICAST,
                              .rtm_table = (uint8_t) table };
        Message m = begin(RTM_NEWROUTE, &head, sizeof(head));

        put_attribute(&m, RTA_OIF, &ifindex, sizeof(ifindex));
        put_attribute(&m, RTA_PRIORITY, &metric, sizeof(metric));
        put_attribute(&m, RTA_TABLE, &table, sizeof(table));
        assert_int_equal(net_table_add(t, &m.head), 0);
}

static void assert_pick(const NetTable *t, int family, const char *current, const char *expected) {
        const NetAddress *a;
        IpAddress c = {};
        char text[IP_TEXT_MAX];

        if (current)
                assert_int_equal(ip_parse(current, &c), 0);
        a = net_table_pick(t, family, 2, &c, /* documentation= */ true);
        if (!expected)
                assert_null(a);
        else {
                assert_non_null(a);
                assert_string_equal(ip_format(&a->address, text), expected);
        }
}

static void test_what_does_not_count(void **state) {
        static const struct {
                const char *address;
                uint32_t flags, preferred;
                const char *why;
        } rows[] = {
                { "2001:db8::1", IFA_F_TEMPORARY, 3600, "temporary" },
                { "2001:db8::1", IFA_F_DEPRECATED, 3600, "deprecated" },
                { "2001:db8::1", 0, 0, "deprecated" },
                { "2001:db8::1", IFA_F_TENTATIVE, 3600, "unique" },
                { "2001:db8::1", IFA_F_DADFAILED, 3600, "unique" },
                { "fd00::1", IFA_F_PERMANENT, UINT32_MAX, "private" },
                { "fe80::1", IFA_F_PERMANENT, UINT32_MAX, "private" },
                { "::1", IFA_F_PERMANENT, UINT32_MAX, "private" },
                { "192.168.1.2", IFA_F_PERMANENT, UINT32_MAX, "private" },
                { "100.64.0.1", IFA_F_PERMANENT, UINT32_MAX, "private" },
                { "192.0.0.2", IFA_F_PERMANENT, UINT32_MAX, "private" },
                { "198.18.0.1", IFA_F_PERMANENT, UINT32_MAX, "private" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(net_table_done) NetTable t = {};
                int family = strchr(rows[i].address, ':') ? AF_INET6 : AF_INET;

                add(&t, 2, rows[i].address, rows[i].flags, rows[i].preferred);
                assert_pick(&t, family, NULL, NULL);
                /* Nor when it is the one that was published so far. */
                assert_pick(&t, family, rows[i].address, NULL);
                assert_non_null(
                        strstr(net_table_why_none(&t, family, 2, /* documentation= */ true), rows[i].why));
        }
}

static void test_documentation(void **state) {
        _cleanup_(net_table_done) NetTable t = {};

        add(&t, 2, "203.0.113.1", IFA_F_PERMANENT, UINT32_MAX);
        assert_pick(&t, AF_INET, NULL, "203.0.113.1");
        assert_null(net_table_pick(&t, AF_INET, 2, /* current= */ NULL, /* documentation= */ false));
        assert_non_null(strstr(net_table_why_none(&t, AF_INET, 2, /* documentation= */ false),
                               "documentation_networks"));
}

static void test_preference(void **state) {
        _cleanup_(net_table_done) NetTable t = {};

        add(&t, 3, "2001:db8:3::1", IFA_F_PERMANENT, UINT32_MAX);
        assert_pick(&t, AF_INET6, NULL, NULL);
        add(&t, 2, "2001:db8:1::1", 0, 7200);
        assert_pick(&t, AF_INET6, NULL, "2001:db8:1::1");
        add(&t, 2, "2001:db8:2::1", IFA_F_MANAGETEMPADDR, 3600);
        assert_pick(&t, AF_INET6, NULL, "2001:db8:2::1");
        assert_pick(&t, AF_INET6, "2001:db8:1::1", "2001:db8:2::1");
        add(&t, 2, "2001:db8:4::1", IFA_F_MANAGETEMPADDR, 3700);
        assert_pick(&t, AF_INET6, NULL, "2001:db8:4::1");
        /* Nearly as good: no reason to move. */
        assert_pick(&t, AF_INET6, "2001:db8:2::1", "2001:db8:2::1");
        add(&t, 2, "2001:db8:5::1", IFA_F_MANAGETEMPADDR, 86400);
        assert_pick(&t, AF_INET6, "2001:db8:2::1", "2001:db8:5::1");
        /* For IPv4 the bit of "temporary" means "secondary". */
        add(&t, 2, "203.0.113.2", IFA_F_SECONDARY | IFA_F_PERMANENT, UINT32_MAX);
        assert_pick(&t, AF_INET, NULL, "203.0.113.2");
        add(&t, 2, "203.0.113.1", IFA_F_PERMANENT, UINT32_MAX);
        assert_pick(&t, AF_INET, NULL, "203.0.113.1");
}

static void test_default_interface(void **state) {
        _cleanup_(net_table_done) NetTable t = {};

        assert_int_equal(net_table_default_interface(&t, AF_INET6), 0);
        add_route(&t, AF_INET6, 5, 1024, RT_TABLE_MAIN);
        add_route(&t, AF_INET6, 6, 1, 1000); /* another table's */
        add_route(&t, AF_INET, 7, 0, RT_TABLE_MAIN);
        assert_int_equal(net_table_default_interface(&t, AF_INET6), 5);
        add_route(&t, AF_INET6, 4, 512, RT_TABLE_MAIN);
        assert_int_equal(net_table_default_interface(&t, AF_INET6), 4);
        assert_int_equal(net_table_default_interface(&t, AF_INET), 7);
}

/* Who leaves by which door. */
static void test_same_way(void **state) {
        static const struct {
                int ifindex;
                const char *address;
                uint32_t flags, preferred;
                int route; /* interface of another default route; 0: none */
                bool same;
        } rows[] = {
                { 2, "192.168.1.2", IFA_F_PERMANENT, UINT32_MAX, 0, true },
                { 2, "192.168.1.2", IFA_F_PERMANENT, 3600, 0, true }, /* another lifetime */
                { 2, "192.168.1.3", IFA_F_PERMANENT, UINT32_MAX, 0, false },
                { 9, "10.0.0.1", IFA_F_PERMANENT, UINT32_MAX, 0, true }, /* of a container's bridge */
                { 2, "2001:db8::7", IFA_F_TENTATIVE, UINT32_MAX, 0, true },
                { 2, "2001:db8::7", 0, UINT32_MAX, 0, false },
                { 9, "10.0.0.1", IFA_F_PERMANENT, UINT32_MAX, 9, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(net_table_done) NetTable a = {}, b = {};

                add_route(&a, AF_INET, 2, 100, RT_TABLE_MAIN);
                add_route(&b, AF_INET, 2, 100, RT_TABLE_MAIN);
                add(&a, 2, "192.168.1.2", IFA_F_PERMANENT, UINT32_MAX);
                add(&b, 2, "192.168.1.2", IFA_F_PERMANENT, UINT32_MAX);
                add(&b, rows[i].ifindex, rows[i].address, rows[i].flags, rows[i].preferred);
                if (rows[i].route > 0)
                        add_route(&b, AF_INET, rows[i].route, 200, RT_TABLE_MAIN);
                assert_int_equal(net_table_same_way(&a, &b), rows[i].same);
                assert_int_equal(net_table_same_way(&b, &a), rows[i].same);
        }
}

static void test_gateway(void **state) {
        _cleanup_(net_table_done) NetTable a = {}, b = {};
        static const uint8_t gateways[][4] = { { 192, 168, 1, 1 }, { 192, 168, 1, 254 } };

        for (size_t i = 0; i < 2; i++) {
                struct rtmsg head = { .rtm_family = AF_INET,
                                      .rtm_type = RTN_UNICAST,
                                      .rtm_table = RT_TABLE_MAIN };
                Message m = begin(RTM_NEWROUTE, &head, sizeof(head));

                put_attribute(&m, RTA_OIF, &(uint32_t) { 2 }, sizeof(uint32_t));
                put_attribute(&m, RTA_GATEWAY, gateways[i], 4);
                assert_int_equal(net_table_add(i == 0 ? &a : &b, &m.head), 0);
        }
        assert_false(net_table_same_way(&a, &b));
        assert_true(net_table_same_way(&a, &a));
}

static void test_cut_short(void **state) {
        Message m = address_message(2, "2001:db8::1", 0, 3600);
        uint32_t whole = m.head.nlmsg_len;

        for (uint32_t n = NLMSG_HDRLEN; n < whole; n++) {
                _cleanup_(net_table_done) NetTable t = {};

                m.head.nlmsg_len = n;
                /* Either it is refused, or what is missing was not needed. */
                if (net_table_add(&t, &m.head) == 0)
                        assert_true(n >= NLMSG_LENGTH(sizeof(struct ifaddrmsg)) + RTA_LENGTH(16));
        }
}

static void test_limit(void **state) {
        _cleanup_(net_table_done) NetTable t = {};
        Message m = address_message(2, "2001:db8::1", 0, 3600);

        for (size_t i = 0; i < NET_ADDRESSES_MAX; i++)
                assert_int_equal(net_table_add(&t, &m.head), 0);
        assert_int_equal(net_table_add(&t, &m.head), -E2BIG);
        assert_int_equal(t.n_addresses, NET_ADDRESSES_MAX);
}

static Message link_message(int ifindex, const char *kind) {
        struct ifinfomsg head = { .ifi_index = ifindex };
        Message m = begin(RTM_NEWLINK, &head, sizeof(head));
        uint8_t info[64] = {};
        struct rtattr a = { .rta_type = IFLA_INFO_KIND,
                            .rta_len = (unsigned short) RTA_LENGTH(strlen(kind) + 1) };

        memcpy(info, &a, sizeof(a));
        memcpy(info + sizeof(a), kind, strlen(kind));
        put_attribute(&m, IFLA_LINKINFO, info, RTA_ALIGN(a.rta_len));
        return m;
}

static void add_link(NetTable *t, int ifindex, const char *kind) {
        Message m = link_message(ifindex, kind);

        assert_int_equal(net_table_add(t, &m.head), 0);
}

static void test_hops(void **state) {
        _cleanup_(net_table_done) NetTable t = {};
        IpAddress hops[NET_HOPS_MAX];
        char text[IP_TEXT_MAX];

        add(&t, 2, "192.168.1.2", IFA_F_PERMANENT, UINT32_MAX);
        add(&t, 3, "172.17.0.1", IFA_F_PERMANENT, UINT32_MAX);
        add(&t, 4, "10.0.2.100", IFA_F_PERMANENT, UINT32_MAX);
        add(&t, 5, "10.9.0.1", IFA_F_PERMANENT, UINT32_MAX);
        assert_int_equal(net_table_hops(&t, hops), 0);
        add_link(&t, 2, "bridge");
        add_link(&t, 3, "bridge");
        add_link(&t, 4, "tun");
        add_link(&t, 5, "veth");
        /* The bridge that leads out is the house's network. */
        add_route(&t, AF_INET, 2, 100, RT_TABLE_MAIN);
        assert_int_equal(net_table_hops(&t, hops), 2);
        assert_string_equal(ip_format(&hops[0], text), "172.17.0.1");
        assert_string_equal(ip_format(&hops[1], text), "10.0.2.100");
}

/* Not all are known: more is told than there is room for. */
static void test_hops_limits(void **state) {
        _cleanup_(net_table_done) NetTable t = {}, u = {};
        Message m = link_message(3, "bridge");
        IpAddress hops[NET_HOPS_MAX];
        char text[32];

        add_link(&t, 3, "bridge");
        for (unsigned i = 0; i <= NET_HOPS_MAX; i++) {
                (void) snprintf(text, sizeof(text), "172.17.%u.%u", i / 256, i % 256);
                assert_int_equal(net_table_hops(&t, hops), i);
                add(&t, 3, text, IFA_F_PERMANENT, UINT32_MAX);
        }
        assert_int_equal(net_table_hops(&t, hops), NET_HOPS_MAX + 1);
        for (size_t i = 0; i < NET_LINKS_MAX; i++)
                assert_int_equal(net_table_add(&u, &m.head), 0);
        assert_int_equal(net_table_hops(&u, hops), 0);
        assert_int_equal(net_table_add(&u, &m.head), -E2BIG);
        assert_true(net_table_hops(&u, hops) > NET_HOPS_MAX);
}

static void test_locals(void **state) {
        static const struct {
                const char *address;
                bool world;
        } expected[] = {
                { "192.168.1.2", true }, { "192.168.1.3", true }, { "172.17.0.1", false },
                { "2001:db8::2", true }, { "fd00::2", true },     { "2001:db8:1::2", true },
        };
        _cleanup_(net_table_done) NetTable t = {};
        NetLocal locals[NET_LOCALS_MAX];
        char text[IP_TEXT_MAX];

        add_link(&t, 3, "bridge");
        add(&t, 2, "192.168.1.2", IFA_F_PERMANENT, UINT32_MAX);
        add(&t, 2, "192.168.1.3", IFA_F_PERMANENT | IFA_F_SECONDARY, UINT32_MAX);
        add(&t, 3, "172.17.0.1", IFA_F_PERMANENT, UINT32_MAX);
        add(&t, 2, "2001:db8::2", IFA_F_MANAGETEMPADDR, UINT32_MAX);
        add(&t, 2, "2001:db8::77", IFA_F_TEMPORARY, UINT32_MAX);
        add(&t, 2, "2001:db8::78", IFA_F_TENTATIVE, UINT32_MAX);
        add(&t, 2, "2001:db8::79", IFA_F_DADFAILED, UINT32_MAX);
        add(&t, 2, "fd00::2", IFA_F_PERMANENT, UINT32_MAX);
        /* What was published may still be asked. */
        add(&t, 2, "2001:db8:1::2", IFA_F_DEPRECATED, 0);
        assert_int_equal(net_table_locals(&t, locals), ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                assert_string_equal(ip_format(&locals[i].address, text), expected[i].address);
                assert_int_equal(locals[i].world, expected[i].world);
        }
        for (unsigned i = 0; i < NET_LOCALS_MAX; i++) {
                (void) snprintf(text, sizeof(text), "10.0.%u.%u", i / 200, i % 200);
                add(&t, 2, text, IFA_F_PERMANENT, UINT32_MAX);
        }
        assert_int_equal(net_table_locals(&t, locals), ELEMENTSOF(expected) + NET_LOCALS_MAX);
}

TEST_MAIN(cmocka_unit_test(test_what_does_not_count), cmocka_unit_test(test_documentation),
          cmocka_unit_test(test_preference), cmocka_unit_test(test_default_interface),
          cmocka_unit_test(test_cut_short), cmocka_unit_test(test_limit), cmocka_unit_test(test_same_way),
          cmocka_unit_test(test_gateway), cmocka_unit_test(test_hops), cmocka_unit_test(test_hops_limits),
          cmocka_unit_test(test_locals))
