/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "cidr.h"

/* Hops (hops.h) that visitors have come by, for a person to decide about. Main thread only. */

#define HIDDEN_MAX 16U

typedef struct HiddenHop {
        IpAddress address;
        uint64_t first_usec, last_usec; /* CLOCK_REALTIME */
} HiddenHop;

typedef struct Hidden {
        HiddenHop items[HIDDEN_MAX];
        size_t n;
} Hidden;

/* Somebody came by this hop. Where there are too many the one that was used least lately gives way. */
void hidden_note(Hidden *h, const IpAddress *address);
int hidden_build(const Hidden *h, sd_json_variant **ret);
