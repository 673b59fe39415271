/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Inside or outside. */

#include "hagw-proxyd/wire/inside.h"

static bool is_loopback(const IpAddress *a) {
        static const uint8_t one[16] = { [15] = 1 };

        return a->family == AF_INET ? a->bytes[0] == 127 :
                                      a->family == AF_INET6 && memcmp(a->bytes, one, sizeof(one)) == 0;
}

static bool is_single(const Cidr *c) {
        return c->prefix == (c->address.family == AF_INET ? 32 : 128);
}

Inside inside_judge(const ConfCidrs *lan, const Hops *hops, const IpAddress *address) {
        bool in_network = false;

        for (size_t i = 0; i < lan->n; i++) {
                if (!cidr_contains(&lan->items[i], address))
                        continue;
                if (is_single(&lan->items[i]))
                        return INSIDE_YES;
                in_network = true;
        }
        if (!in_network)
                return INSIDE_NO;
        if (is_loopback(address))
                return INSIDE_YES;
        if (hops_contain(hops, address))
                return INSIDE_HOP;
        return hops->known ? INSIDE_YES : INSIDE_UNKNOWN;
}
