/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The ways by which visitors from the internet (outside.h) come, each counted by itself. Pure. */

typedef enum OutsideWay {
        OUTSIDE_IPV4_HTTPS,
        OUTSIDE_IPV4_HTTP,
        OUTSIDE_IPV6_HTTPS,
        OUTSIDE_IPV6_HTTP,
        _OUTSIDE_WAY_MAX,
} OutsideWay;

const char *outside_family(OutsideWay way); /* "ipv4" or "ipv6" */
const char *outside_door(OutsideWay way);   /* "https" or "http" */
