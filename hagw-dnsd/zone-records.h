/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-dnsd/zone.h"

/* Between zone.c and zone-records.c. */

/* Prepares all of the zone's records; name, name_size and labels are set. -EINVAL, -ENOMEM. */
int zone_records_make(Zone *z, const ZoneDescription *d);

static inline uint64_t rotate_hash(uint64_t h) {
        return h << 7 | h >> 57;
}
