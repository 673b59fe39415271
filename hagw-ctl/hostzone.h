/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* A new host's name against the zones of this gateway, and against the zone of its relay. */

/* -EINVAL after telling, where the name lies in no zone, but nearly in one, or in the relay's, which is not
 * this house's to have names in; or where it is an example. */
int host_check_zone(const Config *config, const char *name);

/* Of a house: the zone that its relay has its tenants' names in, and (may be NULL) the house's own zone
 * there. NULL: it is attached to none, or the names do not show it. */
const char *host_relay_zone(const Config *config, const char **ret_own);
