/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the internet, or maybe not. */

#include "outside.h"
#include "special.h"

static bool is_neighbour(const IpAddress *here, const IpAddress *visitor) {
        const Cidr house = { *here, here->family == AF_INET6 ? OUTSIDE_HOUSE_BITS : 32 };

        return here->family != AF_UNSPEC && cidr_contains(&house, visitor);
}

bool outside_judge(const ConfCidrs *lan, const Hops *hops, bool documentation, const IpAddress *here,
                   const IpAddress *visitor) {
        if (!hops->known || visitor->family == AF_UNSPEC || !special_is_public(visitor, documentation) ||
            is_neighbour(here, visitor) || inside_judge(lan, hops, visitor) != INSIDE_NO)
                return false;
        for (size_t i = 0; i < hops->n; i++)
                if (ip_equal(&hops->items[i], visitor))
                        return false;
        return true;
}

const char *outside_family(OutsideWay way) {
        return way == OUTSIDE_IPV4_HTTPS || way == OUTSIDE_IPV4_HTTP ? "ipv4" : "ipv6";
}

const char *outside_door(OutsideWay way) {
        return way == OUTSIDE_IPV4_HTTPS || way == OUTSIDE_IPV6_HTTPS ? "https" : "http";
}
