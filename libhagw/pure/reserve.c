/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/macro.h"
#include "libhagw/pure/reserve.h"

#define SHARE 4U /* of the descriptors */

unsigned reserve_of_house(uint64_t descriptors, uint64_t houses) {
        uint64_t each = descriptors / SHARE / MAX(houses, (uint64_t) 1);

        return (unsigned) MIN(MAX(each, (uint64_t) 1), (uint64_t) RESERVE_MAX);
}
