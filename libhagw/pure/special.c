/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* IANA's IPv4 and IPv6 Special-Purpose Address Registries, row by row. Below them what is no unicast address
 * of anybody: multicast, and what is not allocated (RFC 4291 section 2.4: only 2000::/3 is). */

#include "libhagw/pure/special.h"

typedef enum Reach {
        YES = SPECIAL_GLOBAL,
        NO = SPECIAL_LOCAL,
        DOCUMENTATION = SPECIAL_DOCUMENTATION,
        MAPPED,   /* IPv4 in the last 32 bits */
        SIX_TO_4, /* IPv4 behind the first 16 bits (RFC 3056) */
        TEREDO,   /* the server's behind the first 32 bits, the client's inverted in the last (RFC 4380) */
} Reach;

typedef struct Row {
        uint8_t address[16];
        uint8_t prefix;
        Reach reach;
        const char *name; /* NULL: nothing special */
} Row;

#define V4(a, b, c, d) { a, b, c, d }
#define V6(a, b, c, d, e, f, g, h)                                                                       \
        { (a) >> 8, (a) & 0xff, (b) >> 8, (b) & 0xff, (c) >> 8, (c) & 0xff, (d) >> 8, (d) & 0xff,        \
          (e) >> 8, (e) & 0xff, (f) >> 8, (f) & 0xff, (g) >> 8, (g) & 0xff, (h) >> 8, (h) & 0xff }

static const Row rows4[] = {
        { V4(0, 0, 0, 0), 0, YES, NULL },
        { V4(0, 0, 0, 0), 8, NO, "\"this network\"" },
        { V4(0, 0, 0, 0), 32, NO, "\"this host on this network\"" },
        { V4(10, 0, 0, 0), 8, NO, "private use" },
        { V4(100, 64, 0, 0), 10, NO, "shared address space" },
        { V4(127, 0, 0, 0), 8, NO, "loopback" },
        { V4(169, 254, 0, 0), 16, NO, "link local" },
        { V4(172, 16, 0, 0), 12, NO, "private use" },
        { V4(192, 0, 0, 0), 24, NO, "IETF protocol assignments" },
        { V4(192, 0, 0, 0), 29, NO, "IPv4 service continuity prefix (DS-Lite)" },
        { V4(192, 0, 0, 8), 32, NO, "IPv4 dummy address" },
        { V4(192, 0, 0, 9), 32, YES, "Port Control Protocol anycast" },
        { V4(192, 0, 0, 10), 32, YES, "TURN anycast" },
        { V4(192, 0, 0, 170), 31, NO, "NAT64/DNS64 discovery" },
        { V4(192, 0, 2, 0), 24, DOCUMENTATION, "documentation (TEST-NET-1)" },
        { V4(192, 31, 196, 0), 24, YES, "AS112-v4" },
        { V4(192, 52, 193, 0), 24, YES, "AMT" },
        { V4(192, 88, 99, 0), 24, NO, "deprecated (6to4 relay anycast)" },
        { V4(192, 88, 99, 2), 32, NO, "6a44-relay anycast address" },
        { V4(192, 168, 0, 0), 16, NO, "private use" },
        { V4(192, 175, 48, 0), 24, YES, "direct delegation AS112 service" },
        { V4(198, 18, 0, 0), 15, NO, "benchmarking" },
        { V4(198, 51, 100, 0), 24, DOCUMENTATION, "documentation (TEST-NET-2)" },
        { V4(203, 0, 113, 0), 24, DOCUMENTATION, "documentation (TEST-NET-3)" },
        { V4(224, 0, 0, 0), 4, NO, "multicast" },
        { V4(240, 0, 0, 0), 4, NO, "reserved" },
        { V4(255, 255, 255, 255), 32, NO, "limited broadcast" },
};

static const Row rows6[] = {
        { V6(0, 0, 0, 0, 0, 0, 0, 0), 0, NO, "not allocated as global unicast" },
        { V6(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, YES, NULL },
        { V6(0, 0, 0, 0, 0, 0, 0, 0), 128, NO, "unspecified address" },
        { V6(0, 0, 0, 0, 0, 0, 0, 1), 128, NO, "loopback" },
        { V6(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, MAPPED, "IPv4-mapped address" },
        { V6(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, MAPPED, "IPv4-IPv6 translation" },
        { V6(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, NO, "local-use IPv4/IPv6 translation" },
        { V6(0x100, 0, 0, 0, 0, 0, 0, 0), 64, NO, "discard-only address block" },
        { V6(0x100, 0, 0, 1, 0, 0, 0, 0), 64, NO, "dummy IPv6 prefix" },
        { V6(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, NO, "IETF protocol assignments" },
        { V6(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, TEREDO, "Teredo" },
        { V6(0x2001, 1, 0, 0, 0, 0, 0, 1), 128, YES, "Port Control Protocol anycast" },
        { V6(0x2001, 1, 0, 0, 0, 0, 0, 2), 128, YES, "TURN anycast" },
        { V6(0x2001, 1, 0, 0, 0, 0, 0, 3), 128, YES, "DNS-SD service registration anycast" },
        { V6(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, NO, "benchmarking" },
        { V6(0x2001, 3, 0, 0, 0, 0, 0, 0), 32, YES, "AMT" },
        { V6(0x2001, 4, 0x112, 0, 0, 0, 0, 0), 48, YES, "AS112-v6" },
        { V6(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28, NO, "deprecated (ORCHID)" },
        { V6(0x2001, 0x20, 0, 0, 0, 0, 0, 0), 28, YES, "ORCHIDv2" },
        { V6(0x2001, 0x30, 0, 0, 0, 0, 0, 0), 28, YES, "drone remote ID" },
        { V6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, DOCUMENTATION, "documentation" },
        { V6(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, SIX_TO_4, "6to4" },
        { V6(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48, YES, "direct delegation AS112 service" },
        { V6(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, DOCUMENTATION, "documentation" },
        { V6(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16, NO, "segment routing (SRv6) SIDs" },
        { V6(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, NO, "unique local" },
        { V6(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, NO, "link-local unicast" },
        { V6(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, NO, "deprecated (site-local)" },
        { V6(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, NO, "multicast" },
};

static bool row_has(const Row *row, const IpAddress *a) {
        unsigned whole = row->prefix / 8, rest = row->prefix % 8;

        return memcmp(row->address, a->bytes, whole) == 0 &&
               (rest == 0 || (row->address[whole] ^ a->bytes[whole]) >> (8 - rest) == 0);
}

/* Each of the two tables has a row for every address. */
static const Row *find_row(const IpAddress *a) {
        const Row *rows = a->family == AF_INET ? rows4 : rows6, *best = NULL;
        size_t n = a->family == AF_INET ? ELEMENTSOF(rows4) : ELEMENTSOF(rows6);

        for (size_t i = 0; i < n; i++)
                if ((!best || rows[i].prefix > best->prefix) && row_has(&rows[i], a))
                        best = &rows[i];
        assert(best); /* the last row of each has all addresses */
        return best;
}

static IpAddress embedded(const uint8_t *bytes, uint8_t mask) {
        IpAddress a = { .family = AF_INET };

        for (size_t i = 0; i < 4; i++)
                a.bytes[i] = bytes[i] ^ mask;
        return a;
}

/* Of IPv4 addresses within others; each has a row of its own, so that this goes no deeper. */
static SpecialReach reach_of(const IpAddress *four, const char **ret_name) {
        const Row *row = find_row(four);

        if (row->name)
                *ret_name = row->name;
        return (SpecialReach) row->reach;
}

static SpecialReach reach_of_teredo(const IpAddress *a, const char **ret_name) {
        IpAddress server = embedded(a->bytes + 4, 0), client = embedded(a->bytes + 12, 0xff);
        SpecialReach reach = reach_of(&server, ret_name);

        return reach == SPECIAL_GLOBAL ? reach_of(&client, ret_name) : reach;
}

SpecialReach special_reach(const IpAddress *a, const char **ret_name) {
        const char *ignored;
        IpAddress four;
        const Row *row;

        ret_name = ret_name ?: &ignored;
        *ret_name = "no address";
        if (a->family != AF_INET && a->family != AF_INET6)
                return SPECIAL_LOCAL;
        row = find_row(a);
        *ret_name = row->name;
        switch (row->reach) {
        case MAPPED:
                four = embedded(a->bytes + 12, 0);
                return reach_of(&four, ret_name);
        case SIX_TO_4:
                four = embedded(a->bytes + 2, 0);
                return reach_of(&four, ret_name);
        case TEREDO:
                return reach_of_teredo(a, ret_name);
        default:
                return (SpecialReach) row->reach;
        }
}

bool special_is_public(const IpAddress *a, bool documentation) {
        SpecialReach reach = special_reach(a, /* ret_name= */ NULL);

        return reach == SPECIAL_GLOBAL || (reach == SPECIAL_DOCUMENTATION && documentation);
}
