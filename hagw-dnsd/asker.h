/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/outside.h"

/* When the internet last asked, zone by zone. Pure. */

/* When a question last came from outside, in seconds of CLOCK_MONOTONIC; 0: never. */
typedef struct AskersSeen {
        uint32_t since_sec;      /* it is looked at */
        uint32_t last_sec[2][2]; /* IPv4, IPv6; by UDP, by TCP */
} AskersSeen;

/* At most once a second and row is the address looked at closely. */
void asker_note(const OutsideRules *o, AskersSeen *seen, const IpAddress *a, bool tcp, uint32_t now_sec);
