/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Inside or outside. */

#include "inside.h"

bool inside_contains(const ConfCidrs *lan, const IpAddress *address) {
        return cidr_list_contains(lan->items, lan->n, address);
}
