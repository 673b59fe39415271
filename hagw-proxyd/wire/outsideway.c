/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How visitors from the internet come. */

#include "hagw-proxyd/wire/outsideway.h"

static const struct {
        const char *family, *door;
} rows[_OUTSIDE_WAY_MAX] = {
        [OUTSIDE_IPV4_HTTPS] = { "ipv4", "https" }, [OUTSIDE_IPV4_HTTP] = { "ipv4", "http" },
        [OUTSIDE_IPV6_HTTPS] = { "ipv6", "https" }, [OUTSIDE_IPV6_HTTP] = { "ipv6", "http" },
        [OUTSIDE_IPV4_RELAY] = { "ipv4", "relay" }, [OUTSIDE_IPV6_RELAY] = { "ipv6", "relay" },
};

const char *outside_family(OutsideWay way) {
        return rows[way].family;
}

const char *outside_door(OutsideWay way) {
        return rows[way].door;
}
