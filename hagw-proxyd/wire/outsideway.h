/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The ways by which visitors from the internet (outside.h) come, each counted by itself; at a relay also its
 * houses' machines, which are no visitors. Pure. */

typedef enum OutsideWay {
        OUTSIDE_IPV4_HTTPS,
        OUTSIDE_IPV4_HTTP,
        OUTSIDE_IPV6_HTTPS,
        OUTSIDE_IPV6_HTTP,
        OUTSIDE_IPV4_RELAY, /* at port 443 as well */
        OUTSIDE_IPV6_RELAY,
        _OUTSIDE_WAY_MAX,
} OutsideWay;

typedef enum OutsideKind {
        OUTSIDE_HTTPS,
        OUTSIDE_HTTP,
        OUTSIDE_RELAY,
        _OUTSIDE_KIND_MAX,
} OutsideKind;

const char *outside_family(OutsideWay way); /* "ipv4" or "ipv6" */
const char *outside_door(OutsideWay way);   /* "https", "http" or "relay" */
