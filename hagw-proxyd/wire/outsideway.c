/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How visitors from the internet come. */

#include "hagw-proxyd/wire/outsideway.h"

const char *outside_family(OutsideWay way) {
        return way == OUTSIDE_IPV4_HTTPS || way == OUTSIDE_IPV4_HTTP ? "ipv4" : "ipv6";
}

const char *outside_door(OutsideWay way) {
        return way == OUTSIDE_IPV4_HTTPS || way == OUTSIDE_IPV6_HTTPS ? "https" : "http";
}
