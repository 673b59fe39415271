/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* What is left to do for a host whose name is in nobody's zone but its own: where it has to lead, and what
 * its certificate needs. tenants: it leads to a tenant's house. -ENOMEM. */
int outside_say(const Config *config, const char *name, bool tenants);
