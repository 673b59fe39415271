/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/pure/cidr.h"

/* Addresses that visitors have come by, for a person to decide about: hops (hops.h), and load balancers that
 * are set up wrongly. Main thread only. */

#define HIDDEN_MAX 16U

typedef struct HiddenHop {
        IpAddress address;
        uint64_t first_usec, last_usec; /* CLOCK_REALTIME */
} HiddenHop;

typedef struct Hidden {
        HiddenHop items[HIDDEN_MAX];
        size_t n;
} Hidden;

/* Somebody came by this address; true: for the first time. Where there are too many the one that was used
 * least lately gives way. */
bool hidden_note(Hidden *h, const IpAddress *address);
/* The same by a hop, of which the log tells once. */
void hidden_tell(Hidden *h, const IpAddress *address);
/* A list of io.hagw.Proxy.Hop. */
int hidden_build(const Hidden *h, sd_json_variant **ret);
