/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/upstream/farside.h"

/* Tenants' houses as the far side of links: the relay has opened the visitor's TLS and speaks TLS with the
 * house within a channel. At the tenant's home. */

extern const FarSide tenants_far_side;
