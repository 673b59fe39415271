/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "cidr.h"

/* True where the machine has this address now, and packets to it arrive. */
bool is_own_address(const IpAddress *a);
