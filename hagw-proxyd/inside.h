/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "conf.h"

/* Whose address is the house's own (hagw.conf(5), "Inside and outside"). Everything that a visitor gets for
 * being inside is asked here and nowhere else. Pure. */

bool inside_contains(const ConfCidrs *lan, const IpAddress *address);
